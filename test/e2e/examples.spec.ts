import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type Run, type RunspineClient } from '@runspine/client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { quickNexus } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

// Real: everything. The examples run as processes, as their READMEs say, and are read back through the API.

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const EXAMPLE_MAX_MS = 60_000;
let stack: Stack;
let client: RunspineClient;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'runspine-examples-'));
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
  client = createClient({ address: stack.gateways[0]!.address });
}, 120_000);
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('examples/data-pipeline', () => {
  let cwd: string;
  let first: Run;

  // Checkpoints take a commit without changes beside it: the example lies in a repository of its own here.
  beforeAll(() => {
    cwd = join(folder, 'data-pipeline');
    cpSync(join(ROOT, 'examples/data-pipeline'), cwd, {
      recursive: true,
      filter: (path) => !/node_modules/.test(path),
    });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd });
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'A pipeline');
  });

  it('executes its stages, and records each with rows and steps', async () => {
    const { code, out } = await example(cwd, ['pipeline.js']);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^extract +6 rows, executed\nconvert +6 rows, executed\nreport +3 rows, executed\n +Acme +447\.68 EUR/,
    );

    first = await ended(out);
    expect(first).toMatchObject({ status: 'completed', name: 'nightly orders', kind: 'pipeline', output: REPORT });
    const stages = await stagesOf(first);
    expect(stages.map(({ stage, status, source }) => [stage, status, source])).toEqual([
      ['extract', 'completed', 'executed'],
      ['convert', 'completed', 'executed'],
      ['report', 'completed', 'executed'],
    ]);
    expect(stages.map(({ metrics }) => metrics.rows_out)).toEqual([6, 6, 3]);
    const steps = await client.steps.list(stages[1]!.run_id).first(9);
    expect(steps.map(({ name, status }) => `${name} ${status}`)).toEqual(
      ['EUR', 'GBP', 'SEK', 'USD'].map((currency) => `convert ${currency} completed`),
    );
  });

  it('gives every stage from its checkpoint the second time', async () => {
    const { code, out } = await example(cwd, ['pipeline.js']);
    expect(code).toBe(0);
    expect(out.match(/from its checkpoint/g)).toHaveLength(3);

    const second = await ended(out);
    expect(second).toMatchObject({ status: 'completed', output: REPORT });
    const [before, stages] = [await stagesOf(first), await stagesOf(second)];
    expect(stages.map(({ source, checkpoint_run_id: of }) => [source, of])).toEqual(
      before.map(({ run_id: id }) => ['checkpoint', id]),
    );
  });

  it('fails where a rate is missing, and says in which step', async () => {
    const { code, out, err } = await example(cwd, ['pipeline.js', '--rates', 'rates-february.json']);
    expect([code, err]).toEqual([1, 'The pipeline failed: rates-february.json has no rate for SEK\n']);
    expect(out).toBe('extract  6 rows, from its checkpoint\n');

    const [failed] = await client.runs.list({ stage: 'convert', status: 'failed' }).first(2);
    expect(failed).toMatchObject({ error: { message: 'rates-february.json has no rate for SEK' } });
    const steps = await client.steps.list(failed!.run_id).first(9);
    expect(steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'convert EUR completed',
      'convert GBP completed',
      'convert SEK failed',
    ]);
    expect(await client.runs.get(failed!.parent_run_id!)).toMatchObject({ status: 'failed', name: 'nightly orders' });
  });
});

describe('examples/agent', () => {
  it('asks in parallel, and records every call with its tokens', async () => {
    const { code, out, err } = await example(ROOT, ['examples/agent/agent.js']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^Rye bread rests for sixteen hours\. Brioche takes 250 grams .* Baguettes are scored five times\.\n/,
    );
    expect(out).toMatch(/\n5 tasks, 4 calls, \d+ tokens\n/);
    expect(out).toMatch(
      /research-1: task_scheduled, .*provider_called, provider_responded, schema_validated, task_completed\n/,
    );

    const run = await ended(out);
    expect(run).toMatchObject({ status: 'completed', kind: 'agent', task_count: 5, metrics: { llm_calls: 4 } });
    const steps = await client.steps.list(run.run_id).first(9);
    const names = ['learn', 'research', 'research', 'research', 'summarise'];
    expect(steps.map(({ name }) => name).sort()).toEqual(names);
    expect(steps.every(({ status }) => status === 'completed')).toBe(true);
    const researched = steps.filter(({ name }) => name === 'research').map((step) => step.step_id);
    expect(steps.find(({ name }) => name === 'summarise')!.depends_on).toEqual(researched);

    const events = await client.runs.events(run.run_id).first(200);
    const firstEnd = events.findIndex(({ type, step_id: of }) => type === 'step.completed' && researched.includes(of!));
    const begun = events.slice(0, firstEnd).filter(({ type }) => type === 'step.started');
    // Learning, and all three questions before any of them was answered.
    expect(begun).toHaveLength(4);
    const calls = events.filter(({ type }) => type === 'step.provider_called').map(({ data }) => data);
    expect(calls).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining({ provider: '127.0.0.1', model: 'small-1' })),
    );
    expect(JSON.stringify(calls)).not.toContain('rye');
    const found = events.filter(({ type }) => type === 'step.retrieved');
    expect(found.map(({ step_id: of }) => of).sort()).toEqual(researched.toSorted());
    const hits = found.flatMap(({ data }) => (data.hits as { document_id: string }[]).map((hit) => hit.document_id));
    expect(hits.sort()).toEqual(['baguette', 'brioche', 'rye']);
  });
});

describe('examples/kafka-producer', () => {
  it('records a run by headers and JSON alone', async () => {
    const env = { KAFKA_BROKERS: stack.brokers.join(','), RUNSPINE_TOPIC_PREFIX: stack.env.RUNSPINE_TOPIC_PREFIX! };
    const { code, out } = await example(ROOT, ['examples/kafka-producer/producer.js'], env);
    expect(code).toBe(0);

    const run = await ended(out);
    expect(run).toMatchObject({
      status: 'completed',
      room_id: 'warehouse',
      external_id: 'order-4711',
      output: { items: 2 },
    });
    const steps = await client.steps.list(run.run_id).first(9);
    expect(steps.map(({ name, status, output }) => [name, status, output])).toEqual([
      ['pick bolts', 'completed', { item: 'bolts', count: 40 }],
      ['pick nuts', 'completed', { item: 'nuts', count: 38 }],
    ]);
    expect(run.version).toBe(9);
    expect(await client.rejections().first(1)).toEqual([]);
  });
});

const REPORT = [
  { customer: 'Acme', eur: 447.68 },
  { customer: 'Cedar', eur: 49.68 },
  { customer: 'Borealis', eur: 247.5 },
];

function example(cwd: string, args: string[], more: Record<string, string> = {}) {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    RUNSPINE_ADDRESS: stack.gateways[0]!.address,
    RUNSPINE_SPOOL_DIR: join(folder, 'spool'),
    ...more,
  };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, args, { cwd, env, timeout: EXAMPLE_MAX_MS }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    );
  });
}

/** The run that an example named, once it ended. */
async function ended(out: string): Promise<Run> {
  const id = /^run (run_\w+)$/m.exec(out)![1]!;
  return until('the run to end', async () => {
    const run = await client.runs.get(id).catch(() => undefined);
    return run?.status === 'completed' || run?.status === 'failed' ? run : undefined;
  });
}

async function stagesOf(run: Run): Promise<Run[]> {
  return (await client.runs.list({ parent: run.run_id }).first(9)).toReversed();
}
