import { spineTypes } from '@runspine/projections';
import { createOwnDatabase, type OwnDatabase } from '@runspine/projections/testing';
import pg from 'pg';
import { until } from './until.js';

/** Every table whose rows come from events, and the columns that order its rows. */
const TABLES = {
  run_events: 'tenant_id, run_id, run_sequence',
  event_outcomes: 'tenant_id, event_id',
  idempotency_keys: 'tenant_id, env, key',
  rejections: 'tenant_id, source_partition, source_offset',
  proj_runs: 'tenant_id, run_id',
  proj_steps: 'tenant_id, run_id, step_id',
  proj_rooms: 'tenant_id, env, room_id',
} as const;

export type Table = keyof typeof TABLES;
export type Row = Record<string, unknown>;

/** A database of one test file, as its owner sees it: no role, no row-level security. */
export class Database {
  readonly name: string;
  readonly url: string;
  private readonly pool: pg.Pool;

  private constructor(private readonly own: OwnDatabase) {
    this.name = own.name;
    this.url = own.url;
    this.pool = new pg.Pool({ connectionString: this.url, max: 4, options: '-c timezone=UTC', types: spineTypes });
    this.pool.on('error', () => undefined);
  }

  static async create(serverUrl: string): Promise<Database> {
    return new Database(await createOwnDatabase('runspine_test', serverUrl));
  }

  async drop(): Promise<void> {
    await this.pool.end();
    await this.own.drop();
  }

  async rows<R extends Row = Row>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.pool.query<R>(text, values as unknown[])).rows;
  }

  /** The first row. @throws Error when there is none. */
  async row<R extends Row = Row>(text: string, values: readonly unknown[] = []): Promise<R> {
    const [row] = await this.rows<R>(text, values);
    if (!row) throw new Error(`no row: ${text}`);
    return row;
  }

  async count(table: Table, where = 'true', values: readonly unknown[] = []): Promise<number> {
    return (await this.row<{ count: number }>(`SELECT count(*) FROM ${table} WHERE ${where}`, values)).count;
  }

  /** Resolves with the number of rows once it is `count`. */
  async untilCount(table: Table, count: number, where = 'true', values: readonly unknown[] = []): Promise<void> {
    let seen = -1;
    await until(`${count} rows of ${table}`, async () => {
      seen = await this.count(table, where, values);
      return seen === count;
    }).catch((error: unknown) => {
      throw new Error(`${table} has ${seen} rows, not ${count}`, { cause: error });
    });
  }

  /** All rows of all tables that events make, as text. */
  async dump(): Promise<Record<Table, string[]>> {
    const dump = {} as Record<Table, string[]>;
    for (const [table, order] of Object.entries(TABLES) as [Table, string][]) {
      const rows = await this.rows<{ text: string }>(
        `SELECT to_json(t)::text AS text FROM ${table} t ORDER BY ${order}`,
      );
      dump[table] = rows.map(({ text }) => text);
    }
    return dump;
  }

  /** Runs statements as a service's role, in a transaction that is rolled back. */
  async as<T>(
    role: string,
    work: (query: (text: string, values?: unknown[]) => Promise<Row[]>) => Promise<T>,
  ): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`SET LOCAL ROLE ${role}`);
      return await work(async (text, values = []) => (await client.query<Row>(text, values)).rows);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  }
}
