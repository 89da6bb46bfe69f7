import {
  affinityOf,
  definitionOf,
  encodeBinary,
  type EventType,
  newEventId,
  newRunId,
  newStepId,
  partitionKeyOf,
  type SubmittedEvent,
} from '@runspine/contracts';
import { BatchingProducer, partitionFor, type OutgoingRecord } from '@runspine/kafka';
import type { Bench } from './servers.ts';

/** What happens in a run of six steps: 21 changes. */
export function changesOfRun(index: number): { type: EventType; data: Record<string, unknown> }[] {
  const run = {
    name: `nightly ${index}`,
    kind: 'pipeline',
    stage: `s${index % 10}`,
    input: { path: `docs/${index}`, limit: 1000 },
    tags: { team: 'a' },
  };
  const changes: { type: EventType; data: Record<string, unknown> }[] = [
    { type: 'run.created', data: run },
    { type: 'run.started', data: { task_count: 6 } },
  ];
  for (let step = 0; step < 6; step += 1) {
    const step_id = newStepId();
    changes.push(
      { type: 'step.created', data: { step_id, name: `step ${step}`, kind: 'task' } },
      { type: 'step.started', data: { step_id } },
      {
        type: 'step.completed',
        data: {
          step_id,
          output: { rows: 10 * step, files: ['a', 'b'] },
          duration_ms: 12.5,
          metrics: { rows_in: 10, rows_out: 9 },
        },
      },
    );
  }
  changes.push({ type: 'run.completed', data: { output: { ok: true }, duration_ms: 100 } });
  return changes;
}

/** A run's changes as records of the runs topic. */
export function recordsOfRun(index: number, topic: string, partitions: number): OutgoingRecord[] {
  const runId = newRunId(affinityOf({ tenantId: 'default', env: 'default' }));
  return changesOfRun(index).map(({ type, data }) => recordOf(type, runId, data, topic, partitions));
}

/** One event as a record of the runs topic, happening now. */
export function recordOf(
  type: EventType,
  runId: string,
  data: Record<string, unknown>,
  topic: string,
  partitions: number,
): OutgoingRecord {
  const event = {
    id: newEventId(),
    source: '/bench',
    type,
    time: new Date().toISOString(),
    subject: runId,
    dataschema: definitionOf(type)!.dataschema,
    tenantid: 'default',
    env: 'default',
    projectid: 'default',
    surfaceid: 'default',
    partitionkey: partitionKeyOf('default', runId),
    data: { run_id: runId, ...data },
  } as SubmittedEvent;
  const { key, headers, value } = encodeBinary(event);
  return { topic, partition: partitionFor(key, partitions), key, headers, value };
}

/** Writes whole runs to the log. @returns how many events. */
export async function produceRuns(bench: Bench, topic: string, runs: number, partitions: number): Promise<number> {
  const producer = new BatchingProducer({ client: bench.kafka, maxQueuedRecords: 50_000, sendTimeoutMs: 60_000 });
  let events = 0;
  for (let from = 0; from < runs; from += 200) {
    const records: OutgoingRecord[] = [];
    for (let index = from; index < Math.min(runs, from + 200); index += 1)
      records.push(...recordsOfRun(index, topic, partitions));
    await producer.sendMany(records);
    events += records.length;
  }
  await producer.close();
  return events;
}
