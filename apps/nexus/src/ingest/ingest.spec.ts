import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@runspine/contracts';
import type { Embedder } from '../embedding/embedder.js';
import { HashEmbedder } from '../embedding/hash.embedder.js';
import { RunningIngest, spaceKey } from './running-ingest.fixture.js';

// Real: Kafka, LanceDB, the blob store on a local folder. Not real: embedders that fail on purpose.

let ingest: RunningIngest;

beforeEach(async () => {
  ingest = await RunningIngest.start(process.env);
});
afterEach(() => ingest.stop());

const blob = (key: string, tenant = 'acme') => ({ tenant, env: 'test', project: 'default', key });
const document = (document_id: string, text: string) => ({ document_id, text });

describe('ingest', () => {
  it('puts text, own chunks and blobs into the space, and tells what became of the task', async () => {
    await ingest.consume();
    await ingest.putBlob(blob('page'), '# Page\n\nfrom a blob');
    const task = await ingest.ask({
      documents: [
        document('a', 'First text.'),
        { document_id: 'b', chunks: [{ text: 'x' }, { text: 'y' }] },
        { document_id: 'c', blob: blob('page') },
      ],
    });

    expect(await ingest.outcome(task)).toMatchObject({
      type: 'nexus.ingest_completed',
      documents: 3,
      chunks: 4,
      version: expect.any(Number),
    });
    expect(await ingest.contents()).toEqual({ a: ['First text.'], b: ['x', 'y'], c: ['# Page\n\nfrom a blob'] });
    const progress = ingest.events.find(({ type }) => type === 'nexus.indexed');
    expect(progress).toMatchObject({
      correlationid: 'c1',
      data: {
        documents: 3,
        chunks: 4,
        model: 'hash-16',
        dimension: 16,
        tasks: [{ task_id: task, documents: 3, chunks: 4 }],
      },
    });
  });

  it('replaces a document whole, and removes one', async () => {
    await ingest.consume();
    await ingest.ask({
      documents: [{ document_id: 'a', chunks: [{ text: '1' }, { text: '2' }] }, document('b', 'old')],
    });
    await ingest.ask({ documents: [document('a', 'new')] });
    const last = await ingest.ask({ deletions: ['b', 'never there'] });

    expect(await ingest.outcome(last)).toMatchObject({ type: 'nexus.ingest_completed', documents: 2, chunks: 0 });
    expect(await ingest.contents()).toEqual({ a: ['new'] });
  });

  it('removes from a space that does not exist without making it', async () => {
    await ingest.consume();
    const task = await ingest.ask({ deletions: ['b'] });

    expect(await ingest.outcome(task)).toMatchObject({ type: 'nexus.ingest_completed', documents: 1 });
    expect(await ingest.store.open(spaceKey())).toBeUndefined();
  });

  it('removes what the commit before has only begun to write, in a space that it makes', async () => {
    await ingest.ask({ documents: [document('a', 'text'), document('b', 'text')] });
    const task = await ingest.ask({ deletions: ['a'] });
    // Every change is a group, and two groups are under way at once.
    await ingest.consume({ limits: { groupBytes: 1 } });

    expect(await ingest.outcome(task)).toMatchObject({ type: 'nexus.ingest_completed', documents: 1 });
    expect(await ingest.contents()).toEqual({ b: ['text'] });
  });

  it('makes one commit of what arrives together', async () => {
    const tasks = [];
    for (let index = 0; index < 40; index++)
      tasks.push(await ingest.ask({ documents: [document(`d${index}`, 'text')] }));
    await ingest.consume({ limits: { windowMs: 500 } });
    for (const task of tasks) await ingest.outcome(task);

    const commits = ingest.events.filter(({ type }) => type === 'nexus.indexed');
    expect(commits.length).toBeLessThanOrEqual(3);
    expect(Object.keys(await ingest.contents())).toHaveLength(40);
  });

  it('takes a payload from a blob, and no blob of another owner', async () => {
    await ingest.consume();
    await ingest.putBlob(blob('good'), JSON.stringify({ documents: [document('a', 'text')], deletions: [] }));
    await ingest.putBlob(blob('theirs', 'other'), JSON.stringify({ documents: [document('x', 'secret')] }));
    const good = await ingest.ask({ payload_blob: blob('good') });
    const stolen = await ingest.ask({ payload_blob: blob('theirs', 'other') });
    const inside = await ingest.ask({ documents: [{ document_id: 'x', blob: blob('theirs', 'other') }] });

    expect(await ingest.outcome(good)).toMatchObject({ type: 'nexus.ingest_completed', documents: 1 });
    for (const task of [stolen, inside]) {
      expect(await ingest.outcome(task)).toMatchObject({
        type: 'nexus.ingest_failed',
        errors: [{ code: 'nexus.blob_forbidden' }],
      });
    }
    expect(await ingest.contents()).toEqual({ a: ['text'] });
  });

  it('refuses documents one by one, and the task only where nothing is left', async () => {
    await ingest.consume({ limits: { textBytesMax: 100 } });
    await ingest.putBlob(blob('binary'), Buffer.from([0xff, 0xfe]));
    await ingest.putBlob(blob('no-json'), 'no json');
    const some = await ingest.ask({
      documents: [
        document('good', 'text'),
        document('blank', ' \n '),
        document('long', 'x'.repeat(101)),
        { document_id: 'gone', blob: blob('gone') },
        { document_id: 'binary', blob: blob('binary') },
        { document_id: 'none' },
        { document_id: 'mixed', chunks: [{ text: 'a', vector: [1, 2] }, { text: 'b' }] },
        { document_id: 'other', chunks: [{ text: 'a', vector: [1, 2] }] },
      ],
    });
    const broken = await ingest.ask({ payload_blob: blob('no-json') });
    const after = await ingest.ask({ documents: [document('after', 'text')] });

    expect(await ingest.outcome(some)).toMatchObject({ type: 'nexus.ingest_completed', documents: 8, chunks: 1 });
    const { errors } = (await ingest.outcome(some)) as unknown as { errors: { document_id: string; code: string }[] };
    expect(Object.fromEntries(errors.map(({ document_id, code }) => [document_id, code]))).toEqual({
      blank: 'request.invalid',
      long: 'nexus.document_too_large',
      gone: 'nexus.blob_not_found',
      binary: 'nexus.blob_unreadable',
      none: 'request.invalid',
      mixed: 'nexus.embedding_mismatch',
      other: 'nexus.embedding_mismatch',
    });
    expect(await ingest.outcome(broken)).toMatchObject({
      type: 'nexus.ingest_failed',
      errors: [{ code: 'nexus.blob_unreadable' }],
    });
    expect(await ingest.outcome(after)).toMatchObject({ type: 'nexus.ingest_completed' });
  });

  it('keeps vectors of the caller, under a model of their dimension', async () => {
    await ingest.consume();
    const task = await ingest.ask({ documents: [{ document_id: 'a', text: 'one chunk', vector: [1, 0, 0] }] });
    await ingest.outcome(task);

    expect(await ingest.store.describe(spaceKey())).toMatchObject({ embedding: { model: 'custom-3', dimension: 3 } });
  });

  it('passes over what is not its own, unreadable or on the wrong key', async () => {
    await ingest.consume();
    await ingest.sendRaw('acme/test/default/default/notes', 'not json', { ce_type: 'nexus.ingest_requested' });
    await ingest.sendRaw('acme/test/c', '{}');
    const task = await ingest.ask({ documents: [document('a', 'text')] });

    expect(await ingest.outcome(task)).toMatchObject({ type: 'nexus.ingest_completed' });
  });

  it('changes nothing and says the same when all is read again from the beginning', async () => {
    await ingest.consume();
    const first = await ingest.ask({ documents: [document('a', 'one'), document('b', 'one')] });
    const second = await ingest.ask({ documents: [document('a', 'two')], deletions: ['b'] });
    const third = await ingest.ask({ documents: [document('c', 'three')] });
    const before = [await ingest.outcome(first), await ingest.outcome(second), await ingest.outcome(third)];
    const contents = await ingest.contents();
    const described = await ingest.store.describe(spaceKey());
    await ingest.stopConsuming();
    ingest.events.length = 0;

    await ingest.owner.query('UPDATE nexus_positions SET position = 0, anchor_offset = NULL, anchor_hash = NULL');
    await ingest.consume();

    const after = [await ingest.outcome(first), await ingest.outcome(second), await ingest.outcome(third)];
    expect(after.map(({ id, type }) => [id, type])).toEqual(before.map(({ id, type }) => [id, type]));
    expect(await ingest.contents()).toEqual(contents);
    expect(contents).toEqual({ a: ['two'], c: ['three'] });
    expect(await ingest.store.describe(spaceKey())).toMatchObject({ version: described?.version, rows: 2 });
  });

  it('works again on what was committed but not told of', async () => {
    const cut = Promise.withResolvers<void>();
    await ingest.consume({
      store: (store) => ({
        open: (space) => store.open(space),
        commit: async (...args) => {
          await store.commit(...args);
          cut.resolve();
          throw new Error('the process died here');
        },
      }),
    });
    const task = await ingest.ask({ documents: [document('a', 'text'), document('b', 'text')] });
    await cut.promise;
    await ingest.stopConsuming();
    expect(ingest.events.some(({ type }) => type === 'nexus.ingest_completed')).toBe(false);

    await ingest.consume();

    expect(await ingest.outcome(task)).toMatchObject({ type: 'nexus.ingest_completed', documents: 2, chunks: 2 });
    expect(await ingest.contents()).toEqual({ a: ['text'], b: ['text'] });
  });

  it("is not stopped by one tenant's dead embedder, and goes no further than what is done", async () => {
    const alive = { dead: true };
    const embedderOf = ({ tenantId }: { tenantId: string }): Embedder => {
      const real = new HashEmbedder(16);
      if (tenantId !== 'broken') return real;
      return {
        model: real.model,
        dimension: 16,
        semantic: false,
        embed: (...args) => {
          if (alive.dead) throw new ServiceError('nexus.embedder_unavailable');
          return real.embed(...args);
        },
      };
    };
    await ingest.consume({ embedderOf });
    const stuck = await ingest.ask({ documents: [document('a', 'text')] }, { tenantId: 'broken' });
    const fine = await ingest.ask({ documents: [document('a', 'text')] });

    expect(await ingest.outcome(fine)).toMatchObject({ type: 'nexus.ingest_completed' });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await ingest.committedOffset()).toBeLessThanOrEqual(0);

    expect(await ingest.savedPosition()).toBe(0);

    alive.dead = false;
    expect(await ingest.outcome(stuck)).toMatchObject({ type: 'nexus.ingest_completed' });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await ingest.committedOffset()).toBeGreaterThanOrEqual(2);
    expect(await ingest.savedPosition()).toBeGreaterThanOrEqual(2);
  });

  it('gives up after its time, for later tasks at once, and goes on', async () => {
    let tries = 0;
    const dead: Embedder = {
      model: 'dead',
      dimension: 4,
      semantic: true,
      embed: async () => {
        tries++;
        throw new ServiceError('nexus.embedder_unavailable');
      },
    };
    await ingest.consume({ embedderOf: () => dead, limits: { retryMs: 1000 } });
    const began = Date.now();
    const tasks = [];
    for (let index = 0; index < 5; index++) tasks.push(await ingest.ask({ documents: [document('a', 'text')] }));
    for (const task of tasks) {
      expect(await ingest.outcome(task)).toMatchObject({
        type: 'nexus.ingest_failed',
        errors: [{ document_id: 'a', code: 'nexus.embedder_unavailable' }],
      });
    }
    expect(Date.now() - began).toBeLessThan(8000);
    expect(tries).toBeGreaterThanOrEqual(6);
    const own = await ingest.ask({ documents: [{ document_id: 'b', text: 'own', vector: [1, 2] }] });
    expect(await ingest.outcome(own)).toMatchObject({ type: 'nexus.ingest_completed' });
  });

  it('lets what fails go when it holds all the room', async () => {
    const dead: Embedder = {
      model: 'dead',
      dimension: 4,
      semantic: true,
      embed: async () => {
        throw new ServiceError('nexus.embedder_unavailable');
      },
    };
    await ingest.consume({
      embedderOf: ({ tenantId }) => (tenantId === 'broken' ? dead : new HashEmbedder(16)),
      partition: { tasksMax: 3 },
    });
    for (let index = 0; index < 5; index++) {
      await ingest.ask({ documents: [document('a', 'text')] }, { tenantId: 'broken' });
    }
    const fine = await ingest.ask({ documents: [document('a', 'text')] });

    expect(await ingest.outcome(fine, 20_000)).toMatchObject({ type: 'nexus.ingest_completed' });
  });

  it("tells a document's fault from the embedder's", async () => {
    const picky: Embedder = {
      model: 'picky',
      dimension: 16,
      semantic: true,
      embed: async (texts, purpose, signal) => {
        if (texts.some((text) => text.includes('poison'))) throw new ServiceError('nexus.embedder_invalid');
        return new HashEmbedder(16).embed(texts, purpose, signal);
      },
    };
    await ingest.consume({ embedderOf: () => picky });
    const task = await ingest.ask({
      documents: [document('a', 'good'), document('b', 'poison'), document('c', 'good')],
    });

    expect(await ingest.outcome(task)).toMatchObject({
      documents: 3,
      errors: [{ document_id: 'b', code: 'nexus.embedder_invalid' }],
    });
    expect(Object.keys(await ingest.contents()).sort()).toEqual(['a', 'c']);
  });
});
