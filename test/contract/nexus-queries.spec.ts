import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NexusAnswer, NexusHit } from '@runspine/contracts';
import { idsOf, quickNexus, refusalOf, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

// Real: everything. What those who ask a space may rely on, through the gateway.

let stack: Stack;
let acme: Spaces;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
  acme = new Spaces(stack.http()).as({ 'x-tenant-id': 'acme' });
}, 120_000);
afterAll(() => stack.close());

/** Enough that nexus asks an index, and does not read the space whole. */
const WALKED = 700;
const sentence = (at: number) =>
  `Harbour log ${at}: ${'tide '.repeat(at % 7)}wind ${at % 13}, ${at % 3 ? 'calm' : 'storm'}.`;
const documents = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => ({ document_id: `d${from + at}`, text: sentence(from + at), type: 'log' }));

describe('a cursor walked to its end', () => {
  it.each(['text', 'vector', 'hybrid'] as const)(
    'repeats and loses nothing while documents are added, replaced, deleted and the table is optimised: %s',
    async (mode) => {
      const space = `walked-${mode}`;
      await acme.put(space, documents(0, WALKED));
      const query = { query: 'harbour tide storm', mode, top_k: 60, depth: 1000 } as const;
      const undisturbed = await acme.walk(space, query);
      expect(undisturbed.pages.length).toBeGreaterThanOrEqual(WALKED / 60);

      let changes = 0;
      const walked = await acme.walk(space, query, async (page) => {
        const added = documents(10_000 + page * 10, 10);
        const replaced = documents(page * 40, 20).map((one) => ({ ...one, text: `${one.text} storm storm harbour` }));
        const [removed] = await Promise.all([
          acme.remove(space, `d${page * 40 + 30}`),
          acme.ended(await acme.ingest(space, [...added, ...replaced])),
        ]);
        await acme.ended(removed);
        changes += 31;
        if (page % 4 === 2) await optimise(space);
      });
      expect(changes).toBeGreaterThan(300);
      expect(walked.hits).toEqual(undisturbed.hits);
      expect(new Set(walked.hits.map(({ id }) => id)).size).toBe(WALKED);
      const scores = walked.hits.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((one, other) => other - one));

      // The changes are there for who asks anew.
      const { searched } = await acme.ask(space, query);
      expect(searched.versions.tenant).toBeGreaterThan(walked.pages[0]!.searched.versions.tenant!);
    },
    60_000,
  );

  it('says that it was cut off where there is more than the depth', async () => {
    const { hits, pages } = await acme.walk('walked-text', { query: 'harbour', mode: 'text', top_k: 30, depth: 90 });
    expect(hits).toHaveLength(90);
    expect(pages.map(({ truncated }) => truncated ?? false)).toEqual([false, false, true]);
  });
});

/** As nexus itself does it, now and then; racing a commit it is done again. */
async function optimise(space: string): Promise<void> {
  const folder = join(stack.storeRoot!, 'nexus_store', 'acme', 'default', 'default', 'default');
  const database = await connect(folder);
  const table = await database.openTable(space);
  await until('the table to be optimised', async () => {
    // A handle that lost a race stays at the version that it lost, and would lose again.
    await table.checkoutLatest();
    return table.optimize().then(() => true);
  });
  table.close();
  database.close();
}

