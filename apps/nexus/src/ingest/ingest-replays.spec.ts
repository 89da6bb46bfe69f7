import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { document } from './documents.fixture.js';
import { RunningIngest, spaceKey } from './running-ingest.fixture.js';

// Real: Kafka, LanceDB, the blob store on a local folder. Not real: a store that breaks off.

let ingest: RunningIngest;

beforeEach(async () => {
  ingest = await RunningIngest.start(process.env);
});
afterEach(() => ingest.stop());

describe('ingest', () => {
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
});
