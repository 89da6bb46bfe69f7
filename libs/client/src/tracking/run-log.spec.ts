import { performance } from 'node:perf_hooks';
import { describe, expect, it } from '@jest/globals';
import { LOG_KINDS } from './log-entry.js';
import { RunLog } from './run-log.js';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A workflow of two tasks, with an entry of each of the twelve kinds but the failure of the whole. */
function workflow(): RunLog {
  const log = new RunLog();
  log.emit('workflow_started', { task_count: 2 });
  log.emit('task_scheduled', { task_id: 'read', name: 'Read' });
  log.emit('task_scheduled', { task_id: 'write', name: 'Write', depends_on: ['read'] });
  log.emit('task_inputs_resolved', { task_id: 'read', inputs: { path: '/in' } });
  log.emit('task_started', { task_id: 'read' });
  log.emit('template_resolved', { task_id: 'read', template: 'Hi {x}', result: 'Hi you' });
  log.emit('provider_called', { task_id: 'read', provider: 'openai', model: 'm', prompt_len: 6 });
  log.emit('provider_responded', {
    task_id: 'read',
    provider: 'openai',
    model: 'm',
    output_len: 2,
    tokens_in: 3,
    tokens_out: 1,
  });
  log.emit('schema_validated', { task_id: 'read', schema_path: 'out.json', valid: true });
  log.emit('task_completed', { task_id: 'read', output: { rows: 3 } });
  log.emit('task_started', { task_id: 'write' });
  log.emit('task_failed', { task_id: 'write', error: { message: 'disk full' } });
  log.emit('workflow_failed', { error: { message: 'disk full' }, failed_task_id: 'write' });
  return log;
}

