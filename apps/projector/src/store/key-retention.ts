import type { Logger } from '@runspine/service';
import type pg from 'pg';

const EVERY_MS = 10 * 60 * 1000;
const ROWS_MAX = 10_000;

/**
 * Forgets idempotency keys older than `hours`, at most 10,000 every 10 minutes.
 * @returns what stops it.
 */
export function keepKeysFor(pool: pg.Pool, hours: number, logger: Logger): () => void {
  const forget = async () => {
    try {
      const { rowCount } = await pool.query(
        `DELETE FROM idempotency_keys WHERE ctid IN (
           SELECT ctid FROM idempotency_keys WHERE recorded_at < now() - make_interval(hours => $1) LIMIT ${ROWS_MAX})`,
        [hours],
      );
      if (rowCount) logger.info({ keys: rowCount }, 'idempotency keys forgotten');
    } catch (error) {
      logger.warn({ err: error }, 'idempotency keys could not be forgotten, next time');
    }
  };
  const timer = setInterval(() => void forget(), EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
