import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, type NexusAnswer, type NexusQuery, type RunspineClient } from '@runspine/client';
import { CommandLine } from '../stack/command-line.js';
import { quickNexus } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/** `runspine nexus replay STEP` against the real services: what a step retrieved, asked again of the data of then. */
let stack: Stack;
let client: RunspineClient;
let cli: CommandLine;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
  const { address } = stack.gateways[0]!;
  client = createClient({ address });
  cli = new CommandLine(address, { NO_COLOR: '1' });
  await put('handbook', client, words.slice(0, 40));
  await put(
    'handbook',
    createClient({ address, tenant: 't_system', roles: ['system', 'ingester'] }),
    words.slice(40, 50),
  );
  const vectors = [1, 2, 3].map((n) => ({ document_id: `v${n}`, text: `v${n}`, vector: [1 / n, 0.1 * n, 0.3] }));
  await client.nexus.ingest('colours', { documents: vectors }, { wait: true });
}, 120_000);
afterAll(() => stack.close());

const words = Array.from({ length: 60 }, (_, at) => ({
  document_id: `doc-${at}`,
  text: `Bread number ${at} ${'rye '.repeat(at % 5)}is baked ${'slowly '.repeat(at % 3)}in oven ${at % 7}.`,
  type: at % 2 ? 'odd' : 'even',
}));
const put = (space: string, by: RunspineClient, documents: { document_id: string; text: string }[]) =>
  by.nexus.ingest(space, { documents }, { wait: true });

interface Line {
  verdict: string;
  same: boolean;
  reason?: string;
  asked: { hits: { id: string; score: number; source_scope: string }[] };
  hits: { id: string; score: number; source_scope: string }[];
}

/** A step that asked these questions, one after another. */
async function stepThatAsked(
  space: string,
  queries: NexusQuery[],
  by = client,
): Promise<{ run: string; step: string; answers: NexusAnswer[] }> {
  const { run_id: run } = await by.runs.create({ name: 'agent' });
  await by.runs.start(run);
  const { step_id: step } = await by.steps.create(run, { name: 'look up' });
  await by.steps.start(run, step);
  const answers: NexusAnswer[] = [];
  for (const query of queries) answers.push(await by.nexus.query(space, { ...query, run_id: run, step_id: step }));
  const kept = () => by.runs.events(run, { step, type: 'step.retrieved' }).first(queries.length);
  await until('what it retrieved', async () => (await kept()).length === queries.length);
  return { run, step, answers };
}
const keptOf = ({ hits }: NexusAnswer) => hits.map(({ id, score, source_scope }) => ({ id, score, source_scope }));
const replay = async (step: string, ...more: string[]) => {
  const { code, out, err } = await cli.here(['nexus', 'replay', step, ...more, '--json']);
  return {
    code,
    err,
    lines: out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line),
  };
};

const QUESTIONS: [string, NexusQuery][] = [
  ['words', { query: 'rye bread in the oven' }],
  ['words and meaning', { query: 'rye bread', mode: 'hybrid', top_k: 20, fusion: { k: 10, weights: { text: 0.3 } } }],
  ['meaning alone', { query: 'slowly', mode: 'vector' }],
  ['a filter', { query: 'oven', filter: { type: 'odd' } }],
  ['both sources, with caps', { query: 'bread', include_global: true, caps: { global: { min: 2, max: 3 } } }],
  ['a reranker', { query: 'slowly baked rye', rerank: { top_n: 15 } }],
  ['another depth', { query: 'bread', depth: 7, top_k: 5 }],
  ['texts left out', { query: 'bread rye', include: ['scores'] }],
  ['nothing to find', { query: 'zeppelin' }],
];

