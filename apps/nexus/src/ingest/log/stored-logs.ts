import type { openPool } from '@runspine/projections/journal';

/** Which log a partition is, and how far it is done, as PostgreSQL has it. */
export interface StoredLog {
  readonly partition: number;
  readonly cluster_id: string;
  /** Rises whenever another log is adopted: what is written from it goes before all that was written before. */
  readonly epoch: number;
  /** All before it is done. */
  readonly position: number;
  readonly anchor_offset: number | null;
  readonly anchor_hash: string | null;
  /** Why nothing more is taken of it, until it is adopted. */
  readonly refused: string | null;
}

/** A record by which a log is known again. */
export interface Anchor {
  readonly offset: number;
  readonly hash: string;
}

/** PostgreSQL, in the role runspine_nexus. */
export type NexusDatabase = Pick<ReturnType<typeof openPool>, 'query'>;

/** The logs of a topic's partitions. */
export class StoredLogs {
  constructor(
    private readonly pool: NexusDatabase,
    private readonly topic: string,
  ) {}

  async all(): Promise<Map<number, StoredLog>> {
    const { rows } = await this.pool.query<StoredLog>(
      `SELECT partition, cluster_id, epoch, position, anchor_offset, anchor_hash, refused
         FROM nexus_positions WHERE topic = $1`,
      [this.topic],
    );
    return new Map(rows.map((row) => [row.partition, row]));
  }

  /** The first log of a partition; one that is there stays. */
  async begin(partition: number, clusterId: string, position: number): Promise<void> {
    await this.pool.query(
      `INSERT INTO nexus_positions (topic, partition, cluster_id, epoch, position, updated_at)
       VALUES ($1, $2, $3, 0, $4, now()) ON CONFLICT DO NOTHING`,
      [this.topic, partition, clusterId, position],
    );
  }

  /** Never backwards, and not of a log that was left meanwhile. */
  async advance(partition: number, epoch: number, position: number, anchor: Anchor | undefined): Promise<void> {
    await this.pool.query(
      `UPDATE nexus_positions SET position = $4, anchor_offset = coalesce($5, anchor_offset),
              anchor_hash = coalesce($6, anchor_hash), updated_at = now()
        WHERE topic = $1 AND partition = $2 AND epoch = $3 AND position < $4`,
      [this.topic, partition, epoch, position, anchor?.offset ?? null, anchor?.hash ?? null],
    );
  }

  /** `seen` is the newest log that a space was written from: whatever is adopted next is newer. */
  async refuse(partition: number, epoch: number, seen: number, reason: string): Promise<void> {
    await this.pool.query(
      `UPDATE nexus_positions SET refused = $5, epoch = greatest(epoch, $4), updated_at = now()
        WHERE topic = $1 AND partition = $2 AND epoch = $3`,
      [this.topic, partition, epoch, seen, reason],
    );
  }

  /** Follows another log from a position on. @returns its epoch. */
  async adopt(partition: number, clusterId: string, position: number): Promise<number> {
    const { rows } = await this.pool.query<{ epoch: number }>(
      `INSERT INTO nexus_positions AS known (topic, partition, cluster_id, epoch, position, updated_at)
       VALUES ($1, $2, $3, 1, $4, now())
       ON CONFLICT (topic, partition) DO UPDATE
       SET cluster_id = excluded.cluster_id, epoch = known.epoch + 1, position = excluded.position,
           anchor_offset = NULL, anchor_hash = NULL, refused = NULL, updated_at = now()
       RETURNING epoch`,
      [this.topic, partition, clusterId, position],
    );
    return rows[0]!.epoch;
  }
}
