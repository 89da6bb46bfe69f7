import { describe, expect, it } from '@jest/globals';
import { event, given } from './spine.fixture.js';

const at = (time: string) => ({ time: `2026-01-01T${time}Z` });

describe('a run', () => {
  it('is created with what it was given, and the defaults', () => {
    const { run } = given(
      event(
        'run.created',
        { room_id: 'room-a', kind: 'pipeline', tags: { team: 'a' }, input: [1] },
        at('10:00:00.000'),
      ),
    );
    expect(run).toMatchObject({
      status: 'created',
      version: 1,
      room_id: 'room-a',
      kind: 'pipeline',
      tags: { team: 'a' },
      input: [1],
      name: null,
      metadata: {},
      scores: [],
      metrics: {},
      stale_after_s: 900,
      created_at: '2026-01-01T10:00:00.000Z',
      started_at: null,
      ended_at: null,
    });
    expect(given(event('run.created', { stale_after_s: 5 })).run.stale_after_s).toBe(5);
  });

  it('starts', () => {
    const { run } = given(event('run.created'), event('run.started', { task_count: 4 }, at('10:00:01.000')));
    expect(run).toMatchObject({ status: 'running', task_count: 4, started_at: '2026-01-01T10:00:01.000Z', version: 2 });
  });

  it('completes with output and measures; executed unless it says otherwise', () => {
    const completed = (data: object) => given(event('run.created'), event('run.started'), event('run.completed', data));
    const checkpoint_run_id = `run_${'0'.repeat(32)}`;

    expect(completed({ output: { ok: 1 } }).run).toMatchObject({
      status: 'completed',
      output: { ok: 1 },
      source: 'executed',
      checkpoint_run_id: null,
      duration_ms: 1000,
    });
    expect(completed({ source: 'checkpoint', checkpoint_run_id }).run).toMatchObject({
      source: 'checkpoint',
      checkpoint_run_id,
    });
  });

  it('fails before it started, without a duration of its own', () => {
    const { run } = given(event('run.created'), event('run.failed', { error: { code: 'x', message: 'm' } }));
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'x', message: 'm' },
      duration_ms: null,
      source: null,
    });
    expect(run.ended_at).not.toBeNull();
  });

  it('is cancelled for a reason', () => {
    const { run } = given(event('run.created'), event('run.cancelled', { reason: 'enough' }));
    expect(run).toMatchObject({ status: 'cancelled', cancel_reason: 'enough', duration_ms: null });
  });

  it('takes its duration as given, else from its events’ times, never below zero', () => {
    const duration = (data: object, started: string, ended: string) =>
      given(event('run.created'), event('run.started', {}, at(started)), event('run.completed', data, at(ended))).run
        .duration_ms;
    expect(duration({ duration_ms: 12.5 }, '10:00:00.000', '10:00:09.000')).toBe(12.5);
    expect(duration({ duration_ms: 0 }, '10:00:00.000', '10:00:09.000')).toBe(0);
    expect(duration({}, '10:00:00.000', '10:00:09.250')).toBe(9250);
    expect(duration({}, '10:00:09.000', '10:00:00.000')).toBe(0);
  });

  it('merges annotations at the top level, the last of a name winning, and keeps the order of scores', () => {
    const { run } = given(
      event('run.created', { tags: { a: '1', b: '1' }, metadata: { deep: { x: 1, y: 1 }, kept: true } }),
      event('run.annotated', {
        tags: { b: '2', c: '2' },
        scores: [
          { name: 'quality', value: 1, comment: 'first' },
          { name: 'cost', value: 2 },
          { name: 'quality', value: 3 },
        ],
      }),
      event('run.annotated', { metadata: { deep: { x: 2 } }, scores: [{ name: 'quality', value: 4 }] }),
    );
    expect(run.tags).toEqual({ a: '1', b: '2', c: '2' });
    expect(run.metadata).toEqual({ deep: { x: 2 }, kept: true });
    expect(run.scores).toEqual([
      { name: 'quality', value: 4 },
      { name: 'cost', value: 2 },
    ]);
  });

  it('is annotated after its end without leaving it', () => {
    const { run } = given(event('run.created'), event('run.failed'), event('run.annotated', { tags: { seen: 'yes' } }));
    expect(run).toMatchObject({ status: 'failed', tags: { seen: 'yes' }, version: 3 });
  });

  it('keeps names such as __proto__ and constructor as plain data', () => {
    const names = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as Record<string, string>;
    const { run } = given(
      event('run.created', { tags: names, metadata: names }),
      event('run.annotated', { tags: { z: 'z' }, metadata: JSON.parse('{"__proto__":{"polluted":true}}') as object }),
      event('run.annotated', { scores: [{ name: '__proto__', value: 1 }] }),
    );
    expect(JSON.stringify(run.tags)).toBe('{"__proto__":"a","constructor":"b","toString":"c","z":"z"}');
    expect(JSON.stringify(run.metadata)).toBe('{"__proto__":{"polluted":true},"constructor":"b","toString":"c"}');
    expect(run.scores).toEqual([{ name: '__proto__', value: 1 }]);
    expect(Object.getPrototypeOf(run.tags)).toBe(Object.prototype);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('moves last_seen_at with every applied event and never back', () => {
    const spine = given(event('run.created'), event('run.started'));
    const seen = spine.run.last_seen_at;
    expect(seen).toBe(spine.last.recorded_at);

    spine.recordedMs -= 60_000; // A projector with a slower clock took over.
    spine.submit(event('run.annotated'));
    spine.submit(event('step.created'));
    expect(spine.run.last_seen_at).toBe(seen);
  });

  it('is kept alive by heartbeats, which change nothing else', () => {
    const spine = given(event('run.created'), event('run.started'));
    const before = spine.run;
    spine.submit(event('run.heartbeat'));
    expect(spine.run.last_seen_at > before.last_seen_at).toBe(true);
    expect({ ...spine.run, last_seen_at: '' }).toEqual({ ...before, last_seen_at: '' });
  });
});
