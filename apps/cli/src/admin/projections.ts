import { confirm } from '../output/ask.js';
import type { Session } from '../session.js';
import { runJob } from './jobs.js';

export interface ProjectionOptions {
  readonly wait: boolean;
  readonly yes?: boolean;
}

/** Folds the journal again and compares it with what is served. */
export function verifyProjections(session: Session, { wait }: ProjectionOptions): Promise<number> {
  return runJob(session, '/v1/admin/projections/verify', {}, wait);
}

/** Folds the journal into new tables beside the served ones, and puts them in their place. */
export async function rebuildProjections(session: Session, { wait, yes }: ProjectionOptions): Promise<number> {
  await confirm(session, 'Fold the whole journal again, and serve what comes of it?', yes);
  return runJob(session, '/v1/admin/projections/rebuild', {}, wait);
}
