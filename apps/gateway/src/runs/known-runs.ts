import { Inject, Injectable } from '@nestjs/common';
import type { SubmittedEvent } from '@runspine/contracts';
import { StoredOutcomes } from '../outcomes/stored-outcomes.js';

/** How many runs are remembered; the oldest is forgotten first. */
const KNOWN_MAX = 50_000;

/** Runs that exist, or whose creation is on its way through this gateway. Runs never cease to exist. */
@Injectable()
export class KnownRuns {
  private readonly known = new Set<string>();

  constructor(@Inject(StoredOutcomes) private readonly stored: StoredOutcomes) {}

  /** Kafka has this event: a run that it creates is known from now on. */
  sent(event: SubmittedEvent): void {
    if (event.type === 'run.created') this.remember(keyOf(event.tenantid, event.env, event.data.run_id));
  }

  /** @throws what PostgreSQL throws, when it has to be asked and does not answer. */
  async exists(tenantId: string, env: string, runId: string): Promise<boolean> {
    const key = keyOf(tenantId, env, runId);
    if (this.known.has(key)) return true;
    if (!(await this.stored.runExists(tenantId, env, runId))) return false;
    this.remember(key);
    return true;
  }

  private remember(key: string): void {
    this.known.add(key);
    if (this.known.size <= KNOWN_MAX) return;
    for (const oldest of this.known) {
      this.known.delete(oldest);
      return;
    }
  }
}

function keyOf(tenantId: string, env: string, runId: string): string {
  return `${tenantId}/${env}/${runId}`;
}
