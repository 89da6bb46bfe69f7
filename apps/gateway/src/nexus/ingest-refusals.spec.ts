import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { errorOf, IngestCaller } from './ingest-caller.fixture.js';

let caller: IngestCaller;
const send: IngestCaller['send'] = (...asked) => caller.send(...asked);
const ingest: IngestCaller['ingest'] = (...asked) => caller.ingest(...asked);
const sent = () => caller.sent();

beforeAll(async () => {
  caller = await IngestCaller.start(process.env);
});
afterAll(() => caller.remove());
beforeEach(() => void (caller.correlation = `c-${Math.random()}`));

describe('an ingest', () => {
  const wide = (length: number) => Array(length).fill(0.5);
  it.each([
    ['no body', undefined, '/'],
    ['no documents', {}, '/documents'],
    ['an empty list', { documents: [] }, '/documents'],
    ['a field that nobody knows', { documents: [{ text: 'x' }], extra: 1 }, '/extra'],
    ['a field of a document that nobody knows', { documents: [{ text: 'x', vektor: [1] }] }, '/documents/0/vektor'],
    ['no form', { documents: [{ document_id: 'a' }] }, '/documents/0'],
    ['two forms', { documents: [{ text: 'x', chunks: [{ text: 'y' }] }] }, '/documents/0'],
    ['blank text', { documents: [{ text: ' \n' }] }, '/documents/0/text'],
    ['an empty chunk', { documents: [{ chunks: [{ text: '' }] }] }, '/documents/0/chunks/0/text'],
    [
      'one id twice',
      {
        documents: [
          { document_id: 'a', text: 'x' },
          { document_id: 'a', text: 'y' },
        ],
      },
      '/documents/1/document_id',
    ],
    ['an id of control characters', { documents: [{ document_id: 'a\n', text: 'x' }] }, '/documents/0/document_id'],
    [
      'two dimensions',
      { documents: [{ text: 'x', vector: wide(3) }, { chunks: [{ text: 'y', vector: wide(4) }] }] },
      '/documents/1/chunks/0/vector',
    ],
    ['an empty vector', { documents: [{ text: 'x', vector: [] }] }, '/documents/0/vector'],
    ['null in a vector', { documents: [{ text: 'x', vector: [1, null] }] }, '/documents/0/vector/1'],
    ['infinity in a vector', '{"documents":[{"text":"x","vector":[1e999]}]}', '/documents/0/vector/0'],
    ['more than a 32-bit float holds', { documents: [{ text: 'x', vector: [1e39] }] }, '/documents/0/vector/0'],
    ['no time', { documents: [{ text: 'x', occurred_at: '2026-02-31T00:00:00Z' }] }, '/documents/0/occurred_at'],
    ['NUL in a text', { documents: [{ text: 'a\u0000' }] }, '/documents/0/text'],
    ['another scope', { scope: 'all', documents: [{ text: 'x' }] }, '/scope'],
    ['a file', { documents: [{ blob_uri: 'file:///etc/passwd' }] }, '/documents/0/blob_uri'],
    ['a blob above its folder', { documents: [{ blob_uri: 'blob://../other/key' }] }, '/documents/0/blob_uri'],
    ['a blob of another host', { documents: [{ blob_uri: 's3://bucket/key' }] }, '/documents/0/blob_uri'],
  ])('with %s is 400, with the path, and nothing is sent', async (_what, body, path) => {
    const answer = await ingest(body);
    expect(answer.status).toBe(400);
    const { code, details } = await errorOf(answer);
    expect(code).toBe('request.invalid');
    expect(details.faults!.map((fault) => fault.path)).toContain(path);
    expect(await sent()).toEqual([]);
  });

  it('has a largest size: 1,000 documents, 16 MiB', async () => {
    const documents = Array.from({ length: 1001 }, (_, index) => ({ document_id: `d${index}`, text: 'x' }));
    const many = await ingest({ documents });
    expect(many.status).toBe(413);
    expect(await errorOf(many)).toMatchObject({ code: 'request.too_large', details: { documents_max: 1000 } });
    expect((await ingest({ documents: documents.slice(1) })).status).toBe(202);
    const large = await ingest({ documents: [{ text: 'x'.repeat(16 * 1024 * 1024) }] });
    expect(large.status).toBe(413);
    expect(await errorOf(large)).toMatchObject({ details: { bytes_max: 16 * 1024 * 1024 } });
    // Every other body stays as small as before.
    const query = await send('POST', '/nexus/spaces/handbook/query', { query: 'x'.repeat(1024 * 1024) });
    expect([query.status, (await errorOf(query)).code]).toEqual([413, 'request.too_large']);
  });

  it('over 256 KiB without a place for blobs is 503, and nothing is sent', async () => {
    const answer = await ingest({ documents: [{ text: 'x'.repeat(300 * 1024) }] });
    expect([answer.status, (await errorOf(answer)).code]).toEqual([503, 'nexus_blob_store.missing_route']);
    expect(await sent()).toEqual([]);
  });
});
