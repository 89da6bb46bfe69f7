import { headerText, type KafkaClient, partitionFor, readTopicRange, topicWatermarks } from '@runspine/kafka';
import {
  compareTenantHead,
  type Findings,
  type HeadSigner,
  type HeadStore,
  type PublishedHeads,
  reportHead,
  type RunHead,
} from '@runspine/projections/audit';
import type pg from 'pg';

const AT_ONCE = 1000;
const FOUND = {
  name: 'audit-find-rows',
  text: `SELECT encode(e.hash, 'hex') AS hash
         FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS heads(tenant_id, run_id, run_sequence, place)
         LEFT JOIN run_events e USING (tenant_id, run_id, run_sequence) ORDER BY heads.place`,
};

export interface PublishedHeadsOptions {
  kafka: KafkaClient;
  topic: string;
  groupPrefix: string;
  pool: pg.Pool;
  store: HeadStore;
  signer: HeadSigner;
}

/**
 * Holds the journal against what the audit topic says of a tenant, or of one of its runs, up to the topic's end as it
 * is now. Only records with our signature count: the others are counted as findings of the tenant.
 * @returns how many heads there were. Rejects where the topic cannot be read in time.
 */
export async function auditPublished(
  options: PublishedHeadsOptions,
  which: { tenantId: string; runId?: string | undefined },
  findings: Findings,
  limits: { signal?: AbortSignal; idleMs?: number } = {},
): Promise<number> {
  const { kafka, topic, groupPrefix } = options;
  const marks = await kafka.withAdmin((admin) => topicWatermarks(admin, topic));
  const partition = partitionFor(which.tenantId, marks.length);
  const mark = marks.find((one) => one.partition === partition);
  if (!mark) return 0;
  const check = new HeadsCheck(options, which, findings);
  await readTopicRange({
    client: kafka,
    topic,
    groupPrefix,
    ranges: [{ partition, from: mark.low, to: mark.high }],
    ...limits,
    onRecord: async ({ key, value, headers, offset }) => {
      if (key?.toString() === which.tenantId && value) {
        await check.take(value, headerText(headers, 'ce_signature') ?? '', offset);
      }
    },
  });
  return check.finish();
}

class HeadsCheck {
  private waiting: RunHead[] = [];
  private latest: PublishedHeads['tenant'];
  private heads = 0;

  constructor(
    private readonly options: PublishedHeadsOptions,
    private readonly which: { tenantId: string; runId?: string | undefined },
    private readonly findings: Findings,
  ) {}

  async take(value: Buffer, signature: string, offset: number): Promise<void> {
    const { tenantId, runId } = this.which;
    if (!this.options.signer.verify(value, signature)) {
      const detail = `a record of the audit topic, offset ${offset}, has not our signature`;
      this.findings.add({ chain: 'tenant', id: tenantId, sequence: null, fault: 'head', detail });
      return;
    }
    const said = JSON.parse(value.toString('utf8')) as PublishedHeads;
    if (said.tenant && runId === undefined) this.latest = said.tenant;
    for (const head of said.runs ?? []) {
      if (head.tenant_id === tenantId && (runId === undefined || head.run_id === runId)) this.waiting.push(head);
    }
    if (this.waiting.length >= AT_ONCE) await this.compare();
  }

  async finish(): Promise<number> {
    await this.compare();
    if (this.latest) {
      this.heads += 1;
      const now = await this.options.store.tenantHead(this.latest.tenant_id, this.latest.until);
      compareTenantHead(this.latest, now, 'published', this.findings);
    }
    return this.heads;
  }

  private async compare(): Promise<void> {
    const heads = this.waiting;
    this.waiting = [];
    if (heads.length === 0) return;
    this.heads += heads.length;
    const values = [
      heads.map((head) => head.tenant_id),
      heads.map((head) => head.run_id),
      heads.map((head) => head.run_sequence),
    ];
    const { rows } = await this.options.pool.query<{ hash: string | null }>({ ...FOUND, values });
    heads.forEach((head, index) => reportHead(head, rows[index]?.hash ?? null, 'published', this.findings));
  }
}
