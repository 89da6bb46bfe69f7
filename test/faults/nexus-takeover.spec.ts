import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { HttpClient } from '../stack/http-client.js';
import { Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { pause, until } from '../stack/until.js';

/*
 * Two nexus processes share the partitions of one topic and one store. Whatever happens to one of them, each task ends
 * once, each document is there once, and the last change of it in the log is the one that stays. Real: everything.
 */

const SPACES = 8;
const DOCUMENTS = 30;

let stack: Stack;
let spaces: Spaces;
/** Asked at nexus itself: its address changes whenever it is started. */
let asked: Spaces;
const tasks: string[] = [];
/** The last text that was sent of each document of each space. */
const newest = new Map<string, Map<string, string | undefined>>();

beforeAll(async () => {
  const settings = { RUNSPINE_NEXUS_COMMIT_MS: '20', RUNSPINE_NEXUS_COMMIT_BYTES: '65536' };
  stack = await startStack({ gateways: 2, nexuses: 2, settings });
  spaces = new Spaces(stack.http());
  asked = new Spaces(new HttpClient(() => stack.nexuses[0]!.address));
}, 120_000);
afterAll(() => stack.close());

it('one is killed: the other takes over', async () => {
  await write(120, async (index) => {
    if (index === 40) await stack.nexuses[0]!.kill();
    if (index === 100) await stack.nexuses[0]!.start();
  });
  await expectExact();
});

it('one sleeps in its work, and wakes when the other has taken over', async () => {
  const [, sleeper] = stack.nexuses;
  for (const nexus of stack.nexuses) await nexus.ready();
  await write(60, async (index) => {
    if (index === 30) sleeper!.signal('SIGSTOP');
  });
  // Longer than a member may be silent.
  await pause(12_000);
  await write(60);
  await allEnded();
  sleeper!.signal('SIGCONT');
  await write(60);
  await expectExact();
  await until('the sleeper to be back', async () => (await sleeper!.readiness()).status === 200);
});

it('both are restarted again and again', async () => {
  await write(160, async (index) => {
    if (index % 20 !== 10) return;
    const one = stack.nexuses[(index / 10) % 4 === 1 ? 0 : 1]!;
    if (index % 40 === 10) await one.kill();
    else await one.stop();
    await one.start();
  });
  await expectExact();
});

it('one key that two gateways take at once for different documents is one task', async () => {
  for (let round = 0; round < 15; round++) {
    const key = { 'idempotency-key': randomUUID() };
    const documents = [`one ${round}`, `other ${round}`].map((text) => [{ document_id: `k${round}`, text }]);
    // The second of every third round goes to another space, on another partition maybe.
    const paths = ['keys', round % 3 === 0 ? 'keys-too' : 'keys'].map((space) => `/nexus/spaces/${space}/ingest`);
    const answers = await Promise.all(
      [0, 1].map((at) => stack.http(at).post(paths[at]!, { documents: documents[at] }, key)),
    );
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted.length).toBeGreaterThan(0);
    for (const { status, body } of answers) if (status !== 202) expect(body.error.code).toBe('idempotency.key_reused');
    const { task_id } = accepted[0]!.body as { task_id: string };
    expect(await spaces.ended(task_id)).toMatchObject({ status: 'completed', documents: 1, documents_done: 1 });
    await pause(300);
    const found = await Promise.all(['keys', 'keys-too'].map((space) => contents(space)));
    const texts = found.flatMap((rows) => rows.get(`k${round}`) ?? []);
    expect(texts).toHaveLength(1);
    // What stays is what the task was recorded with.
    const [row] = await stack.database.rows<{ stream: string; request_hash: string }>(
      'SELECT stream, request_hash FROM proj_nexus_tasks WHERE task_id = $1',
      [task_id],
    );
    const [event] = await stack.database.rows<{ data: { space: { space_id: string } } }>(
      "SELECT data FROM nexus_events WHERE task_id = $1 AND type = 'nexus.ingest_requested'",
      [task_id],
    );
    expect(row!.stream.split('/').at(-1)).toBe(event!.data.space.space_id);
    expect(found[row!.stream.endsWith('/keys-too') ? 1 : 0]!.get(`k${round}`)).toHaveLength(1);
  }
});

it('one body in another order of its keys is the same request', async () => {
  const key = { 'idempotency-key': randomUUID(), 'content-type': 'application/json' };
  const send = (gateway: number, body: string) =>
    stack.http(gateway).send('POST', '/nexus/spaces/keys/ingest', body, key);
  const first = await send(0, '{"documents":[{"document_id":"o","text":"t","metadata":{"a":1,"b":[{"c":2,"d":3}]}}]}');
  const { task_id } = first.body as { task_id: string };
  await spaces.ended(task_id);
  const again = await send(1, '{"documents":[{"metadata":{"b":[{"d":3,"c":2}],"a":1},"text":"t","document_id":"o"}]}');
  expect(again).toMatchObject({ status: 202, body: { task_id } });
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  const other = await send(1, '{"documents":[{"metadata":{"b":[{"d":3,"c":2}],"a":2},"text":"t","document_id":"o"}]}');
  expect(other.body.error.code).toBe('idempotency.key_reused');
});

/** Sends tasks of changes of a few documents each, of which some remove one. */
async function write(count: number, between: (index: number) => Promise<void> = async () => {}): Promise<void> {
  for (let index = 0; index < count; index++) {
    await between(index);
    const space = `s${index % SPACES}`;
    const known = newest.get(space) ?? new Map<string, string | undefined>();
    newest.set(space, known);
    const id = (at: number) => `d${(index * 7 + at) % DOCUMENTS}`;
    if (index % 9 === 8) {
      tasks.push(await spaces.remove(space, id(0)));
      known.set(id(0), undefined);
      continue;
    }
    const text = `task ${tasks.length}`;
    const documents = [0, 1, 2].map((at) => ({ document_id: id(at), text: `${text} at ${at}` }));
    tasks.push(await spaces.ingest(space, documents));
    for (const { document_id, text: of } of documents) known.set(document_id, of);
  }
}

async function allEnded(): Promise<void> {
  for (const task of tasks) expect(await spaces.ended(task)).toMatchObject({ status: 'completed', errors: [] });
}

async function expectExact(): Promise<void> {
  await allEnded();
  for (const [space, known] of newest) {
    const expected = [...known].flatMap(([id, text]) => (text === undefined ? [] : [[id, [text]]]));
    expect([...(await contents(space))].sort()).toEqual(expected.sort());
  }
  const ends = await stack.database.rows<{ task_id: string }>(
    "SELECT task_id FROM nexus_events WHERE type IN ('nexus.ingest_completed', 'nexus.ingest_failed')",
  );
  expect(ends.map(({ task_id }) => task_id).sort()).toEqual([...tasks].sort());
  expect(await stack.read('deadLetter')).toEqual([]);
}

/** The texts of each document of a space. */
async function contents(space: string): Promise<Map<string, string[]>> {
  const { hits } = await asked.walk(space, { query: 'task', mode: 'vector', top_k: 100 });
  const found = new Map<string, string[]>();
  for (const { document_id, text } of hits) found.set(document_id, [...(found.get(document_id) ?? []), text!]);
  return found;
}
