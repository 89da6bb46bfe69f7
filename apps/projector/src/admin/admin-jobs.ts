import { randomBytes } from 'node:crypto';
import { type JobKind, type JobResource, ServiceError } from '@runspine/contracts';
import type { Logger } from '@runspine/service';
import pg from 'pg';

/** How often a job says how far it is, and hears whether it is cancelled. */
const BEAT_MS = 1000;
/** A job of which nothing was heard for as long has no process any more. */
const SILENT_S = 30;
const LISTED_MAX = 50;
/** Most old jobs that go at once; each start adds one. */
const FORGOTTEN_AT_ONCE = 1000;

export interface AdminJobsOptions {
  readonly pool: pg.Pool;
  /** Of this process; the same after it began anew. */
  readonly instance: string;
  /** How long a job is kept once it ended, days. */
  readonly keptDays: number;
  readonly logger: Logger;
}

/** What a job is given. */
export interface JobContext {
  readonly jobId: string;
  /** Aborted when somebody cancels it, or the process ends. */
  readonly signal: AbortSignal;
  /** Says how far it is; `total` is an estimate. */
  progress(done: number, total?: number): void;
}

export interface JobStart {
  kind: JobKind;
  /** Whose it is; null for what is of all tenants. */
  tenantId: string | null;
  request: object;
  subject: string;
}

type JobRow = Omit<JobResource, 'progress'> & { done: number; total: number | null };

const COLUMNS = 'job_id, kind, tenant_id, status, done, total, result, error, created_at, updated_at, ended_at';
const INTERRUPTED = { code: 'admin.job_interrupted', message: 'The process that ran it ended. Start it again.' };

/**
 * Jobs of this process, and what PostgreSQL knows of all. A unique index lets one of a kind run. A job whose process
 * fell silent is failed by whoever looks next, so that a crash never leaves one that seems to run.
 */
export class AdminJobs {
  private readonly running = new Map<string, { abort: AbortController; done: Promise<void> }>();
  private readonly pool: pg.Pool;
  private readonly instance: string;
  private readonly keptDays: number;
  private readonly logger: Logger;

  constructor({ pool, instance, keptDays, logger }: AdminJobsOptions) {
    this.pool = pool;
    this.instance = instance;
    this.keptDays = keptDays;
    this.logger = logger;
  }

  /** Fails what an earlier process of this instance left running. */
  async begin(): Promise<void> {
    await this.interrupt('instance = $2', [this.instance]);
  }

