import { describe, expect, it } from '@jest/globals';
import {
  affinityOf,
  affinityOfRunId,
  isCorrelationId,
  isEventId,
  isNameId,
  isRunId,
  isStepId,
  newEventId,
  newRunId,
  newStepId,
  partitionKeyOf,
  timeOfId,
} from './ids.js';

const AT = Date.UTC(2026, 0, 31, 12);
const HEX = '019c13ec9e00';

describe('affinity', () => {
  it('is the beginning of the SHA-256 of tenant, env and room, for ever', () => {
    expect(affinityOf({ tenantId: 'acme', env: 'prod', roomId: 'lobby' })).toBe('2d9e751c');
    expect(affinityOf({ tenantId: 'default', env: 'default', roomId: 'default' })).toBe('55663c3b');
  });

  it('is that of the idempotency key without a room, and the room comes first', () => {
    const key = affinityOf({ tenantId: 'acme', env: 'prod', idempotencyKey: 'lobby' });
    expect(key).toBe('2d9e751c');
    expect(affinityOf({ tenantId: 'acme', env: 'prod', roomId: 'lobby', idempotencyKey: 'other' })).toBe(key);
  });

  it('is chance without either', () => {
    const seen = new Set(Array.from({ length: 100 }, () => affinityOf({ tenantId: 'acme', env: 'prod' })));
    expect(seen.size).toBeGreaterThan(95);
    for (const affinity of seen) expect(affinity).toMatch(/^[0-9a-f]{8}$/);
  });

  it('travels in the run id, and makes the key', () => {
    const id = newRunId('2d9e751c', AT);
    expect(affinityOfRunId(id)).toBe('2d9e751c');
    expect(partitionKeyOf('acme', id)).toBe('acme/2d9e751c');
  });
});

describe('new ids', () => {
  it('have their form, and carry their time', () => {
    const run = newRunId('2d9e751c', AT);
    const step = newStepId(AT);
    expect(run).toMatch(new RegExp(`^run_${HEX}2d9e751c[0-9a-f]{12}$`));
    expect(step).toMatch(new RegExp(`^step_${HEX}[0-9a-f]{20}$`));
    expect([isRunId(run), isStepId(step), isRunId(step), isStepId(run)]).toEqual([true, true, false, false]);
    expect([timeOfId(run), timeOfId(step)]).toEqual([AT, AT]);
  });

  it('of events are UUIDs of version 7 and variant 10, with their time first', () => {
    for (let i = 0; i < 200; i++) {
      const id = newEventId(AT);
      expect(isEventId(id)).toBe(true);
      expect(id).toMatch(/^019c13ec-9e00-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it('differ within one millisecond', () => {
    for (const make of [() => newRunId('00000000', AT), () => newStepId(AT), () => newEventId(AT)]) {
      expect(new Set(Array.from({ length: 5000 }, make)).size).toBe(5000);
    }
  });

  it('sort by time', () => {
    const at = [AT, AT + 1, AT + 1000, AT + 86_400_000];
    expect(at.map((ms) => newEventId(ms)).sort()).toEqual(
      at.map((ms) => expect.stringContaining(ms.toString(16).slice(-4))),
    );
    expect(newStepId(0)).toMatch(/^step_0{12}/);
  });
});

describe('forms', () => {
  const digits = '0123456789abcdef0123456789abcdef';

  it.each([
    ['upper case', `run_${digits.toUpperCase()}`],
    ['too short', `run_${digits.slice(1)}`],
    ['too long', `run_${digits}0`],
    ['a line end behind', `run_${digits}\n`],
    ['another prefix', `step_${digits}`],
    ['a slash', `run_/${digits.slice(1)}`],
    ['a quote', `run_'${digits.slice(1)}`],
    ['a NUL', `run_\u0000${digits.slice(1)}`],
    ['nothing', ''],
  ])('refuse a run id with %s', (_what, id) => {
    expect(isRunId(id)).toBe(false);
  });

  it.each(['A', '-a', '_a', 'a b', 'a/b', 'ä', '', 'a\n', 'a'.repeat(65)])('refuse the name %j', (name) => {
    expect(isNameId(name)).toBe(false);
  });

  it.each(['a', '0', 'a-b_c', 'a'.repeat(64)])('take the name %j', (name) => {
    expect(isNameId(name)).toBe(true);
  });

  it('take UUIDs of any version and case, and correlation ids of printable ASCII', () => {
    expect(isEventId('A987FBC9-4BED-3078-CF07-9141BA07C9F3')).toBe(true);
    expect(isEventId('a987fbc94bed3078cf079141ba07c9f3')).toBe(false);
    expect(['order:17', 'x'.repeat(128)].map(isCorrelationId)).toEqual([true, true]);
    expect(['', 'a b', 'ä', 'x'.repeat(129)].map(isCorrelationId)).toEqual([false, false, false, false]);
  });
});
