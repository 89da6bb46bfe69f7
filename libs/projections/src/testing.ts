import { randomBytes } from 'node:crypto';
import pg from 'pg';

const LOCAL_SERVER = 'postgres://postgres@127.0.0.1:5432/postgres';

/** A database that nobody else uses. */
export interface OwnDatabase {
  /** Good for a topic prefix and a consumer group, too: letters, digits and underscores. */
  readonly name: string;
  /** postgres:// address; its login owns the database. */
  readonly url: string;
  /** Removes it, and ends whatever connections it still has. */
  drop(): Promise<void>;
}

/**
 * Makes an empty database for a test or a bench, named with `prefix` and twelve random digits. `serverUrl`: any database
 * of the server, with a login that may make others. @default PostgreSQL on this machine's port 5432
 */
export async function createOwnDatabase(prefix: string, serverUrl: string = LOCAL_SERVER): Promise<OwnDatabase> {
  const name = `${prefix}_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `CREATE DATABASE ${name}`);
  return {
    name,
    url: Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href,
    drop: () => onServer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
