import type pg from 'pg';

/** Where a partition of a log was read to, as PostgreSQL has it. */
export interface StoredPosition {
  topic: string;
  partition: number;
  cluster_id: string;
  position: number;
}

/** The stored positions of a topic, and the epoch of the projections that they stand for. */
export async function storedPositions(
  pool: Pick<pg.Pool, 'query'>,
  topic: string,
): Promise<Map<number, StoredPosition & { epoch: number }>> {
  const { rows } = await pool.query<StoredPosition & { epoch: number }>(
    'SELECT topic, partition, cluster_id, position, epoch FROM projector_offsets WHERE topic = $1',
    [topic],
  );
  return new Map(rows.map((row) => [row.partition, row]));
}

/** Stores a first position; one that exists stays. */
export async function storeFirst(pool: pg.Pool, position: StoredPosition): Promise<void> {
  await pool.query(
    `INSERT INTO projector_offsets (topic, partition, cluster_id, position, updated_at)
     VALUES ($1, $2, $3, $4, now()) ON CONFLICT DO NOTHING`,
    [position.topic, position.partition, position.cluster_id, position.position],
  );
}

/** Replaces a position by hand: the log is adopted from there. */
export async function adoptPosition(pool: pg.Pool, position: StoredPosition): Promise<void> {
  await pool.query(
    `INSERT INTO projector_offsets (topic, partition, cluster_id, position, updated_at)
     VALUES ($1, $2, $3, $4, now())
     ON CONFLICT (topic, partition) DO UPDATE
     SET cluster_id = EXCLUDED.cluster_id, position = EXCLUDED.position, updated_at = now()`,
    [position.topic, position.partition, position.cluster_id, position.position],
  );
}
