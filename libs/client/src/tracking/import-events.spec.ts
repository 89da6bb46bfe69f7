import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { importEvents, writeRunLog } from './import-events.js';
import { RunLog } from './run-log.js';
import { TrackerFixture } from './tracker.fixture.js';

let at: TrackerFixture;

beforeEach(async () => {
  at = await TrackerFixture.start();
});

afterEach(() => at.remove());

describe('a log on its own', () => {
  it('is written as a file that can be imported, again and again', async () => {
    const log = new RunLog();
    log.emit('workflow_started', {});
    log.emit('task_completed', { task_id: 'a', output: 1 });
    log.emit('provider_called', { provider: 'p', model: 'm', prompt_len: 3 });
    log.emit('provider_responded', { provider: 'p', model: 'm', output_len: 3, tokens_used: 4 });
    log.emit('schema_validated', { task_id: 'a', schema_path: 's', valid: true });
    log.emit('template_resolved', { task_id: 'a', template: 't', result: 'r' });
    log.emit('workflow_completed', {});
    log.emit('workflow_failed', { error: { message: 'too late' } });
    const file = join(at.folder, 'run.ndjson');
    const runId = await writeRunLog(log, file, { name: 'imported', metadata: { a: 1 } });
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nnonsense\n{"a":1}\n`);
    const { client } = at.tracker();
    const first = await importEvents(client, file);
    const second = await importEvents(client, file);

    expect(first).toEqual({ runs: [runId], sent: 11, rejected: [], refused: [], damaged: 2 });
    expect(second).toEqual(first);
    expect(at.gateway.typesOf(runId)).toEqual([
      'run.created',
      'run.started',
      'step.created',
      'step.started',
      'step.completed',
      'step.created',
      'step.provider_called',
      'step.provider_responded',
      'step.schema_validated',
      'step.template_resolved',
      'run.completed',
    ]);
    expect(await log.close()).toBe(true);
  });

  it('fails to be imported while the gateway is away', async () => {
    const file = join(at.folder, 'run.ndjson');
    const log = new RunLog();
    log.emit('workflow_started', {});
    await writeRunLog(log, file);
    await at.gateway.die();

    await expect(importEvents(at.tracker().client, file)).rejects.toMatchObject({ code: 'client.unreachable' });
  });

  it('flushes and closes by the run that it is of', async () => {
    const tracking = at.tracker();
    const run = tracking.startRun({ name: 'by hand' });
    run.log.emit('task_started', { task_id: 'a' });
    expect(await run.log.flush()).toBe(true);
    expect(at.gateway.events).toHaveLength(4);
    run.complete(1);
    run.fail(new Error('too late'));
    run.complete(2);
    expect(await run.log.close()).toBe(true);
    run.log.emit('task_started', { task_id: 'b' });
    await tracking.flush();

    expect(at.gateway.events).toHaveLength(5);
  });
});