describe('a query', () => {
  it('after_task reads what that task wrote', async () => {
    for (let at = 0; at < 10; at++) {
      const task = await acme.ingest('diary', [{ document_id: 'today', text: `It is day number${at}.` }]);
      const { hits } = await acme.ask('diary', { query: `number${at}`, after_task: task });
      expect(hits.map(({ text }) => text)).toEqual([`It is day number${at}.`]);
    }
    const removed = await acme.remove('diary', 'today');
    expect((await acme.ask('diary', { query: 'day', after_task: removed })).hits).toEqual([]);

    const failing = await acme.ingest('diary', [{ document_id: 'v', chunks: [{ text: 'x', vector: [1, 0] }] }]);
    const refused = await acme.query('diary', { query: 'day', after_task: failing });
    expect(refusalOf(refused)).toEqual([409, 'nexus.task_failed']);
    expect(refused.body.error.details.errors).toMatchObject([{ document_id: 'v', code: 'nexus.embedding_mismatch' }]);
  });

  it('as_of gives the same hits, byte for byte', async () => {
    const system = acme.as({ 'x-tenant-id': 't_system', 'x-roles': 'system' });
    await acme.put('past', documents(0, 40));
    await system.put('past', documents(100, 40));
    const query = {
      query: 'harbour storm tide',
      mode: 'hybrid',
      include_global: true,
      rerank: true,
      top_k: 50,
    } as const;
    const include = ['text', 'metadata', 'vector', 'scores'] as const;
    const hitsIn = (text: string) => text.slice(0, text.indexOf('"score_kind"'));
    const first = await acme.query('past', { ...query, include });
    expect(first.status).toBe(200);

    await acme.put(
      'past',
      documents(0, 60).map((one) => ({ ...one, text: `storm harbour ${one.text}` })),
    );
    await system.ended(await system.remove('past', 'd100'));
    const now = await acme.query('past', { ...query, include });
    expect(hitsIn(now.text)).not.toBe(hitsIn(first.text));

    const as_of = (first.body as { snapshot: string }).snapshot;
    const again = await acme.query('past', { ...query, include, as_of });
    expect(hitsIn(again.text)).toBe(hitsIn(first.text));
    expect(again.body.snapshot).toBe(as_of);
    expect(refusalOf(await acme.query('past', { ...query, as_of: 'yesterday' }))).toEqual([
      400,
      'nexus.snapshot_invalid',
    ]);
  });

  it('with run_id and step_id leaves step.retrieved in the journal', async () => {
    await acme.put('facts', documents(0, 3));
    const { http } = acme;
    const run = (await http.post('/v1/runs', { name: 'asks' })).body.run_id as string;
    await http.post(`/v1/runs/${run}/start`);
    const step = (await http.post(`/v1/runs/${run}/steps`, { name: 'look it up' })).body.step_id as string;
    await http.post(`/v1/runs/${run}/steps/${step}/start`);

    const ids = { run_id: run, step_id: step };
    const answer = await acme.query('facts', { query: 'harbour', top_k: 2, ...ids });
    expect(answer.status).toBe(200);
    const retrieved = await until('it to be applied', async () => {
      const { body } = await http.get(`/v1/runs/${run}/events?type=step.retrieved`);
      return (body as { items: { event_id: string; step_id: string; data: object }[] }).items[0];
    });
    expect(retrieved.event_id).toBe(answer.headers.get('x-event-id'));
    expect(retrieved).toMatchObject({
      step_id: step,
      data: {
        space: 'facts',
        query: { query: 'harbour', top_k: 2 },
        hits: (answer.body.hits as NexusHit[]).map(({ id, score, document_id }) => ({
          id,
          score,
          document_id,
        })),
        snapshot: answer.body.snapshot,
      },
    });
    // What the step saw can be seen again, whatever was written since.
    await acme.put('facts', documents(3, 30));
    const { hits, snapshot } = answer.body as NexusAnswer;
    expect((await acme.ask('facts', { query: 'harbour', top_k: 2, as_of: snapshot })).hits).toEqual(hits);
    expect(refusalOf(await acme.query('facts', { query: 'x', run_id: run }))).toEqual([400, 'request.invalid']);
  });

  it('is explained: rank and score of each hit by modality and source', async () => {
    const asked = { query: 'harbour storm', mode: 'hybrid', include_global: true, top_k: 20 } as const;
    const plain = await acme.ask('past', asked);
    const { status, body } = await acme.http.post('/nexus/query/explain', { space_id: 'past', ...asked });
    expect(status).toBe(200);
    const hits = body.hits as {
      id: string;
      score: number;
      explanation: Record<string, { rank: number; score: number }>;
    }[];
    expect(hits.map(({ id, score }) => [id, score])).toEqual(plain.hits.map(({ id, score }) => [id, score]));
    for (const { score, explanation } of hits) {
      const { vector, text, fused } = explanation;
      expect(score).toBeCloseTo(1 / (60 + vector!.rank) + (text ? 1 / (60 + text.rank) : 0), 12);
      expect(fused).toMatchObject({ score });
    }
    expect(body.searched).toMatchObject({
      statistics: { chunks: plain.searched.rows.tenant! + plain.searched.rows.global! },
    });
  });

  it('of a space that does not exist has no hits', async () => {
    const answer = await acme.ask('nowhere', { query: 'anything' });
    expect(answer).toMatchObject({ hits: [], next_cursor: null, searched: { embedding: null, rows: {} } });
  });
});

describe('a global space', () => {
  it('is written by t_system, and by the roles system and admin, alone: others are 403', async () => {
    const one = [{ document_id: 'one', text: 'a rule for everybody' }];
    const path = '/nexus/spaces/rules/documents/one?scope=global';
    const forbidden = [403, 'nexus.global_write_forbidden'];
    for (const roles of ['reader,writer,ingester', 'ingester', undefined]) {
      const caller = roles === undefined ? acme : acme.as({ 'x-roles': roles });
      expect(refusalOf(await caller.send('rules', one, { scope: 'global' }))).toEqual(forbidden);
      expect(refusalOf(await caller.http.send('DELETE', path, undefined))).toEqual(forbidden);
    }
    const hits = async () => idsOf((await acme.ask('rules', { query: 'everybody', include_global: true })).hits);
    expect(await hits()).toEqual([]);

    const writers = [
      acme.as({ 'x-roles': 'admin' }),
      acme.as({ 'x-roles': 'system' }),
      acme.as({ 'x-tenant-id': 't_system' }),
    ];
    for (const writer of writers) {
      await writer.put('rules', one, { scope: 'global' });
      expect(await hits()).toEqual(['one']);
      const removal = await writer.http.send('DELETE', path, undefined);
      await writer.ended((removal.body as { task_id: string }).task_id);
      expect(await hits()).toEqual([]);
    }
    // Reading it is by include_global: nobody names the tenant.
    expect(refusalOf(await acme.http.get('/nexus/spaces/rules?scope=global'))).toEqual([403, 'auth.forbidden']);
    const reader = acme.as({ 'x-roles': 'reader' });
    expect(refusalOf(await reader.send('rules', one))).toEqual([403, 'auth.forbidden']);
    expect((await reader.query('rules', { query: 'everybody' })).status).toBe(200);
    expect(refusalOf(await acme.as({ 'x-roles': 'ingester' }).query('rules', { query: 'x' }))).toEqual([
      403,
      'auth.forbidden',
    ]);
  });
});
