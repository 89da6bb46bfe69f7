import { EXIT } from '../failures.js';
import { findRun } from '../runs/run-ids.js';
import type { Session } from '../session.js';
import { foundFaults, resultLines } from './jobs.js';

export interface AuditOptions {
  readonly run?: string;
  readonly ofTenant?: string;
}

/** Checks hash chains and signed heads, of one run or of a tenant. @returns failed where a row was touched */
export async function verifyAudit(session: Session, { run, ofTenant }: AuditOptions): Promise<number> {
  const { client, call, settings, terminal, json } = session;
  // All of a tenant may take a while.
  const patient = { ...call, timeoutMs: 600_000 };
  const answer =
    run === undefined
      ? await client.request('GET', '/v1/admin/audit', { ...patient, query: { tenant: ofTenant ?? settings.tenant } })
      : await client.request('GET', `/v1/runs/${(await findRun(session, run)).run_id}/audit`, patient);
  const faulty = foundFaults(answer.body);
  if (json) terminal.printJson(answer.body);
  else {
    const { green, red } = terminal.colours;
    terminal.print(faulty ? red('The journal is not as it was written:') : green('The journal is as it was written.'));
    terminal.print(...resultLines(session, answer.body));
  }
  return faulty ? EXIT.failed : EXIT.ok;
}
