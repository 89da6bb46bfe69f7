import { expect, it } from '@jest/globals';
import { Signer } from '@runspine/service';
import { Tickets } from './tickets.js';

const nowMs = Date.UTC(2026, 0, 1);
const stream = { tenantId: 'acme', env: 'prod', kind: 'room', id: 'a' } as const;
const tickets = new Tickets(new Signer(Buffer.alloc(32, 1)));
const { ticket, expires_at } = tickets.issue(stream, nowMs);

it('is valid for a minute, and names its tenant and env', () => {
  expect(expires_at).toBe('2026-01-01T00:01:00.000Z');
  expect(tickets.redeem(ticket, stream, nowMs + 59_999)).toEqual({ tenantId: 'acme', env: 'prod' });
  expect(() => tickets.redeem(ticket, stream, nowMs + 60_000)).toThrow(/expired/);
});

it('opens no other stream', () => {
  expect(() => tickets.redeem(ticket, { kind: 'run', id: 'a' }, nowMs)).toThrow();
  expect(() => tickets.redeem(ticket, { kind: 'room', id: 'b' }, nowMs)).toThrow();
});

it('is not taken from another installation, nor changed, nor a cursor in its place', () => {
  const other = new Tickets(new Signer(Buffer.alloc(32, 2)));
  const payload = Buffer.from(JSON.stringify({ ...stream, tenantId: 'other', expiresAt: 1e15 })).toString('base64url');
  const cursor = new Signer(Buffer.alloc(32, 1)).seal(['cursor'], { ...stream, expiresAt: 1e15 });
  for (const forged of [
    other.issue(stream, nowMs).ticket,
    `${payload}.${ticket.split('.')[1]}`,
    cursor,
    `${ticket}=`,
    ticket.split('.')[0]!,
    '',
    '.',
    'é.x',
  ]) {
    expect(() => tickets.redeem(forged, stream, nowMs)).toThrow(/ticket/);
  }
});
