import { expect, it } from '@jest/globals';
import { prefersNdjson } from './accept.js';

it.each([
  [undefined, 'JSON'],
  ['', 'JSON'],
  ['*/*', 'JSON'],
  ['application/*', 'JSON'],
  ['application/json', 'JSON'],
  ['text/html', 'JSON'],
  ['text/html, application/xhtml+xml, */*;q=0.8', 'JSON'],
  ['application/x-ndjson', 'NDJSON'],
  ['application/ndjson', 'NDJSON'],
  ['Application/X-NDJSON; charset=utf-8', 'NDJSON'],
  ['application/x-ndjson-seq', 'JSON'],
  ['application/json, application/x-ndjson', 'NDJSON'],
  ['application/x-ndjson, */*', 'NDJSON'],
  ['application/json, application/x-ndjson;q=0', 'JSON'],
  ['application/json, application/x-ndjson; Q=0.0', 'JSON'],
  ['application/x-ndjson;q=0', 'JSON'],
  ['*/*, application/x-ndjson;q=0', 'JSON'],
  ['application/json;q=0.5, application/x-ndjson;q=0.4', 'JSON'],
  ['application/json;q=0.4, application/x-ndjson;q=0.5', 'NDJSON'],
  ['*/*, application/x-ndjson;q=0.9', 'JSON'],
  ['application/json;q=0.2, application/*;q=0.3', 'NDJSON'],
  ['application/json;q=0, */*', 'NDJSON'],
  ['application/x-ndjson;q=much', 'NDJSON'],
  [',;=,;q=,', 'JSON'],
])('%j is answered with %s', (accept, expected) => {
  expect(prefersNdjson(accept) ? 'NDJSON' : 'JSON').toBe(expected);
});
