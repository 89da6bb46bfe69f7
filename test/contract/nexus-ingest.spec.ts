import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { idsOf, quickNexus, refusalOf, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { pause, until } from '../stack/until.js';

// Real: everything. What may be put into a space, and what comes of it, through the gateway.

let stack: Stack;
let acme: Spaces;

beforeAll(async () => {
  const settings = {
    ...(await quickNexus()),
    // Fifty callers on a busy machine may wait longer than one would.
    RUNSPINE_AFTER_TASK_MS: '60000',
  };
  stack = await startStack({ gateways: 1, nexuses: 1, settings });
  acme = new Spaces(stack.http()).as({ 'x-tenant-id': 'acme' });
}, 120_000);
afterAll(() => stack.close());

describe('large payloads and blobs', () => {
  it('a payload over 256 KiB travels by the blob store', async () => {
    const large = Array.from({ length: 60 }, (_, at) => ({
      document_id: `p${at}`,
      text: `Page ${at}. ${'lorem ipsum '.repeat(900)}`,
    }));
    expect(JSON.stringify(large).length).toBeGreaterThan(600_000);
    const task = await acme.put('books', large, { chunking: { chunk_chars: 4000 } });
    expect(task).toMatchObject({ documents: 60, documents_done: 60, status: 'completed' });
    expect((await acme.described('books'))?.documents).toBe(60);
    const [event] = (await stack.read('nexus')).filter(
      ({ value }) => value?.includes(task.task_id) && value.includes('payload_blob'),
    );
    expect(Buffer.byteLength(event!.value!)).toBeLessThan(2000);
  });

  it('bytes of POST /nexus/blobs are ingested by their blob_uri', async () => {
    const answer = await acme.http.post(
      '/nexus/blobs',
      '# Tides\n\nThe moon makes them.\n\n## Springs\n\nAt new moon they are high.\n',
      { 'content-type': 'application/octet-stream' },
    );
    expect(answer.status).toBe(201);
    const { blob_uri } = answer.body as { blob_uri: string };
    await acme.put('blobs', [{ document_id: 'tides', blob_uri, source_uri: 'https://example.org/tides' }]);
    const { hits } = await acme.ask('blobs', { query: 'new moon high', top_k: 1 });
    expect(hits).toMatchObject([
      {
        document_id: 'tides',
        source_uri: 'https://example.org/tides',
        metadata: { heading_path: ['Tides', 'Springs'] },
      },
    ]);

    // It is the caller's own: nobody else's route has it.
    const globex = acme.as({ 'x-tenant-id': 'globex' });
    expect(refusalOf(await globex.send('blobs', [{ blob_uri }]))).toEqual([404, 'nexus.blob_not_found']);
    const prod = acme.as({ 'x-env': 'prod' });
    expect(refusalOf(await prod.send('blobs', [{ blob_uri }]))).toEqual([404, 'nexus.blob_not_found']);

    const binary = await acme.http.post('/nexus/blobs', Uint8Array.of(0xff, 0xfe, 0x00), {
      'content-type': 'application/octet-stream',
    });
    const unreadable = await acme.ended(
      await acme.ingest('blobs', [{ document_id: 'binary', blob_uri: binary.body.blob_uri as string }]),
    );
    expect(unreadable).toMatchObject({
      status: 'failed',
      errors: [{ document_id: 'binary', code: 'nexus.blob_unreadable' }],
    });
  });
});

describe('a topic that is read again from its beginning', () => {
  it('leaves exactly the rows that were there, and every task as it was', async () => {
    const tasks: string[] = [];
    for (let round = 0; round < 6; round++) {
      const documents = Array.from({ length: 8 }, (_, at) => ({
        document_id: `d${(round + at) % 10}`,
        text: `round ${round} wrote ${at}`,
      }));
      tasks.push(await acme.ingest('replayed', documents), await acme.remove('replayed', `d${round}`));
    }
    for (const task of tasks) await acme.ended(task);
    const everything = { query: 'round wrote', top_k: 100, include: ['text', 'metadata', 'vector'] } as const;
    const before = await acme.ask('replayed', { ...everything, include: [...everything.include] });
    const space = await acme.described('replayed');
    const recorded = await Promise.all(tasks.map(async (task) => (await acme.http.get(`/nexus/tasks/${task}`)).body));
    const journal = await nexusEvents();

    const [nexus] = stack.nexuses;
    expect(await nexus!.stop()).toBe('0');
    await stack.database.rows('UPDATE nexus_positions SET position = 0 WHERE topic = $1', [stack.topic('nexus')]);
    await nexus!.start();
    await nexus!.ready();
    await acme.goesOn('replayed-last');
    const ends = await stack.logEnds('nexus');
    await until('all of it to be read again', async () => {
      const done = await stack.database.rows<{ partition: number; position: string }>(
        'SELECT partition, position FROM nexus_positions WHERE topic = $1',
        [stack.topic('nexus')],
      );
      const positions = new Map(done.map(({ partition, position }) => [partition, Number(position)]));
      return ends.every(({ partition, high }) => high === 0 || positions.get(partition)! >= high);
    });

    const after = await acme.ask('replayed', { ...everything, include: [...everything.include] });
    expect(after.hits).toEqual(before.hits);
    const { rows, documents } = space!;
    expect(await acme.described('replayed')).toMatchObject({ rows, documents });
    expect(await Promise.all(tasks.map(async (task) => (await acme.http.get(`/nexus/tasks/${task}`)).body))).toEqual(
      recorded,
    );
    expect(await nexusEvents()).toEqual(journal);
  }, 90_000);
});

/** What the journal of nexus has of the replayed space, but for questions. */
async function nexusEvents(): Promise<string[]> {
  const rows = await stack.database.rows<{ event_id: string }>(
    "SELECT event_id FROM nexus_events WHERE stream = 'acme/default/default/default/replayed' AND type <> 'nexus.searched' ORDER BY sequence",
  );
  return rows.map(({ event_id }) => event_id);
}

describe('50 writers and readers at once on one space', () => {
  it('are all answered, and each document is the last one that was written of it', async () => {
    const WRITERS = 25;
    const WRITES = 4;
    const own = (writer: number, write: number) => `writer${writer} wrote${write}`;
    await acme.put('busy', [{ document_id: 'always', text: 'lighthouse keeper' }]);
    let writing = WRITERS;
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      try {
        for (let write = 0; write < WRITES; write++) {
          const text = own(writer, write);
          const ids = [`w${writer}`, `w${writer}-${write}`, `shared${write}`];
          const after_task = await acme.ingest(
            'busy',
            ids.map((document_id) => ({ document_id, text })),
          );
          // Each reads its own write, while all others write.
          const { hits } = await acme.ask('busy', { query: text, after_task, top_k: 100 });
          expect(hits.find(({ document_id }) => document_id === `w${writer}`)?.text).toBe(text);
        }
      } finally {
        writing -= 1;
      }
    });
    let reads = 0;
    const readers = Array.from({ length: 25 }, async (_, reader) => {
      const mode = (['text', 'vector', 'hybrid'] as const)[reader % 3];
      do {
        const { hits } = await acme.ask('busy', { query: 'lighthouse keeper', mode, top_k: 100 });
        expect(idsOf(hits)[0]).toBe('always');
        expect(new Set(hits.map(({ id }) => id)).size).toBe(hits.length);
        reads += 1;
        await pause(20);
      } while (writing > 0);
    });
    await Promise.all([...writers, ...readers]);
    expect(reads).toBeGreaterThanOrEqual(25);

    const left = 1 + WRITERS + WRITERS * WRITES + WRITES;
    expect(await acme.described('busy')).toMatchObject({ documents: left, rows: left });
    for (let writer = 0; writer < WRITERS; writer++) {
      const { hits } = await acme.ask('busy', { query: `writer${writer}`, filter: { document_id: `w${writer}` } });
      expect(hits.map(({ text }) => text)).toEqual([own(writer, WRITES - 1)]);
    }
  }, 120_000);
});