describe('replay', () => {
  it('shows the very same hits and scores, whatever was ingested, replaced and removed since', async () => {
    const queries = QUESTIONS.map(([, query]) => query);
    const { run, step, answers } = await stepThatAsked('handbook', queries);
    const pages = await stepThatAsked('handbook', [{ query: 'bread', top_k: 4 }]);
    const cursor = pages.answers[0]!.next_cursor!;
    const second = await stepThatAsked('handbook', [{ query: 'bread', top_k: 4, cursor }]);
    const past = await stepThatAsked('handbook', [{ query: 'oven', as_of: answers[0]!.snapshot }]);
    const vectors = await stepThatAsked('colours', [{ vector: [0.1, 1 / 3, 0.7], top_k: 2 }]);

    await put('handbook', client, [...words.slice(50), { ...words[3]!, text: 'bread bread rye oven slowly' }]);
    await client.nexus.removeDocument('handbook', 'doc-5', { wait: true });
    await client.nexus.ingest(
      'colours',
      { documents: [{ document_id: 'v9', text: 'v9', vector: [0.1, 0.33, 0.7] }] },
      { wait: true },
    );
    const changed = await client.nexus.query('handbook', queries[0]!);
    expect(keptOf(changed)).not.toEqual(keptOf(answers[0]!));

    const { code, lines } = await replay(step);
    expect(lines.map(({ verdict }, at) => [QUESTIONS[at]![0], verdict])).toEqual(
      QUESTIONS.map(([name]) => [name, 'same']),
    );
    expect(code).toBe(0);
    for (const [at, line] of lines.entries()) {
      expect(line.hits).toEqual(keptOf(answers[at]!));
      expect(line.asked.hits).toMatchObject(keptOf(answers[at]!));
    }
    for (const one of [pages, second, past, vectors]) {
      const again = await replay(one.step, '--run', one.run);
      expect(again).toMatchObject({ code: 0, lines: [{ verdict: 'same', hits: keptOf(one.answers[0]!) }] });
      expect(again.lines[0]!.hits.length).toBeGreaterThan(0);
    }
    const shown = await cli.here(['nexus', 'replay', step, '--run', run], { columns: 80 });
    expect(shown.out.match(/The same hits, with the same scores\./g)).toHaveLength(QUESTIONS.length - 1);
    expect(shown.out).toContain('Nothing was found then, and nothing now.');
    expect(shown.out).toMatch(/1 of 9[\s\S]*rye bread in the oven[\s\S]*THEN +SCORE +NOW +SCORE/);
    expect(shown.err).toContain('9 of 9 retrievals gave the same hits.');
  }, 60_000);

  it('asks in the project and surface where the step asked', async () => {
    const there = createClient({ address: stack.gateways[0]!.address, project: 'kitchen', surface: 'support' });
    await put('handbook', there, [{ document_id: 'only-there', text: 'Bread of the kitchen.' }]);
    const { step } = await stepThatAsked('handbook', [{ query: 'kitchen bread' }], there);
    expect(await replay(step)).toMatchObject({ code: 0, lines: [{ verdict: 'same', hits: [{ id: 'only-there#0' }] }] });
  });

  it('is not for another tenant', async () => {
    const { run, step } = await stepThatAsked('handbook', [{ query: 'bread' }]);
    expect((await replay(step, '--tenant', 'other')).code).toBe(3);
    expect((await replay(step, '--tenant', 'other', '--run', run)).code).toBe(3);
  });

  it('says where hits are others, and which', async () => {
    const { run, step } = await stepThatAsked('handbook', [{ query: 'rye' }]);
    const [event] = await client.runs.events(run, { step, type: 'step.retrieved' }).first(1);
    const data = event!.data as { hits: { id: string; score: number }[] };
    const forged = { ...data, hits: data.hits.map((hit, at) => (at === 1 ? { ...hit, id: 'doc-0#0' } : hit)) };
    const other = await stepThatAsked('handbook', []);
    await client.runs.sendEvents(other.run, [
      { type: 'step.retrieved', data: { ...forged, run_id: other.run, step_id: other.step } as never },
    ]);
    const { code, lines } = await replay(other.step);
    expect([code, lines.map(({ verdict }) => verdict)]).toEqual([1, ['different']]);
    const shown = await cli.here(['nexus', 'replay', other.step], { columns: 80 });
    expect(shown).toMatchObject({ code: 1, out: expect.stringContaining('Other hits than then.') });
  });

  it('says what is no retrieval of Nexus, and what an erasure took away', async () => {
    const { run, step } = await stepThatAsked('handbook', []);
    const data = { run_id: run, step_id: step, space: 'elsewhere', query: 'text', hits: [{ id: 'x', score: 1 }] };
    await client.runs.sendEvents(run, [
      { type: 'step.retrieved', data: { ...data, snapshot: { version: 7 } } as never },
    ]);
    const { code, lines } = await replay(step);
    expect([code, lines[0]!.verdict]).toEqual([1, 'unanswerable']);
    expect((await cli.here(['nexus', 'replay', step])).out).toContain('Not asked again.');

    const secret = await stepThatAsked('handbook', [{ query: 'rye' }]);
    await client.runs.complete(secret.run);
    const admin = createClient({ address: stack.gateways[0]!.address, roles: ['admin', 'writer', 'reader'] });
    await admin.runs.erase(secret.run, { reason: 'asked for' });
    expect((await replay(secret.step, '--run', secret.run)).lines[0]).toMatchObject({ verdict: 'unanswerable' });
  });

  it('says that a step retrieved nothing, or is none', async () => {
    const { run, step } = await stepThatAsked('handbook', []);
    expect(await replay(step, '--run', run)).toMatchObject({
      code: 3,
      err: expect.stringContaining('retrieved nothing'),
    });
    expect(await replay(step)).toMatchObject({ code: 3, err: expect.stringContaining('--run RUN') });
    expect((await replay('step_1')).code).toBe(2);
  });
});

it('says that the data of then is gone, and shows the hits of then', async () => {
  const { run, step } = await stepThatAsked('gone', []);
  await put('gone', client, words.slice(0, 3));
  const { answers } = await (async () => {
    const answer = await client.nexus.query('gone', { query: 'bread', run_id: run, step_id: step });
    await until('what it retrieved', async () => {
      const kept = await client.runs.events(run, { step, type: 'step.retrieved' }).first(1);
      return kept.length === 1;
    });
    return { answers: [answer] };
  })();
  const { rm } = await import('node:fs/promises');
  const [nexus] = stack.nexuses;
  await nexus!.stopCleanly();
  await rm(`${stack.storeRoot}/nexus_store/default/default/default/default/gone.lance`, { recursive: true });
  await nexus!.start();
  await nexus!.ready();
  const { code, lines } = await replay(step, '--run', run);
  expect([code, lines[0]!.verdict]).toEqual([3, 'gone']);
  expect(lines[0]!.asked.hits).toMatchObject(keptOf(answers[0]!));
  const shown = await cli.here(['nexus', 'replay', step, '--run', run], { columns: 80 });
  expect(shown.out).toMatch(/THEN +SCORE[\s\S]*doc-\d#0[\s\S]*no longer kept/);
}, 60_000);