describe('RunLog', () => {
  it('gives monotonic ids from 1, without gaps, and times that never go back', () => {
    const log = new RunLog();
    const ids = Array.from({ length: 1000 }, () => log.emit('task_started', { task_id: 'a' }));

    expect(ids).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
    const times = log.entries.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(0);
    expect(times[0]).toBeLessThan(1000);
  });

  it('is thread-safe: takes emits of parallel tasks whole, each once, in the order of the calls', async () => {
    const log = new RunLog();
    const task = async (name: string) => {
      for (let round = 0; round < 50; round++) {
        log.emit('task_inputs_resolved', { task_id: name, inputs: { round } });
        await wait(Math.random());
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(task));

    expect(log.entries.map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    for (const name of ['a', 'b', 'c', 'd']) {
      expect(log.filterTask(name).map(({ data }) => data.inputs)).toEqual(
        Array.from({ length: 50 }, (_, round) => ({ round })),
      );
    }
  });

  it('filters by task', () => {
    expect(
      workflow()
        .filterTask('write')
        .map(({ type }) => type),
    ).toEqual(['task_scheduled', 'task_started', 'task_failed']);
    expect(workflow().filterTask('nobody')).toEqual([]);
  });

  it('serialises entries tagged by type, and they come back equal', () => {
    const log = new RunLog();
    log.emit('task_completed', { task_id: 'a', output: [1], metrics: { rows_out: 1 } });
    const [first] = JSON.parse(JSON.stringify(log)) as Record<string, unknown>[];

    expect(first).toEqual({
      id: 1,
      at_ms: expect.any(Number),
      type: 'task_completed',
      task_id: 'a',
      output: [1],
      metrics: { rows_out: 1 },
    });
    expect(JSON.parse(JSON.stringify(workflow()))).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: 'provider_called', prompt_len: 6 })]),
    );
  });

  it('keeps the full audit trail of a workflow', () => {
    const log = workflow();
    const kinds = new Set(log.entries.map(({ type }) => type));

    expect(new Set([...kinds, 'workflow_completed'])).toEqual(new Set(LOG_KINDS));
    const { status, tasks, llmCalls, tokens, error } = log.replayUntil(log.size);
    expect({ status, llmCalls, tokens, error }).toEqual({
      status: 'failed',
      llmCalls: 1,
      tokens: 4,
      error: { message: 'disk full' },
    });
    expect(tasks.get('read')).toMatchObject({
      name: 'Read',
      status: 'completed',
      inputs: { path: '/in' },
      output: { rows: 3 },
    });
    expect(tasks.get('write')).toMatchObject({
      status: 'failed',
      dependsOn: ['read'],
      error: { message: 'disk full' },
    });
  });

  it('replays the run as it was at any of its entries', () => {
    const log = workflow();

    expect(log.replayUntil(0)).toMatchObject({ status: 'created', entries: [] });
    expect(log.replayUntil(5).tasks.get('read')).toMatchObject({ status: 'running' });
    expect(log.replayUntil(5).tasks.get('write')).toMatchObject({ status: 'scheduled' });
    expect(log.replayUntil(10).status).toBe('running');
    expect(log.replayUntil(10).entries).toHaveLength(10);
  });

  it('counts attempts when a failed task starts again', () => {
    const log = new RunLog();
    log.emit('task_started', { task_id: 'a' });
    log.emit('task_failed', { task_id: 'a', error: { message: 'x' } });
    log.emit('task_started', { task_id: 'a' });
    log.emit('provider_responded', { task_id: 'a', provider: 'p', model: 'm', output_len: 1, tokens_used: 7 });
    log.emit('workflow_completed', { output: 1 });

    expect(log.replayUntil(9).tasks.get('a')).toMatchObject({ attempt: 2, status: 'running', tokens: 7 });
    expect(log.replayUntil(9)).toMatchObject({ status: 'completed', output: 1 });
  });

  it('holds the whole context of inputs_resolved, as it was then', () => {
    const context = { user: { name: 'Ada' }, rows: Array.from({ length: 500 }, (_, row) => ({ row })), note: 'ß' };
    const log = new RunLog();
    log.emit('task_inputs_resolved', { task_id: 'a', inputs: context });
    const before = structuredClone(context);
    context.user.name = 'Eve';
    context.rows.length = 0;

    expect(log.entries[0]!.data.inputs).toEqual(before);
  });

  it('takes what JSON has no form for, without throwing', () => {
    const log = new RunLog();
    const cycle: Record<string, unknown> = { big: 12n };
    cycle.self = cycle;
    let deep: unknown = 1;
    for (let level = 0; level < 100; level++) deep = [deep];
    const trap = {
      get bad(): never {
        throw new Error('no');
      },
    };
    const lone = { text: 'a\ud800b\u0000c \\u0000' };
    for (const inputs of [cycle, deep, trap, lone]) log.emit('task_inputs_resolved', { task_id: 'a', inputs });
    log.emit('task_started', undefined as never);

    const [first, second, third, fourth] = log.entries.map(({ data }) => data.inputs);
    expect(first).toEqual({ big: '12', self: '[circular]' });
    expect(JSON.stringify(second).length).toBeLessThan(200);
    expect(third).toBeUndefined();
    expect(log.entries[2]!.data).toEqual({ unserialisable: 'no' });
    expect(fourth).toEqual({ text: 'a\ufffdb\ufffdc \\u0000' });
  });

  it('lets go of the oldest entries past its bound', () => {
    const log = new RunLog({ entriesMax: 10 });
    for (let count = 0; count < 100; count++) log.emit('task_started', { task_id: 'a' });

    expect(log.size).toBe(100);
    expect(log.entries.length).toBeLessThanOrEqual(10);
    expect(log.entries.at(-1)!.id).toBe(100);
  });

  it('takes at least 200,000 emits a second', () => {
    const taken: number[] = [];
    for (let round = 0; round < 4; round++) {
      const log = new RunLog({ sink: { take: () => undefined } });
      const beganMs = performance.now();
      for (let count = 0; count < 100_000; count++) {
        log.emit('provider_called', { task_id: 'task', provider: 'openai', model: 'gpt', prompt_len: count });
      }
      taken.push(100_000 / ((performance.now() - beganMs) / 1000));
    }

    expect(Math.max(...taken)).toBeGreaterThan(200_000);
  });
});
