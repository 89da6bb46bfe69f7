import { invalidRequest, type RunStateResource } from '@runspine/contracts';
import { Replay, runResource, stepResource } from '@runspine/run-model';
import type { EntityManager } from 'typeorm';
import type { RunRow } from '../entities/run.entity.js';
import { ChunkSize, eventOf } from './journal-entry.js';
import { entriesOfRun } from './journal-queries.js';
import type { ReadStore } from './read-store.js';
import { loadRun } from './run-queries.js';
import type { Scope } from './select-rows.js';
import { loadSteps } from './step-queries.js';

/** A run and its steps as of one of its events. */
export class StateQueries {
  constructor(private readonly store: ReadStore) {}

  /**
   * The state after run sequence `at`, folded from the journal; without `at` the latest, from the projections. Silence
   * is judged by the time of that event, of the latest by the clock.
   * @throws ServiceError `run.not_found`; `request.invalid` for `at` outside 1 to the last, which is named.
   */
  state(scope: Scope, runId: string, at: number | undefined): Promise<RunStateResource> {
    return this.store.read(scope.tenantId, async (tx) => {
      const row = await loadRun(tx, scope, runId);
      if (at === undefined) return this.latest(tx, scope, row);
      if (at < 1 || at > row.version) {
        throw invalidRequest([{ path: 'at', message: `must be from 1 to ${row.version}, the run's last sequence` }]);
      }
      return this.folded(tx, scope, row, at);
    });
  }

  /**
   * The state after run sequence `at`, which the run has reached: from the projections where nothing followed, since they
   * know of heartbeats, too; otherwise as `state`.
   * @throws ServiceError `run.not_found`
   */
  stateAfter(scope: Scope, runId: string, at: number): Promise<RunStateResource> {
    return this.store.read(scope.tenantId, async (tx) => {
      const row = await loadRun(tx, scope, runId);
      return at === row.version ? this.latest(tx, scope, row) : this.folded(tx, scope, row, at);
    });
  }

  private async latest(tx: EntityManager, scope: Scope, row: RunRow): Promise<RunStateResource> {
    const steps = await loadSteps(tx, scope.tenantId, row.run_id);
    return { sequence: row.version, run: runResource(row, Date.now()), steps: steps.map(stepResource) };
  }

  private async folded(tx: EntityManager, scope: Scope, row: RunRow, at: number): Promise<RunStateResource> {
    const replay = new Replay();
    const size = new ChunkSize();
    let recordedAt = row.created_at;
    for (let after = 0; after < at;) {
      const entries = await entriesOfRun(tx, scope, row.run_id, {}, { after, until: at, limit: size.entries });
      for (const entry of entries) replay.apply(eventOf(entry));
      const last = entries.at(-1);
      if (!last) throw new Error(`The journal of ${row.run_id} ends at ${after}, before ${at}.`);
      size.learn(entries);
      after = last.run_sequence;
      recordedAt = last.recorded_at;
    }
    const asOfMs = at === row.version ? Date.now() : Date.parse(recordedAt);
    return {
      sequence: at,
      run: runResource(replay.run!, asOfMs),
      steps: [...replay.steps.values()].map(stepResource),
    };
  }
}
