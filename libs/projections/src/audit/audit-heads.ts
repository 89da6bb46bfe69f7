import type pg from 'pg';
import { rowsOf } from './cursor.js';
import type { Findings } from './findings.js';
import { tenantHeadIn } from './head-store.js';
import type { HeadSigner, RunHead, TenantHead } from './signed-heads.js';

interface StoredRunHead extends RunHead {
  mac: string;
  found: string | null;
}

/** Holds the journal against the heads that PostgreSQL keeps. @returns how many there are */
export async function auditStoredHeads(
  client: pg.PoolClient,
  signer: HeadSigner,
  which: { tenantId: string; runId?: string | undefined },
  findings: Findings,
): Promise<number> {
  const { tenantId, runId } = which;
  const query = `SELECT h.tenant_id, h.run_id, h.run_sequence, encode(h.hash, 'hex') AS hash, h.recorded_at,
      encode(h.mac, 'hex') AS mac, encode(e.hash, 'hex') AS found
    FROM audit_heads h LEFT JOIN run_events e USING (tenant_id, run_id, run_sequence)
    WHERE h.tenant_id = ${client.escapeLiteral(tenantId)}
      ${runId === undefined ? '' : `AND h.run_id = ${client.escapeLiteral(runId)}`} ORDER BY h.run_id`;
  let heads = 0;
  for await (const rows of rowsOf<StoredRunHead>(client, 'audit_heads', query)) {
    heads += rows.length;
    for (const row of rows) {
      if (signer.macOfRun(row) === row.mac) reportHead(row, row.found, 'stored', findings);
      else report(row, 'head', 'the stored head was changed', findings);
    }
  }
  return heads;
}

/** Says what is wrong where the row that a head names is not there, or is another one. */
export function reportHead(head: RunHead, found: string | null, kept: string, findings: Findings): void {
  if (found === head.hash) return;
  const detail = `the ${kept} head of ${head.recorded_at} names this row`;
  if (found === null) report(head, 'missing', `${detail}, and it is not there`, findings);
  else report(head, 'changed', `${detail} with another hash`, findings);
}

/** Makes the tenant's latest stored head again, and compares. @returns whether there is one */
export async function auditTenantHead(
  client: pg.PoolClient,
  signer: HeadSigner,
  tenantId: string,
  findings: Findings,
): Promise<TenantHead | undefined> {
  const { rows } = await client.query<TenantHead & { mac: string }>(
    `SELECT tenant_id, until, runs, streams, encode(hash, 'hex') AS hash, encode(mac, 'hex') AS mac
     FROM audit_tenant_heads WHERE tenant_id = $1 ORDER BY until DESC LIMIT 1`,
    [tenantId],
  );
  const [stored] = rows;
  if (!stored) return undefined;
  const { mac, ...head } = stored;
  if (signer.macOfTenant(head) !== mac) {
    const detail = `the stored head of ${head.until} was changed`;
    findings.add({ chain: 'tenant', id: tenantId, sequence: null, fault: 'head', detail });
  } else {
    compareTenantHead(head, await tenantHeadIn(client, tenantId, head.until), 'stored', findings);
  }
  return head;
}

/** Says what is wrong where the journal does not come to a tenant's head. */
export function compareTenantHead(head: TenantHead, now: TenantHead, kept: string, findings: Findings): void {
  if (head.hash === now.hash) return;
  const counts =
    head.runs === now.runs && head.streams === now.streams
      ? 'with as many runs and streams'
      : `it had ${head.runs} runs and ${head.streams} streams, there are ${now.runs} and ${now.streams}`;
  const detail = `the journal is not that of the ${kept} head of ${head.until}: ${counts}`;
  findings.add({ chain: 'tenant', id: head.tenant_id, sequence: null, fault: 'head', detail });
}

function report(head: RunHead, fault: 'missing' | 'changed' | 'head', detail: string, findings: Findings): void {
  const more = fault === 'missing' ? { to_sequence: head.run_sequence } : {};
  findings.add({ chain: 'run', id: head.run_id, sequence: head.run_sequence, ...more, fault, detail });
}
