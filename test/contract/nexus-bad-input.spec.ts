import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IngestDocument } from '@runspine/contracts';
import { idsOf, quickNexus, refusalOf, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';

// Real: everything. What cannot be taken has a clear code, leaves nothing half-written, and holds nobody up.

const DOCUMENT_BYTES_MAX = 300 * 1024;

let stack: Stack;
let acme: Spaces;

beforeAll(async () => {
  const settings = { ...(await quickNexus()), RUNSPINE_NEXUS_DOCUMENT_BYTES: String(DOCUMENT_BYTES_MAX) };
  stack = await startStack({ gateways: 1, nexuses: 1, settings });
  acme = new Spaces(stack.http()).as({ 'x-tenant-id': 'acme' });
}, 120_000);
afterAll(() => stack.close());

describe('bad input', () => {
  const text = 'a text';
  const many = Array.from({ length: 10_000 }, (_, at) => ({ document_id: `d${at}`, text }));
  const tooMany = Array.from({ length: 1001 }, () => ({ text }));
  const nested = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) as unknown;

  it.each<[string, unknown, number, string]>([
    ['no documents', { documents: [] }, 400, 'request.invalid'],
    ['no body', 'null', 400, 'request.invalid'],
    ['no JSON', '{"documents":[', 400, 'request.malformed'],
    ['10,000 documents', { documents: many }, 413, 'request.too_large'],
    ['1,001 documents', { documents: tooMany }, 413, 'request.too_large'],
    ['a body of 17 MiB', { documents: [{ text: 'x'.repeat(17 * 1024 * 1024) }] }, 413, 'request.too_large'],
    [
      'duplicate ids',
      {
        documents: [
          { document_id: 'a', text },
          { document_id: 'a', text },
        ],
      },
      400,
      'request.invalid',
    ],
    ['an unknown field', { documents: [{ text }], colour: 'red' }, 400, 'request.invalid'],
    ['an unknown field of a document', { documents: [{ text, colour: 'red' }] }, 400, 'request.invalid'],
    ['a blank text', { documents: [{ text: ' \n\t ' }] }, 400, 'request.invalid'],
    ['text and chunks', { documents: [{ text, chunks: [{ text }] }] }, 400, 'request.invalid'],
    ['neither', { documents: [{ document_id: 'a' }] }, 400, 'request.invalid'],
    ['NaN in a vector', '{"documents":[{"text":"x","vector":[1,NaN]}]}', 400, 'request.malformed'],
    ['NaN as null', { documents: [{ text, vector: [1, Number.NaN] }] }, 400, 'request.invalid'],
    ['a number beyond 32 bits', { documents: [{ text, vector: [1e39] }] }, 400, 'request.invalid'],
    ['a number beyond 64 bits', '{"documents":[{"text":"x","vector":[1e999]}]}', 400, 'request.invalid'],
    [
      'vectors of two lengths',
      {
        documents: [
          { text, vector: [1] },
          { text, vector: [1, 2] },
        ],
      },
      400,
      'request.invalid',
    ],
    ['NUL', { documents: [{ text: 'a\u0000b' }] }, 400, 'request.invalid'],
    ['a lone surrogate', '{"documents":[{"text":"a\\ud800b"}]}', 400, 'request.invalid'],
    ['a control character in an id', { documents: [{ document_id: 'a\nb', text }] }, 400, 'request.invalid'],
    ['an id of 513 characters', { documents: [{ document_id: 'a'.repeat(513), text }] }, 400, 'request.invalid'],
    ['a time that is none', { documents: [{ text, occurred_at: '2026-02-31T00:00:00Z' }] }, 400, 'request.invalid'],
    ['deep metadata', { documents: [{ text, metadata: { nested } }] }, 400, 'request.invalid'],
    ['a scope that is none', { documents: [{ text }], scope: 'everybody' }, 400, 'request.invalid'],
  ])('%s is refused at once', async (_what, body, status, code) => {
    expect(refusalOf(await acme.http.post('/nexus/spaces/bad/ingest', body))).toEqual([status, code]);
  });

  it('left nothing behind', async () => {
    expect(await acme.described('bad')).toBeUndefined();
    expect((await acme.ask('bad', { query: text })).hits).toEqual([]);
    await acme.goesOn('bad');
  });

  it.each<[string, unknown, number, string]>([
    ['an empty query', { query: '' }, 400, 'nexus.query_invalid'],
    ['a blank query', { query: '  ' }, 400, 'nexus.query_invalid'],
    ['no query', {}, 400, 'nexus.query_invalid'],
    ['top_k of 0', { query: 'x', top_k: 0 }, 400, 'nexus.query_invalid'],
    ['top_k of a million', { query: 'x', top_k: 1_000_000 }, 400, 'nexus.query_invalid'],
    ['a depth of a million', { query: 'x', depth: 1_000_000 }, 400, 'nexus.query_invalid'],
    ['an unknown field', { query: 'x', colour: 'red' }, 400, 'nexus.query_invalid'],
    ['an unknown mode', { query: 'x', mode: 'best' }, 400, 'nexus.query_invalid'],
    ['a wrong dimension', { vector: [1, 2, 3] }, 400, 'nexus.dimension_mismatch'],
    ['a vector of no length', { vector: Array.from({ length: 384 }, () => 0) }, 400, 'nexus.query_invalid'],
    ['NaN', '{"vector":[NaN]}', 400, 'request.malformed'],
    ['NaN as null', { vector: [null] }, 400, 'nexus.query_invalid'],
    ['a filter by SQL', { query: 'x', filter: { "type = 'a' OR 1=1 --": 1 } }, 400, 'nexus.filter_invalid'],
    ['a filter of a column of ours', { query: 'x', filter: { source_offset: 1 } }, 400, 'nexus.filter_invalid'],
    ['an unknown operator', { query: 'x', filter: { type: { $regex: '.*' } } }, 400, 'nexus.filter_invalid'],
    ['an endless filter', { query: 'x', filter: deepFilter(20) }, 400, 'nexus.filter_invalid'],
    ['a key that is a prototype', '{"query":"x","filter":{"__proto__":{"a":1}}}', 400, 'request.malformed'],
  ])('%s: refused', async (_what, body, status, code) => {
    expect(refusalOf(await acme.http.post('/nexus/spaces/bad/query', body))).toEqual([status, code]);
  });

  it('a hostile filter is compared with, not executed', async () => {
    const hostile = ["x' OR '1'='1", "'; DROP TABLE bad; --", '\\', '%', '_', '🦓', "''"];
    await acme.put(
      'hostile',
      hostile.map((value, at) => ({
        document_id: `h${at}`,
        text: 'same words',
        type: value,
        metadata: { [value]: value, kept: value },
      })),
    );
    for (const [at, value] of hostile.entries()) {
      for (const filter of [{ type: value }, { 'metadata.kept': value }, { [`metadata.${value}`]: { $in: [value] } }]) {
        expect(idsOf((await acme.ask('hostile', { query: 'words', filter })).hits)).toEqual([`h${at}`]);
      }
    }
  });

  it('a document over the limit is an error of the task, and the others are there', async () => {
    const task = await acme.ended(
      await acme.ingest('large', [
        { document_id: 'small', text: 'a pebble' },
        { document_id: 'over', text: 'stone '.repeat(DOCUMENT_BYTES_MAX / 6 + 10) },
        { document_id: 'one-word', text: 'x'.repeat(DOCUMENT_BYTES_MAX - 10) },
      ]),
    );
    expect(task).toMatchObject({ status: 'completed', documents: 3, documents_done: 3 });
    expect(task.errors).toMatchObject([{ document_id: 'over', code: 'nexus.document_too_large' }]);
    expect((await acme.ask('large', { query: 'stone' })).hits).toEqual([]);
    expect((await acme.described('large'))?.documents).toBe(2);
    await acme.goesOn('large');
  });

  it('a vector of another dimension, or of another model, is an error of the task; nothing is half-written', async () => {
    await acme.put('vectors', [{ document_id: 'kept', text: 'north', vector: [1, 0, 0] }]);
    const before = await acme.described('vectors');
    for (const wrong of [{ text: 'south', vector: [0, 1] }, { text: 'no vector, so the embedder makes one' }]) {
      const documents = [
        { document_id: 'kept', ...wrong },
        { document_id: 'new', ...wrong },
      ];
      const task = await acme.ended(await acme.ingest('vectors', documents));
      expect(task.status).toBe('failed');
      expect(task.errors.map(({ code }) => code)).toEqual(['nexus.embedding_mismatch', 'nexus.embedding_mismatch']);
    }
    expect(await acme.described('vectors')).toEqual(before);
    expect((await acme.ask('vectors', { vector: [1, 0, 0] })).hits).toMatchObject([
      { document_id: 'kept', text: 'north', score: 1 },
    ]);
    expect(refusalOf(await acme.query('vectors', { vector: [1, 0] }))).toEqual([400, 'nexus.dimension_mismatch']);
  });

  it('an embedding model that changed is an error of the task; what is there stays readable by text', async () => {
    await acme.put('remade', [{ document_id: 'old', text: 'written by the old model' }]);
    const [first] = stack.nexuses;
    expect(await first!.stop()).toBe('0');
    stack.env.RUNSPINE_EMBEDDER_DIMENSION = '128';
    const other = await stack.add('nexus');
    const task = await acme.ended(await acme.ingest('remade', [{ document_id: 'new', text: 'written by the new' }]));
    expect(task).toMatchObject({
      status: 'failed',
      errors: [{ document_id: 'new', code: 'nexus.embedding_mismatch' }],
    });
    expect(idsOf((await acme.ask('remade', { query: 'written' })).hits)).toEqual(['old']);
    await acme.put('made-new', [{ document_id: 'new', text: 'another space takes it' }]);
    expect((await acme.http.get('/nexus/spaces/made-new')).body.embedding).toEqual({
      model: 'hash-128',
      dimension: 128,
    });

    expect(await other.stop()).toBe('0');
    delete stack.env.RUNSPINE_EMBEDDER_DIMENSION;
    await first!.start();
    await first!.ready();
    await acme.goesOn('remade');
  });

  it.each([
    'file:///etc/passwd',
    '/etc/passwd',
    'http://169.254.169.254/latest/meta-data',
    's3://other-bucket/key',
    'blob://../globex/secret',
    'blob://a/../../b',
    'blob:///etc/passwd',
    'blob://%2e%2e/x',
    'blob://a\\b',
    'blob://',
  ])('a hostile blob reference is refused: %s', async (blob_uri) => {
    expect(refusalOf(await acme.send('blobs', [{ blob_uri } as IngestDocument]))).toEqual([400, 'request.invalid']);
  });

  it.each([
    '..',
    '%2e%2e',
    'a%2fb',
    'UPPER',
    '-dash',
    'sp ace',
    'a'.repeat(65),
    'nul%00',
    'é',
    '%2e%2e%2f%2e%2e%2fetc',
  ])('a hostile space id is refused: %s', async (space) => {
    for (const answer of [await acme.send(space, [{ text: 'x' }]), await acme.query(space, { query: 'x' })]) {
      expect([400, 404]).toContain(answer.status);
    }
  });
});

function deepFilter(depth: number): object {
  return depth === 0 ? { type: 'x' } : { $and: [deepFilter(depth - 1)] };
}
