import { EXIT } from '../failures.js';
import { findRun } from '../runs/run-ids.js';
import type { Session } from '../session.js';
import { followed, foundFaults, resultLines } from './jobs.js';

export interface AuditOptions {
  readonly run?: string;
  readonly ofTenant?: string;
}

/** Checks hash chains and signed heads, of one run or of a tenant. @returns failed where a row was touched */
export async function verifyAudit(session: Session, { run, ofTenant }: AuditOptions): Promise<number> {
  const { client, call, settings } = session;
  if (run === undefined) {
    const query = { tenant: ofTenant ?? settings.tenant };
    return followed(session, await client.request('GET', '/v1/admin/audit', { ...call, query, timeoutMs: ALL_MS }));
  }
  const { run_id: id } = await findRun(session, run);
  const { body } = await client.request('GET', `/v1/runs/${id}/audit`, call);
  return shown(session, body);
}

/** All of a tenant may take a while, where it is no job. */
const ALL_MS = 600_000;

function shown(session: Session, report: unknown): number {
  const { terminal, json } = session;
  const faulty = foundFaults(report);
  if (json) terminal.printJson(report);
  else {
    const { green, red } = terminal.colours;
    terminal.print(faulty ? red('The journal is not as it was written:') : green('The journal is as it was written.'));
    terminal.print(...resultLines(session, report));
  }
  return faulty ? EXIT.failed : EXIT.ok;
}
