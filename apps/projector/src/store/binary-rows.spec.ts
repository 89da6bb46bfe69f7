import { randomBytes } from 'node:crypto';
import { migrate } from '@runspine/projections';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { EVENTS } from '../nexus/nexus-store.js';
import { type Column, NumberOutOfRange, rowArray, textArray } from './binary-rows.js';
import { ROW_TYPES } from './row-columns.js';

const adminUrl = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const name = `rows_${randomBytes(6).toString('hex')}`;
const databaseUrl = Object.assign(new URL(adminUrl), { pathname: `/${name}` }).toString();
let db: pg.Client;

beforeAll(async () => {
  await asAdmin(`CREATE DATABASE ${name}`);
  await migrate(databaseUrl);
  db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  await db.query(`CREATE TYPE sample AS (t text, i integer, b bigint, d double precision, u uuid, at timestamptz,
    j json, jb jsonb, bytes bytea)`);
});

afterAll(async () => {
  await db.end();
  await asAdmin(`DROP DATABASE ${name}`);
});

async function asAdmin(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query(text);
  await client.end();
}

interface Sample {
  t: string | null;
  i: number | null;
  b: number | null;
  d: number | null;
  u: string | null;
  at: string | null;
  j: string | null;
  jb: string | null;
  bytes: string | null;
}
const SAMPLE: Column<Sample>[] = [
  { name: 't', type: 'text', of: (row) => row.t },
  { name: 'i', type: 'integer', of: (row) => row.i },
  { name: 'b', type: 'bigint', of: (row) => row.b },
  { name: 'd', type: 'double precision', of: (row) => row.d },
  { name: 'u', type: 'uuid', of: (row) => row.u },
  { name: 'at', type: 'timestamptz', of: (row) => row.at },
  { name: 'j', type: 'json', of: (row) => row.j },
  { name: 'jb', type: 'jsonb', of: (row) => row.jb },
  { name: 'bytes', type: 'bytea', of: (row) => row.bytes },
];

/** The rows as PostgreSQL understood them, written as text. */
async function roundTrip(rows: readonly Sample[]): Promise<Sample[]> {
  const { rows: read } = await db.query<Sample>(
    `SELECT t, i, b::float8 AS b, d, u::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
       j::text, jb::text, encode(bytes, 'hex') AS bytes FROM unnest($1::sample[])`,
    [rowArray(SAMPLE, rows)],
  );
  return read;
}

const NOTHING: Sample = { t: null, i: null, b: null, d: null, u: null, at: null, j: null, jb: null, bytes: null };
const SOMETHING: Sample = {
  t: 'loaves',
  i: -2,
  b: 2,
  d: 12.5,
  u: '01890a5d-ac96-774b-bcce-b302099a8057',
  at: '2026-01-31T12:34:56.789Z',
  j: '{"b":1,"a":[ ]}',
  jb: '{"a": 1}',
  bytes: '00ff10',
};

describe('rowArray', () => {
  it('gives PostgreSQL the rows as they are, in order', async () => {
    const rows = [SOMETHING, NOTHING, { ...SOMETHING, t: '' }];
    expect(await roundTrip(rows)).toEqual(rows);
  });

  it('gives no rows as none', async () => {
    expect(await roundTrip([])).toEqual([]);
  });

  it('writes texts of any script, times far away and the largest numbers', async () => {
    const rows = [
      {
        ...NOTHING,
        t: 'ärger 面包 🥖',
        at: '1970-01-01T00:00:00.000Z',
        i: 2 ** 31 - 1,
        b: Number.MAX_SAFE_INTEGER,
        d: 1e300,
      },
      { ...NOTHING, at: '9999-12-31T23:59:59.999Z', i: -(2 ** 31), b: Number.MIN_SAFE_INTEGER, d: -5e-324 },
    ];
    expect(await roundTrip(rows)).toEqual(rows);
  });

  it('grows where rows are larger than most', async () => {
    const rows = Array.from({ length: 50 }, (_, at) => ({ ...SOMETHING, i: at, t: '€'.repeat(1000 * at) }));
    expect(await roundTrip(rows)).toEqual(rows);
  });

  it.each([
    [{ i: 2 ** 31 }, '2147483648 is out of range for type integer'],
    [{ i: 1.5 }, '1.5 is out of range for type integer'],
    [{ b: 2 ** 53 }, '9007199254740992 is out of range for type bigint'],
  ])('refuses a number that the column cannot hold: %j', (fields, message) => {
    const write = () => rowArray(SAMPLE, [{ ...NOTHING, ...fields }]);
    expect(write).toThrow(NumberOutOfRange);
    expect(write).toThrow(message);
  });
});

describe('textArray', () => {
  it.each([[[]], [['a', '', 'ü'.repeat(500)]]])('gives PostgreSQL the texts: %#', async (texts: string[]) => {
    const { rows } = await db.query<{ texts: string[] }>('SELECT $1::text[] AS texts', [textArray(texts)]);
    expect(rows[0]!.texts).toEqual(texts);
  });
});

describe('types of rows', () => {
  it.each(Object.entries({ ...ROW_TYPES, nexus_events_row: EVENTS }))(
    '%s has the columns that are given',
    async (type, columns) => {
      const { rows } = await db.query<{ name: string; type: string }>(
        `SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid
       WHERE t.typname = $1 ORDER BY a.attnum`,
        [type],
      );
      const given = columns.map((column) => ({ name: column.name, type: column.type }));
      expect(
        rows.map((row) => ({ ...row, type: row.type.replace('timestamp with time zone', 'timestamptz') })),
      ).toEqual(given);
    },
  );
});
