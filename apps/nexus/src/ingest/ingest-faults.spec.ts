import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { blob, document } from './documents.fixture.js';
import { RunningIngest } from './running-ingest.fixture.js';

// Real: Kafka, LanceDB, the blob store on a local folder.

let ingest: RunningIngest;

beforeEach(async () => {
  ingest = await RunningIngest.start(process.env);
});
afterEach(() => ingest.stop());

describe('ingest', () => {
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

  it('passes over what is not its own, unreadable or on the wrong key', async () => {
    await ingest.consume();
    await ingest.sendRaw('acme/test/default/default/notes', 'not json', { ce_type: 'nexus.ingest_requested' });
    await ingest.sendRaw('acme/test/c', '{}');
    const task = await ingest.ask({ documents: [document('a', 'text')] });

    expect(await ingest.outcome(task)).toMatchObject({ type: 'nexus.ingest_completed' });
  });
});
