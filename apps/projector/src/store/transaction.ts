import type pg from 'pg';

/** A statement with a name is planned once a connection. */
export interface Statement {
  name: string;
  text: string;
}

/** Whatever takes statements: the pool, each statement its own transaction, or one transaction of several. */
export interface Database {
  query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<pg.QueryResult<Row>>;
}

/** Each statement on whichever connection is free, in a transaction of its own. */
export function statementsOf(pool: pg.Pool): Database {
  return { query: (statement, values) => pool.query({ ...statement, values: values as unknown[] }) };
}

/** One transaction on one connection. */
export class Transaction implements Database {
  constructor(private readonly client: pg.PoolClient) {}

  query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<pg.QueryResult<Row>> {
    return this.client.query<Row>({ ...statement, values: values as unknown[] });
  }

  /** A statement without parameters. */
  async run(text: string): Promise<void> {
    await this.client.query(text);
  }
}

/** Runs `work` in a transaction: committed when it resolves, rolled back when it throws. */
export async function inTransaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(new Transaction(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => (broken = failure));
    throw error;
  } finally {
    client.release(broken);
  }
}
