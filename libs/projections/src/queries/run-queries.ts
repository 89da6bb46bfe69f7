import { type RunResource, type RunStatus, ServiceError } from '@runspine/contracts';
import { runResource } from '@runspine/run-model';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { RunEntity, type RunRow } from '../entities/run.entity.js';
import type { ReadStore } from './read-store.js';
import { type Page, pageOf, type Scope, selectRows } from './select-rows.js';

/** What runs are listed by. Absent: any. */
export interface RunFilters {
  status?: RunStatus | undefined;
  stage?: string | undefined;
  kind?: string | undefined;
  room?: string | undefined;
  /** A tag's name, or `name:value`; the name ends at the first colon. */
  tag?: string | undefined;
  /** Id of the parent run. */
  parent?: string | undefined;
  project?: string | undefined;
  surface?: string | undefined;
  /** Created at or after: RFC 3339. */
  since?: string | undefined;
  /** Created before: RFC 3339. */
  until?: string | undefined;
  stalled?: boolean | undefined;
}

/** Where a page of runs ends. */
export interface RunPosition {
  created_at: string;
  run_id: string;
}

/** Reads of `proj_runs`. */
export class RunQueries {
  constructor(private readonly store: ReadStore) {}

  /** Newest first, by creation and id. */
  list(
    scope: Scope,
    filters: RunFilters,
    page: { limit: number; after?: RunPosition | undefined },
  ): Promise<Page<RunResource, RunPosition>> {
    const nowMs = Date.now();
    return this.store.read(scope.tenantId, async (tx) => {
      const query = filtered(ofScope(tx, scope), filters, nowMs);
      if (page.after) {
        query.andWhere('(it.created_at, it.run_id) < (CAST(:createdAt AS timestamptz), :runId)', {
          createdAt: page.after.created_at,
          runId: page.after.run_id,
        });
      }
      query
        .orderBy('it.created_at', 'DESC')
        .addOrderBy('it.run_id', 'DESC')
        .limit(page.limit + 1);
      const rows = await query.getRawMany<RunRow>();
      return pageOf(
        rows,
        page.limit,
        (row) => runResource(row, nowMs),
        ({ created_at, run_id }) => ({ created_at, run_id }),
      );
    });
  }

  /** @throws ServiceError `run.not_found` */
  find(scope: Scope, runId: string): Promise<RunResource> {
    return this.store.read(scope.tenantId, async (tx) => runResource(await loadRun(tx, scope, runId), Date.now()));
  }

  /**
   * The latest completed run that executed what the fingerprint stands for, of a stage where one is named. A run whose
   * payloads were erased is none: it has nothing to go on from.
   * @throws ServiceError `checkpoint.not_found`
   */
  checkpoint(scope: Scope, fingerprint: string, stage: string | undefined): Promise<RunResource> {
    return this.store.read(scope.tenantId, async (tx) => {
      const query = ofScope(tx, scope)
        .andWhere('it.input_fingerprint = :fingerprint', { fingerprint })
        .andWhere(`it.status = 'completed'`)
        .andWhere(`it.source IS DISTINCT FROM 'checkpoint'`)
        .andWhere('it.erased_at IS NULL');
      if (stage !== undefined) query.andWhere('it.stage = :stage', { stage });
      query.orderBy('it.ended_at', 'DESC').addOrderBy('it.run_id', 'DESC').limit(1);
      const row = await query.getRawOne<RunRow>();
      if (!row) throw new ServiceError('checkpoint.not_found', undefined, { fingerprint });
      return runResource(row, Date.now());
    });
  }
}

/**
 * A run's row, within a read.
 * @throws ServiceError `run.not_found`, also for another env's run.
 */
export async function loadRun(tx: EntityManager, scope: Scope, runId: string): Promise<RunRow> {
  const row = await ofScope(tx, scope).andWhere('it.run_id = :runId', { runId }).getRawOne<RunRow>();
  if (!row) throw new ServiceError('run.not_found', undefined, { run_id: runId });
  return row;
}

/**
 * How far a run is, within a read.
 * @throws ServiceError `run.not_found`, also for another env's run.
 */
export async function loadRunVersion(
  tx: EntityManager,
  scope: Scope,
  runId: string,
): Promise<Pick<RunRow, 'version' | 'status'>> {
  const row = await selectRows(tx, RunEntity, ['version', 'status'])
    .where('it.tenant_id = :tenantId AND it.env = :env', { ...scope })
    .andWhere('it.run_id = :runId', { runId })
    .getRawOne<Pick<RunRow, 'version' | 'status'>>();
  if (!row) throw new ServiceError('run.not_found', undefined, { run_id: runId });
  return row;
}

function ofScope(tx: EntityManager, scope: Scope): SelectQueryBuilder<RunRow> {
  return selectRows(tx, RunEntity).where('it.tenant_id = :tenantId AND it.env = :env', { ...scope });
}

const OPEN = `it.status IN ('created', 'running')`;
const SILENT = 'it.last_seen_at + make_interval(secs => it.stale_after_s) <= CAST(:now AS timestamptz)';
const EQUAL = {
  status: 'status',
  stage: 'stage',
  kind: 'kind',
  room: 'room_id',
  parent: 'parent_run_id',
  project: 'project_id',
  surface: 'surface_id',
} as const;

function filtered(query: SelectQueryBuilder<RunRow>, filters: RunFilters, nowMs: number): SelectQueryBuilder<RunRow> {
  for (const [name, column] of Object.entries(EQUAL)) {
    const value = filters[name as keyof typeof EQUAL];
    if (value !== undefined) query.andWhere(`it.${column} = :${name}`, { [name]: value });
  }
  if (filters.since !== undefined) query.andWhere('it.created_at >= CAST(:since AS timestamptz)', filters);
  if (filters.until !== undefined) query.andWhere('it.created_at < CAST(:until AS timestamptz)', filters);
  if (filters.stalled === true) query.andWhere(`${OPEN} AND ${SILENT}`);
  if (filters.stalled === false) query.andWhere(`NOT (${OPEN} AND ${SILENT})`);
  if (filters.stalled !== undefined) query.setParameter('now', new Date(nowMs).toISOString());
  if (filters.tag !== undefined) whereTag(query, filters.tag);
  return query;
}

function whereTag(query: SelectQueryBuilder<RunRow>, tag: string): void {
  const colon = tag.indexOf(':');
  if (colon === -1) query.andWhere('jsonb_exists(it.tags, :tagName)', { tagName: tag });
  else
    query.andWhere('it.tags ->> :tagName = :tagValue', {
      tagName: tag.slice(0, colon),
      tagValue: tag.slice(colon + 1),
    });
}
