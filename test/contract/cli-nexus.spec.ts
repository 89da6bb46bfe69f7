import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, type NexusAnswer, type NexusTask } from '@runspine/client';
import { CommandLine } from '../stack/command-line.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/** Documents and routes by the command line, against the real services and LanceDB. */
let stack: Stack;
let cli: CommandLine;
let folder: string;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1 });
  cli = new CommandLine(stack.gateways[0]!.address);
  folder = mkdtempSync(join(tmpdir(), 'runspine-cli-nexus-'));
  writeFileSync(join(folder, 'hours.md'), 'We open at nine and close at six.');
  writeFileSync(join(folder, 'more.ndjson'), '{"document_id":"bread","text":"Bread is baked at night."}\n\n');
  writeFileSync(join(folder, 'list.json'), '{"documents":[{"document_id":"tea","text":"Tea is green or black."}]}');
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stack.close();
});

const here = (args: string[], options: object = {}) => cli.here(['nexus', ...args], { cwd: folder, ...options });
const parsed = <T>(text: string) => JSON.parse(text) as T;

describe('nexus', () => {
  it('says how to begin where there is nothing', async () => {
    expect((await here(['spaces'])).err).toContain('The first ingest makes one');
    expect((await here(['query', 'handbook', 'when'])).err).toContain('has nothing on that');
    expect((await here(['spaces', 'handbook'])).code).toBe(3);
    expect((await here(['ingest', 'handbook'])).code).toBe(2);
  });

  it('ingests files, lines, lists and texts, and finds them', async () => {
    const files = await here(['ingest', 'handbook', 'hours.md', 'more.ndjson', 'list.json', '--metadata', 'lang=en']);
    expect(files).toMatchObject({ code: 0, out: expect.stringMatching(/^task_\w+ {2}3 documents, 3 chunks, version/) });
    const stdin = await here(['ingest', 'handbook', '-', '--json'], { input: '{"document_id":"salt","text":"Salt."}' });
    expect(parsed<NexusTask>(stdin.out)).toMatchObject({ status: 'completed', documents_done: 1 });
    await here(['ingest', 'handbook', '--text', 'Closed on Mondays.', '--id', 'mondays', '--type', 'note']);
    const large = join(folder, 'large.txt');
    writeFileSync(large, 'A long tale of the oven. '.repeat(50_000));
    const later = await here(['ingest', 'tales', large, '--no-wait']);
    expect(later.err).toContain('runspine nexus task task_');
    const task = /task_\w+/.exec(later.out)![0];
    const done = await here(['task', task, '--wait'], { columns: 80 });
    expect(done.out).toMatch(/completed[\s\S]*documents +.*1 of 1/);
    expect(parsed((await here(['task', task, '--json'])).out)).toMatchObject({ task_id: task, status: 'completed' });

    const { out, err } = await here(['query', 'handbook', 'when', 'do', 'you', 'open', '-k', '2'], { columns: 80 });
    expect(out).toMatch(/hours\.md#0[\s\S]*We open at nine/);
    expect(err).toContain('--as-of');
    const filter = ['--filter', '{"type":{"$eq":"note"}}', '--mode', 'text'];
    const noted = parsed<NexusAnswer>((await here(['query', 'handbook', 'closed', ...filter, '--json'])).out);
    expect(noted.hits.map(({ document_id: id }) => id)).toEqual(['mondays']);
    const again = await here(['query', 'handbook', 'closed', ...filter, '--as-of', noted.snapshot, '--json']);
    expect(parsed<NexusAnswer>(again.out).hits).toEqual(noted.hits);
    expect(parsed((await here(['query', 'handbook', 'bread', '--explain', '--global'])).out)).toBeInstanceOf(Object);
    expect((await here(['query', 'handbook', 'x', '--filter', '{'])).code).toBe(2);
    expect((await here(['query', 'handbook', 'x', '--filter', '{"$what":1}'])).code).toBe(2);
  });

  it('shows the spaces', async () => {
    const { out } = await here(['spaces'], { columns: 80 });
    expect(out).toMatch(/handbook +tenant +5 +5/);
    expect((await here(['spaces', 'handbook'])).out).toContain('hash-384');
    expect(parsed((await here(['spaces', 'handbook', '--json'])).out)).toMatchObject({ documents: 5 });
    expect((await here(['spaces', '--json'])).out.trim().split('\n')).toHaveLength(2);
    const first = await here(['spaces', '--limit', '1', '--json']);
    const { next_cursor: cursor } = parsed<{ next_cursor: string }>(first.err);
    const rest = await here(['spaces', '--cursor', cursor, '--json']);
    expect([first, rest].map(({ out: line }) => parsed<{ space_id: string }>(line).space_id)).toEqual([
      'handbook',
      'tales',
    ]);
    expect((await here(['spaces', '--cursor', 'elsewhere'])).code).toBe(2);
  });

  it('refuses what is no document', async () => {
    writeFileSync(join(folder, 'wrong.ndjson'), '[1]\n');
    expect((await here(['ingest', 'handbook', 'wrong.ndjson'])).err).toContain('line 1');
    writeFileSync(join(folder, 'wrong.json'), '{');
    expect((await here(['ingest', 'handbook', 'wrong.json'])).code).toBe(2);
    expect((await here(['ingest', 'handbook', folder])).err).toContain('folder');
    expect((await here(['ingest', 'handbook', 'nowhere.md'])).err).toContain('There is no file');
    expect((await here(['ingest', 'handbook', 'more.ndjson', 'list.json', '--id', 'one'])).code).toBe(2);
    expect((await here(['task', `task_${'0'.repeat(32)}`])).code).toBe(3);
  });

  it('asks again what a step asked, of the data of then', async () => {
    const client = createClient({ address: stack.gateways[0]!.address });
    const { run_id: run } = await client.runs.create({ name: 'agent' });
    await client.runs.start(run);
    const { step_id: step } = await client.steps.create(run, { name: 'look up' });
    await client.steps.start(run, step);
    expect((await here(['replay', step, '--run', run])).err).toContain('retrieved nothing');
    const asked = await here(['query', 'handbook', 'bread', '--run', run, '--step', step, '--json']);
    const { hits } = parsed<NexusAnswer>(asked.out);
    const kept = () => client.runs.events(run, { step, type: 'step.retrieved' }).first(1);
    await until('what it retrieved', async () => (await kept()).length === 1);
    await here(['ingest', 'handbook', '--text', 'Bread, bread, bread.', '--id', 'bread']);

    const replayed = await here(['replay', step], { columns: 80 });
    expect(replayed).toMatchObject({ code: 0, out: expect.stringContaining('The same hits, with the same scores.') });
    expect(parsed((await here(['replay', step, '--run', run, '--json'])).out)).toMatchObject({
      same: true,
      hits: hits.map(({ id, score }) => ({ id, score })),
    });
    expect((await here(['replay', 'step_1'])).code).toBe(2);
    expect((await here(['replay', `step_${'0'.repeat(32)}`])).code).toBe(3);
  });
});

describe('routes', () => {
  it('are listed, set and deleted by who may', async () => {
    const admin = ['--roles', 'admin'];
    const refused = await cli.here(['routes', 'list']);
    expect(refused).toMatchObject({ code: 5, err: expect.stringContaining('--roles reader,writer,ingester,admin') });
    expect((await cli.here(['routes', 'list', ...admin])).err).toContain('There are no routes');
    const uri = pathToFileURL(join(stack.storeRoot!, 'nexus_store')).href;
    const put = ['routes', 'put', '--kind', 'store', '--for-project', 'apart', ...admin];
    expect((await cli.here(put)).code).toBe(2);
    expect((await cli.here([...put, '--none'])).out).toContain('(none)');
    await cli.here([...put, '--none', '--json']);
    expect((await cli.here([...put, uri])).code).toBe(5);
    const { out } = await cli.here(['routes', 'list', ...admin], { columns: 80 });
    expect(out).toMatch(/nexus_store +default +\* +apart +\(none\)/);
    expect((await cli.here(['routes', 'list', ...admin, '--json'])).out).toContain('"project_id":"apart"');
    const remove = ['routes', 'delete', '--kind', 'store', '--for-project', 'apart', ...admin];
    expect((await cli.here(remove)).code).toBe(2);
    expect((await cli.here([...remove, '--yes'])).out).toContain('no route of its own');
    expect((await cli.here([...remove, '--yes', '--json'])).code).toBe(3);
  });
});
