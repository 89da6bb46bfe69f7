import { Inject, Injectable } from '@nestjs/common';
import type { SubmittedEvent } from '@runspine/contracts';
import { StoredOutcomes } from '../outcomes/stored-outcomes.js';

/** Of each of two generations: so many runs are remembered at least, and at most twice as many. */
const GENERATION_MAX = 25_000;

/** Runs that exist, or whose creation is on its way through this gateway. Runs never cease to exist. */
@Injectable()
export class KnownRuns {
  /** Forgotten by generation: a set that loses its oldest entry at each new one walks over all that it lost before. */
  private young = new Set<string>();
  private old = new Set<string>();

  constructor(@Inject(StoredOutcomes) private readonly stored: StoredOutcomes) {}

  /** Kafka has this event: a run that it creates is known from now on. */
  sent(event: SubmittedEvent): void {
    if (event.type === 'run.created') this.remember(keyOf(event.tenantid, event.env, event.data.run_id));
  }

  /** @throws what PostgreSQL throws, when it has to be asked and does not answer. */
  async exists(tenantId: string, env: string, runId: string): Promise<boolean> {
    const key = keyOf(tenantId, env, runId);
    if (this.young.has(key) || this.old.has(key)) return true;
    if (!(await this.stored.runExists(tenantId, env, runId))) return false;
    this.remember(key);
    return true;
  }

  private remember(key: string): void {
    this.young.add(key);
    if (this.young.size < GENERATION_MAX) return;
    this.old = this.young;
    this.young = new Set();
  }
}

function keyOf(tenantId: string, env: string, runId: string): string {
  return `${tenantId}/${env}/${runId}`;
}
