import type pg from 'pg';

/** Rows of one read: their memory is what an audit of any size takes. */
const ROWS = 2000;

/** One snapshot for all that an audit reads; rolled back at its end, since nothing is written. */
export async function inSnapshot<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return await work(client);
  } finally {
    await client.query('ROLLBACK').catch((error: Error) => (broken = error));
    client.release(broken);
  }
}

/** The rows of a query, some at a time; parameters stand in its text, by `literal`. */
export async function* rowsOf<Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  name: string,
  query: string,
): AsyncGenerator<Row[], void, void> {
  await client.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${query}`);
  let ahead = client.query<Row>(`FETCH ${ROWS} FROM ${name}`);
  for (;;) {
    const { rows } = await ahead;
    if (rows.length === 0) break;
    // PostgreSQL reads on while these are worked at.
    ahead = client.query<Row>(`FETCH ${ROWS} FROM ${name}`);
    ahead.catch(() => undefined);
    yield rows;
  }
  await client.query(`CLOSE ${name}`);
}
