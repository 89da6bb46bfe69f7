import type { KeyObject } from 'node:crypto';
import { type AuditReport, ServiceError } from '@runspine/contracts';
import {
  auditNexus,
  auditRuns,
  auditStoredHeads,
  auditTenantHead,
  Findings,
  inSnapshot,
} from '@runspine/projections/audit';
import type { Logger } from '@runspine/service';
import type { JobContext } from '../admin/admin-jobs.js';
import { auditPublished, type PublishedHeadsOptions } from './published-heads.js';

/** How long the audit topic may take where somebody waits for the answer. */
const TOPIC_MS_MAX = 5000;

export interface AuditsOptions extends PublishedHeadsOptions {
  journalKey: KeyObject;
  logger: Logger;
}

/** Audits, of a run while somebody waits, of a tenant as a job. */
export class Audits {
  constructor(private readonly options: AuditsOptions) {}

  /** @throws ServiceError `run.not_found` where neither journal, projection nor heads know the run in this env. */
  async ofRun(tenantId: string, env: string, runId: string): Promise<AuditReport> {
    const { pool, journalKey, signer } = this.options;
    const which = { tenantId, runId };
    const findings = new Findings();
    const walked = await inSnapshot(pool, async (client) => {
      const { rows } = await client.query<{ env: string }>(
        `SELECT env FROM proj_runs WHERE tenant_id = $1 AND run_id = $2 UNION
         SELECT env FROM run_events WHERE tenant_id = $1 AND run_id = $2`,
        [tenantId, runId],
      );
      if (rows.length > 0 && rows.every((row) => row.env !== env)) throw new ServiceError('run.not_found');
      const runs = await auditRuns(client, journalKey, which, findings);
      return { ...runs, stored: await auditStoredHeads(client, signer, which, findings) };
    });
    const published = await this.published(which, findings, AbortSignal.timeout(TOPIC_MS_MAX));
    if (walked.runs === 0 && walked.stored === 0 && !published && findings.total === 0) {
      throw new ServiceError('run.not_found');
    }
    return this.report(which, { ...walked, streams: 0, published, tenantHead: null }, findings);
  }

  /** Everything of a tenant. */
  async ofTenant(tenantId: string, job: Pick<JobContext, 'progress' | 'signal'>): Promise<AuditReport> {
    const { pool, journalKey, signer } = this.options;
    const which = { tenantId };
    const findings = new Findings();
    const total = await this.estimate(tenantId);
    const progress = (done: number) => {
      job.signal.throwIfAborted();
      job.progress(done, Math.max(done, total));
    };
    const walked = await inSnapshot(pool, async (client) => {
      const runs = await auditRuns(client, journalKey, which, findings, progress);
      const nexus = await auditNexus(client, journalKey, tenantId, findings, (done) => progress(runs.events + done));
      const stored = await auditStoredHeads(client, signer, which, findings);
      const head = await auditTenantHead(client, signer, tenantId, findings);
      const events = runs.events + nexus.events;
      return { runs: runs.runs, events, streams: nexus.streams, stored, tenantHead: head?.until ?? null };
    });
    job.progress(walked.events, walked.events);
    const published = await this.published(which, findings, job.signal);
    job.signal.throwIfAborted();
    return this.report(which, { ...walked, published }, findings);
  }

  private async published(
    which: { tenantId: string; runId?: string },
    findings: Findings,
    signal: AbortSignal,
  ): Promise<number | null> {
    try {
      return await auditPublished(this.options, which, findings, { signal });
    } catch (error) {
      this.options.logger.warn({ err: error, tenant_id: which.tenantId }, 'the audit topic could not be read');
      return null;
    }
  }

  private report(
    which: { tenantId: string; runId?: string },
    walked: {
      runs: number;
      events: number;
      streams: number;
      stored: number;
      published: number | null;
      tenantHead: string | null;
    },
    findings: Findings,
  ): AuditReport {
    return {
      tenant_id: which.tenantId,
      ...(which.runId === undefined ? {} : { run_id: which.runId }),
      verified: findings.total === 0,
      checked_at: new Date().toISOString(),
      runs: walked.runs,
      events: walked.events,
      streams: walked.streams,
      stored_heads: walked.stored,
      published_heads: walked.published,
      tenant_head: walked.tenantHead,
      public_key: this.options.signer.publicKey,
      findings: findings.kept,
      findings_total: findings.total,
    };
  }

  /** By the versions of its runs: each is as many rows. */
  private async estimate(tenantId: string): Promise<number> {
    const { rows } = await this.options.pool.query<{ events: number }>(
      `SELECT coalesce(sum(version), 0)::bigint AS events FROM proj_runs WHERE tenant_id = $1`,
      [tenantId],
    );
    return rows[0]?.events ?? 0;
  }
}
