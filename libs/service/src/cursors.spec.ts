import { expect, it } from '@jest/globals';
import { Cursors } from './cursors.js';
import { Signer } from './signer.js';

const cursors = new Cursors(new Signer(Buffer.alloc(32, 1)));
const list = { name: 'runs', scope: { tenantId: 'acme', env: 'prod' }, filters: { stage: 'load', tag: undefined } };
const position = { created_at: '2026-01-01T00:00:00.000Z', run_id: 'run_a' };
const cursor = cursors.next(list, position)!;

it('gives the position back to the same list, by any process with the key', () => {
  expect(cursors.position(list, cursor)).toEqual(position);
  expect(
    new Cursors(new Signer(Buffer.alloc(32, 1))).position({ ...list, filters: { stage: 'load' } }, cursor),
  ).toEqual(position);
  expect(cursors.position(list, undefined)).toBeUndefined();
  expect(cursors.next(list, null)).toBeNull();
});

it.each([
  ['another list', { ...list, name: 'rejections' }],
  ['another tenant', { ...list, scope: { tenantId: 'other', env: 'prod' } }],
  ['another env', { ...list, scope: { tenantId: 'acme', env: 'default' } }],
  ['other filters', { ...list, filters: { stage: 'extract' } }],
  ['a filter more', { ...list, filters: { stage: 'load', kind: 'x' } }],
])('is refused by %s', (_, other) => {
  expect(() => cursors.position(other, cursor)).toThrow(expect.objectContaining({ code: 'cursor.invalid' }));
});

it('is refused when it was changed, cut, or made elsewhere', () => {
  const [text, mac] = cursor.split('.') as [string, string];
  const other = Buffer.from(JSON.stringify({ ...position, run_id: 'run_b' })).toString('base64url');
  const elsewhere = new Cursors(new Signer(Buffer.alloc(32, 2))).next(list, position)!;
  for (const forged of [
    `${other}.${mac}`,
    text,
    `${text}.`,
    `.${mac}`,
    `${cursor}A`,
    elsewhere,
    'null',
    '{}',
    '%00',
    '',
  ]) {
    expect(() => cursors.position(list, forged)).toThrow(expect.objectContaining({ code: 'cursor.invalid' }));
  }
});
