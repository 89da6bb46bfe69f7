import { canonicalize } from '@runspine/contracts';
import { hashData } from '@runspine/projections/journal';
import type { Logger } from '@runspine/service';
import { LRUCache } from 'lru-cache';
import { pause } from '../remote/json-post.js';
import type { NexusDatabase } from './log/stored-logs.js';
import type { IngestTask } from './task.js';

/** How long the projector may take to record a request; while it takes longer, others are looked for once. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 20;
const LOOK_MS_MAX = 250;
const REMEMBERED_MAX = 10_000;

interface Decided {
  readonly source_partition: number;
  readonly source_offset: number;
  readonly data_hash: string;
}

/**
 * Which of several requests with one idempotency key counts: one key means one event id, and gateways that take the same
 * key at the same moment send it twice, be it for other documents or another space. The projector records the first and
 * sets the other aside, or leaves a repeat out; so does nexus, by the projector's record. Where that is not to be had
 * for long, what this process took before decides.
 */
export class Decisions {
  private readonly taken = new LRUCache<string, string>({ max: REMEMBERED_MAX });
  private behind = false;

  constructor(
    private readonly database: NexusDatabase,
    private readonly logger: Logger,
  ) {}

  /** False: the task is that of another request, and this one is to be passed over. */
  async counts(task: IngestTask, signal: AbortSignal): Promise<boolean> {
    const { tenantid, id, idempotencykey } = task.event;
    if (idempotencykey === undefined) return true;
    const key = `${tenantid}/${id}`;
    const place = `${task.partition}/${task.sourceOffset}`;
    const before = this.taken.get(key);
    const counts = before === undefined ? await this.recorded(task, signal) : before === place;
    if (counts) this.taken.set(key, place);
    else {
      const { path: space, offset } = task;
      this.logger.info({ task_id: task.id, space, offset }, 'passed over: another request has its idempotency key');
    }
    return counts;
  }

  private async recorded(task: IngestTask, signal: AbortSignal): Promise<boolean> {
    const untilMs = Date.now() + (this.behind ? 0 : PATIENCE_MS);
    for (let lookMs = LOOK_MS; ; lookMs = Math.min(2 * lookMs, LOOK_MS_MAX)) {
      const decided = await this.look(task);
      signal.throwIfAborted();
      if (decided) {
        this.behind = false;
        return isOf(task, decided);
      }
      if (Date.now() >= untilMs) {
        if (!this.behind)
          this.logger.warn({ task_id: task.id }, 'the projector is behind: requests are not waited for');
        this.behind = true;
        return true;
      }
      await pause(lookMs, signal);
    }
  }

  private async look({ event }: IngestTask): Promise<Decided | undefined> {
    try {
      const { rows } = await this.database.query<Decided>(
        `SELECT source_partition, source_offset, encode(data_hash, 'hex') AS data_hash
           FROM nexus_events WHERE tenant_id = $1 AND event_id = $2`,
        [event.tenantid, event.id],
      );
      return rows[0];
    } catch (error) {
      this.logger.debug({ err: error }, 'PostgreSQL does not tell what was decided');
      return undefined;
    }
  }
}

/** The same place of the log; of a log that was adopted, whose places are others, the same request. */
function isOf(task: IngestTask, { source_partition, source_offset, data_hash }: Decided): boolean {
  if (source_partition === task.partition && source_offset === task.offset) return true;
  if (task.sourceOffset === task.offset) return false;
  return hashData(canonicalize(task.event.data)) === data_hash;
}
