import type { Logger } from '@runspine/service';
import type pg from 'pg';

const EVERY_MS = 10 * 60 * 1000;
const ROWS_MAX = 10_000;
const PASSES_MAX = 1000;

const FORGET = `DELETE FROM idempotency_keys WHERE ctid IN (
  SELECT ctid FROM idempotency_keys WHERE recorded_at < now() - make_interval(hours => $1) LIMIT ${ROWS_MAX})`;

/**
 * Forgets idempotency keys older than `hours`, 10,000 at a time, every 10 minutes.
 * @returns what stops it.
 */
export function keepKeysFor(pool: pg.Pool, hours: number, logger: Logger): () => void {
  const forget = async () => {
    try {
      for (let pass = 0; pass < PASSES_MAX; pass += 1) {
        const { rowCount } = await pool.query(FORGET, [hours]);
        if (rowCount) logger.info({ keys: rowCount }, 'idempotency keys forgotten');
        if (rowCount !== ROWS_MAX) return;
      }
    } catch (error) {
      logger.warn({ err: error }, 'idempotency keys could not be forgotten, next time');
    }
  };
  const timer = setInterval(() => void forget(), EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