  /** @throws ServiceError `admin.job_running` with the id of the one that runs. */
  async start(start: JobStart, work: (job: JobContext) => Promise<object>): Promise<string> {
    await this.interruptSilent();
    await this.forgetOld();
    const jobId = `job_${randomBytes(16).toString('hex')}`;
    try {
      await this.pool.query(
        `INSERT INTO admin_jobs (job_id, kind, tenant_id, status, done, request, instance, requested_by,
           cancel_requested, created_at, updated_at)
         VALUES ($1, $2, $3, 'running', 0, $4, $5, $6, false, now(), now())`,
        [jobId, start.kind, start.tenantId, JSON.stringify(start.request), this.instance, start.subject],
      );
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== '23505') throw error;
      const { rows } = await this.pool.query<{ job_id: string }>(
        `SELECT job_id FROM admin_jobs WHERE kind = $1 AND status = 'running'`,
        [start.kind],
      );
      throw new ServiceError('admin.job_running', undefined, { job_id: rows[0]?.job_id ?? null, kind: start.kind });
    }
    const abort = new AbortController();
    const done = this.run(jobId, start.kind, abort, work);
    this.running.set(jobId, { abort, done });
    void done.finally(() => this.running.delete(jobId));
    return jobId;
  }

  /** @param tenantId whose jobs count; undefined for all. @throws ServiceError `admin.job_not_found` */
  async find(jobId: string, tenantId: string | undefined): Promise<JobResource> {
    await this.interruptSilent();
    const { rows } = await this.pool.query<JobRow>(
      `SELECT ${COLUMNS} FROM admin_jobs WHERE job_id = $1 AND ($2::text IS NULL OR tenant_id = $2)`,
      [jobId, tenantId ?? null],
    );
    if (!rows[0]) throw new ServiceError('admin.job_not_found');
    return resourceOf(rows[0]);
  }

  /** The newest, first. */
  async list(tenantId: string | undefined): Promise<{ items: JobResource[] }> {
    await this.interruptSilent();
    const { rows } = await this.pool.query<JobRow>(
      `SELECT ${COLUMNS} FROM admin_jobs WHERE $1::text IS NULL OR tenant_id = $1
       ORDER BY created_at DESC LIMIT ${LISTED_MAX}`,
      [tenantId ?? null],
    );
    return { items: rows.map(resourceOf) };
  }

  /** Asks a job to end, whichever process has it; one that ended stays as it is. */
  async cancel(jobId: string, tenantId: string | undefined): Promise<JobResource> {
    await this.find(jobId, tenantId);
    await this.pool.query(`UPDATE admin_jobs SET cancel_requested = true WHERE job_id = $1`, [jobId]);
    const own = this.running.get(jobId);
    own?.abort.abort(new ServiceError('admin.job_cancelled'));
    await own?.done;
    return this.find(jobId, tenantId);
  }

  /** Ends what runs, as interrupted. */
  async close(): Promise<void> {
    for (const { abort } of this.running.values()) abort.abort(new ServiceError('admin.job_interrupted'));
    await Promise.all([...this.running.values()].map(({ done }) => done));
  }

  private async run(
    jobId: string,
    kind: JobKind,
    abort: AbortController,
    work: (job: JobContext) => Promise<object>,
  ): Promise<void> {
    const at: { done: number; total: number | null } = { done: 0, total: null };
    const beat = setInterval(() => void this.beat(jobId, at, abort), BEAT_MS);
    this.logger.info({ job_id: jobId, kind }, 'job begins');
    const progress = (done: number, total?: number) =>
      Object.assign(at, { done }, total === undefined ? {} : { total });
    let end: { status: string; result: object | null; error: object | null };
    try {
      const result = await work({ jobId, signal: abort.signal, progress });
      abort.signal.throwIfAborted();
      end = { status: 'completed', result, error: null };
    } catch (error) {
      end = endOf(abort.signal.aborted ? abort.signal.reason : error);
      this.logger.warn({ job_id: jobId, kind, err: error }, `job ${end.status}`);
    }
    clearInterval(beat);
    await this.keepEnd(jobId, at, end);
    this.logger.info({ job_id: jobId, kind, status: end.status, done: at.done }, 'job ended');
  }

  private async keepEnd(jobId: string, at: { done: number; total: number | null }, end: object): Promise<void> {
    const { status, result, error } = end as { status: string; result: object | null; error: object | null };
    await this.pool
      .query(
        `UPDATE admin_jobs SET status = $2, result = $3, error = $4, done = $5, total = $6, updated_at = now(),
           ended_at = now() WHERE job_id = $1 AND status = 'running'`,
        [jobId, status, result && JSON.stringify(result), error && JSON.stringify(error), at.done, at.total],
      )
      .catch((failure: unknown) => this.logger.error({ job_id: jobId, err: failure }, 'the end of a job is not kept'));
  }

  private async beat(jobId: string, at: { done: number; total: number | null }, abort: AbortController): Promise<void> {
    try {
      const { rows } = await this.pool.query<{ cancel_requested: boolean }>(
        `UPDATE admin_jobs SET done = $2, total = $3, updated_at = now() WHERE job_id = $1 AND status = 'running'
         RETURNING cancel_requested`,
        [jobId, at.done, at.total],
      );
      // No row: somebody took us for dead, and another job may run.
      if (!rows[0]) abort.abort(new ServiceError('admin.job_interrupted'));
      else if (rows[0].cancel_requested) abort.abort(new ServiceError('admin.job_cancelled'));
    } catch (error) {
      this.logger.warn({ job_id: jobId, err: error }, 'a job could not say how far it is');
    }
  }

  /** At each start, since nothing else makes jobs more: without a clock, and never far behind. */
  private async forgetOld(): Promise<void> {
    const { rowCount } = await this.pool.query(
      `DELETE FROM admin_jobs WHERE job_id IN (
         SELECT job_id FROM admin_jobs WHERE status <> 'running' AND ended_at < now() - make_interval(days => $1)
         ORDER BY ended_at LIMIT ${FORGOTTEN_AT_ONCE})`,
      [this.keptDays],
    );
    if (rowCount) this.logger.info({ jobs: rowCount }, 'old jobs are forgotten');
  }

  private interruptSilent(): Promise<void> {
    return this.interrupt(`updated_at < now() - interval '${SILENT_S} seconds'`, []);
  }

  private async interrupt(where: string, values: unknown[]): Promise<void> {
    await this.pool.query(
      `UPDATE admin_jobs SET status = 'failed', error = $1, ended_at = now() WHERE status = 'running' AND ${where}`,
      [JSON.stringify(INTERRUPTED), ...values],
    );
  }
}

function endOf(error: unknown): { status: string; result: null; error: object } {
  if (error instanceof ServiceError) {
    const status = error.code === 'admin.job_cancelled' ? 'cancelled' : 'failed';
    return { status, result: null, error: { code: error.code, message: error.message } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { status: 'failed', result: null, error: { code: 'service.internal', message } };
}

function resourceOf({ done, total, ...row }: JobRow): JobResource {
  return { ...row, progress: { done, total } };
}
