import type { StepResource } from '@runspine/contracts';
import { stepResource } from '@runspine/run-model';
import type { EntityManager } from 'typeorm';
import { StepEntity, type StepRow } from '../entities/step.entity.js';
import type { ReadStore } from './read-store.js';
import { loadRunVersion } from './run-queries.js';
import { type Page, pageOf, type Scope, selectRows } from './select-rows.js';

/** Reads of `proj_steps`. */
export class StepQueries {
  constructor(private readonly store: ReadStore) {}

  /**
   * Steps of a run in the order of their creation; `after` is the `created_sequence` of the last one seen.
   * @throws ServiceError `run.not_found`
   */
  list(
    scope: Scope,
    runId: string,
    page: { limit: number; after?: number | undefined },
  ): Promise<Page<StepResource, number>> {
    return this.store.read(scope.tenantId, async (tx) => {
      await loadRunVersion(tx, scope, runId);
      const query = selectRows(tx, StepEntity)
        .where('it.tenant_id = :tenantId AND it.run_id = :runId', { tenantId: scope.tenantId, runId })
        .andWhere('it.created_sequence > :after', { after: page.after ?? 0 })
        .orderBy('it.created_sequence')
        .limit(page.limit + 1);
      return pageOf(await query.getRawMany<StepRow>(), page.limit, stepResource, (row) => row.created_sequence);
    });
  }
}

/** Every step of a run whose env was checked, in the order of their creation, within a read. */
export function loadSteps(tx: EntityManager, tenantId: string, runId: string): Promise<StepRow[]> {
  return selectRows(tx, StepEntity)
    .where('it.tenant_id = :tenantId AND it.run_id = :runId', { tenantId, runId })
    .orderBy('it.created_sequence')
    .getRawMany<StepRow>();
}
