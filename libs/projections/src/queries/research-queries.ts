import type { ResearchKind, ResearchRunResource, ResearchStatus } from '@runspine/contracts';
import { ResearchRunEntity, type ResearchRunRow } from '../entities/research-run.entity.js';
import type { ReadStore } from './read-store.js';
import { type Page, pageOf, type Scope, selectRows } from './select-rows.js';

/** What research runs are listed by. Absent: any. */
export interface ResearchFilters {
  kind?: ResearchKind | undefined;
  status?: ResearchStatus | undefined;
  project?: string | undefined;
}

/** Where a page of research runs ends. */
export interface ResearchPosition {
  started_at: string;
  project: string;
  id: string;
}

/** Reads of `proj_research_runs`. */
export class ResearchQueries {
  constructor(private readonly store: ReadStore) {}

  /**
   * Those of this tenant and env that have an event at or after `since` (RFC 3339), the last begun first.
   * @throws ServiceError `store.unavailable`
   */
  list(
    scope: Scope,
    since: string,
    filters: ResearchFilters,
    page: { limit: number; after?: ResearchPosition | undefined },
  ): Promise<Page<ResearchRunResource, ResearchPosition>> {
    const { kind, status, project } = filters;
    return this.store.read(scope.tenantId, async (tx) => {
      const query = selectRows(tx, ResearchRunEntity)
        .where('it.tenant_id = :tenantId AND it.env = :env', { tenantId: scope.tenantId, env: scope.env })
        .andWhere('it.last_event_at >= CAST(:since AS timestamptz)', { since });
      if (kind !== undefined) query.andWhere('it.kind = :kind', { kind });
      if (status !== undefined) query.andWhere('it.status = :status', { status });
      if (project !== undefined) query.andWhere('it.project_id = :project', { project });
      if (page.after) {
        const { started_at: startedAt, project: afterProject, id } = page.after;
        query.andWhere(
          '(it.started_at, it.project_id, it.id) < (CAST(:startedAt AS timestamptz), :afterProject, :afterId)',
          { startedAt, afterProject, afterId: id },
        );
      }
      query
        .orderBy('it.started_at', 'DESC')
        .addOrderBy('it.project_id', 'DESC')
        .addOrderBy('it.id', 'DESC')
        .limit(page.limit + 1);
      const rows = await query.getRawMany<ResearchRunRow>();
      return pageOf(rows, page.limit, resourceOf, ({ started_at, project_id, id }) => ({
        started_at,
        project: project_id,
        id,
      }));
    });
  }
}

function resourceOf(row: ResearchRunRow): ResearchRunResource {
  const { id, tenant_id, env, project_id, kind, status, started_at, last_event_at, ...counts } = row;
  return { id, tenant: tenant_id, env, project: project_id, kind, status, started_at, last_event_at, counts };
}
