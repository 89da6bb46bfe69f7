import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { blob, document } from './documents.fixture.js';
import { RunningIngest, spaceKey } from './running-ingest.fixture.js';

// Real: Kafka, LanceDB, the blob store on a local folder.

let ingest: RunningIngest;

beforeEach(async () => {
  ingest = await RunningIngest.start(process.env);
});
afterEach(() => ingest.stop());

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

  it('keeps vectors of the caller, under a model of their dimension', async () => {
    await ingest.consume();
    const task = await ingest.ask({ documents: [{ document_id: 'a', text: 'one chunk', vector: [1, 0, 0] }] });
    await ingest.outcome(task);

    expect(await ingest.store.describe(spaceKey())).toMatchObject({ embedding: { model: 'custom-3', dimension: 3 } });
  });
});
