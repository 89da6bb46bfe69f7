import { describe, expect, it } from '@jest/globals';
import {
  affinityOf,
  affinityOfRunId,
  createRun,
  createStep,
  decodeRecord,
  encodeBinary,
  isRunId,
  isStepId,
  newRunId,
  startRun,
  timeOfId,
} from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import type { WriteRequest } from '../http/write-headers.js';
import { eventOf, hashOfRequest } from './command-event.js';

const NOW = Date.parse('2026-01-31T12:00:00.000Z');
const V4 = '6f8f57cb-1c1c-4f4b-9f3a-0d6c8f6f0001';
const V7 = '019c138a-9400-7abc-8def-0d6c8f6f0001';
const caller: Identity = {
  tenantId: 'acme',
  env: 'prod',
  projectId: 'p',
  surfaceId: 's',
  subject: 'x',
  roles: new Set(['writer'] as const),
};
const request = (over: Partial<WriteRequest> = {}): WriteRequest => ({
  idempotencyKey: undefined,
  expectedVersion: undefined,
  correlationId: undefined,
  causationId: undefined,
  traceparent: undefined,
  prefer: undefined,
  route: 'POST /v1/runs',
  sentBody: {},
  gone: () => false,
  ...over,
});
const created = (body: Record<string, unknown>, over: Partial<WriteRequest> = {}) =>
  eventOf(caller, createRun, {}, body, request(over), NOW);
const runIdOf = (body: Record<string, unknown>, over: Partial<WriteRequest> = {}) => created(body, over).data.run_id;

describe('the event of a write', () => {
  it('is one that the projector reads as it was written', () => {
    const event = created(
      { name: 'n', room_id: 'lobby', extra: { a: 1 }, time: '2026-01-31T13:00:00+01:00', correlation_id: 'c1' },
      { idempotencyKey: 'k', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, causationId: 'why' },
    );
    const { headers, value } = encodeBinary(event);

    expect(decodeRecord({ headers, value: Buffer.from(value) }, NOW)).toEqual({ event });
    expect(event).toMatchObject({ time: '2026-01-31T12:00:00.000Z', correlationid: 'c1', causationid: 'why' });
    expect(event.data).toEqual({ run_id: event.subject, name: 'n', room_id: 'lobby', extra: { a: 1 } });
  });

  it('puts a run where its room is, else where its key is, else anywhere', () => {
    const where = { tenantId: 'acme', env: 'prod' };
    expect(affinityOfRunId(runIdOf({ room_id: 'lobby' }, { idempotencyKey: 'k' }))).toBe(
      affinityOf({ ...where, roomId: 'lobby' }),
    );
    expect(affinityOfRunId(runIdOf({}, { idempotencyKey: 'k' }))).toBe(affinityOf({ ...where, idempotencyKey: 'k' }));
    expect(runIdOf({})).not.toBe(runIdOf({}));
    expect(timeOfId(runIdOf({}))).toBe(NOW);
  });

  it.each([V4, V7])('creates the same run and step for the same event id (%s)', (id) => {
    const step = () =>
      eventOf(caller, createStep, { runId: newRunId('00000000', NOW) }, { name: 's', event_id: id }, request(), NOW);
    const stepId = () => (step().data as { step_id: string }).step_id;

    expect(runIdOf({ event_id: id })).toBe(runIdOf({ event_id: id.toUpperCase() }));
    expect(isRunId(runIdOf({ event_id: id }))).toBe(true);
    expect(isStepId(stepId())).toBe(true);
    expect(stepId()).toBe(stepId());
    expect(created({ event_id: id.toUpperCase() }).id).toBe(id);
  });

  it('keeps a field called __proto__ as a field', () => {
    const event = created(JSON.parse('{"__proto__":{"y":1}}') as Record<string, unknown>);

    expect(Object.keys(event.data)).toContain('__proto__');
    expect(JSON.stringify(event.data)).toContain('"__proto__":{"y":1}');
    expect((event.data as Record<string, unknown>).y).toBeUndefined();
  });

  it('refuses ids that are not the path’s, and times that are out of range', () => {
    const start = (body: Record<string, unknown>) => () =>
      eventOf(caller, startRun, { runId: newRunId('00000000', NOW) }, body, request(), NOW);

    expect(start({ run_id: newRunId('11111111', NOW) })).toThrow('/run_id');
    expect(start({ time: '9999-01-01T00:00:00Z' })).toThrow('/time');
    expect(() => created({ correlation_id: 'a' }, { correlationId: 'b' })).toThrow('/correlation_id');
  });

  it('hashes what a key stands for: path and body, whatever the order of its fields', () => {
    const hash = (route: string, sentBody: unknown) => hashOfRequest(request({ route, sentBody }));

    expect(hash('POST /a', { x: 1, y: 2 })).toBe(hash('POST /a', { y: 2, x: 1 }));
    expect(hash('POST /a', { x: 1 })).not.toBe(hash('POST /b', { x: 1 }));
    expect(hash('POST /a', { x: 1 })).not.toBe(hash('POST /a', { x: 2 }));
    expect(hash('POST /a', undefined)).toBe(hash('POST /a', {}));
  });
});
