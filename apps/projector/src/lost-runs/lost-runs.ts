import { derivedEventId, encodeBinary, partitionKeyOf, runFailed, type SubmittedEvent } from '@runspine/contracts';
import { type BatchingProducer, type OutgoingRecord, partitionFor } from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import type pg from 'pg';

/** Runs that one look gives up at most; the next look goes on. */
const RUNS_MAX = 500;

const SILENT = {
  name: 'lost-runs',
  text: `SELECT tenant_id, run_id, env, project_id, surface_id, version, last_seen_at FROM proj_runs
         WHERE status IN ('created', 'running') AND last_seen_at < now() - make_interval(secs => $1)
           AND last_seen_at < now() - make_interval(secs => stale_after_s)
         ORDER BY last_seen_at LIMIT ${RUNS_MAX}`,
};

interface SilentRun {
  tenant_id: string;
  run_id: string;
  env: string;
  project_id: string;
  surface_id: string;
  version: number;
  last_seen_at: string;
}

export interface LostRunsOptions {
  pool: pg.Pool;
  producer: BatchingProducer;
  /** The runs topic, and how many partitions it has. */
  topic: string;
  partitions: number;
  /** Silence after which a run is given up, seconds; 0: never. */
  afterS: number;
  /** How often silent runs are looked for, seconds. */
  everyS: number;
  logger: Logger;
}

/**
 * Gives up runs that have been silent for long: submits `run.failed` {code: run.lost} through Kafka, like anyone. Every
 * projector may look: what they see is the same, so is the event's id, and the second one is a repeat. A run that gives
 * a sign of life meanwhile is left alone: an event moves its version, and the state machine refuses a `run.lost` of a
 * run that was seen after `error.detail.last_seen_at`.
 * @returns what stops it.
 */
export function giveUpLostRuns(options: LostRunsOptions): () => void {
  if (options.afterS === 0) return () => undefined;
  const timer = setInterval(() => void look(options), options.everyS * 1000);
  timer.unref();
  return () => clearInterval(timer);
}

async function look({ pool, producer, topic, partitions, afterS, logger }: LostRunsOptions): Promise<void> {
  try {
    const { rows } = await pool.query<SilentRun>({ ...SILENT, values: [afterS] });
    if (rows.length === 0) return;
    await producer.sendMany(rows.map((run) => recordOf(run, topic, partitions, afterS)));
    logger.info({ runs: rows.length, after_s: afterS }, 'silent runs are given up as lost');
  } catch (error) {
    logger.warn({ err: error }, 'silent runs could not be given up, next time');
  }
}

function recordOf(run: SilentRun, topic: string, partitions: number, afterS: number): OutgoingRecord {
  const { tenant_id, run_id, version, last_seen_at } = run;
  const event = {
    id: derivedEventId('run.lost', tenant_id, run_id, String(version), last_seen_at),
    source: '/projector',
    type: runFailed.type,
    time: new Date().toISOString(),
    subject: run_id,
    dataschema: runFailed.dataschema,
    tenantid: tenant_id,
    env: run.env,
    projectid: run.project_id,
    surfaceid: run.surface_id,
    partitionkey: partitionKeyOf(tenant_id, run_id),
    expectedversion: version,
    data: {
      run_id,
      error: {
        code: 'run.lost',
        message: `No sign of life for ${afterS} s.`,
        detail: { last_seen_at },
      },
    },
  } as unknown as SubmittedEvent;
  return { topic, partition: partitionFor(event.partitionkey, partitions), ...encodeBinary(event) };
}
