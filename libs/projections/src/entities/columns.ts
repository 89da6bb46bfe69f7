import type { EntitySchemaColumnOptions } from 'typeorm';

/** Column types of the spine's tables, by what PostgreSQL calls them. Migrations make the tables; entities name them. */
export const text = { type: 'text' } satisfies EntitySchemaColumnOptions;
export const textOrNull = { type: 'text', nullable: true } satisfies EntitySchemaColumnOptions;
export const key = { type: 'text', primary: true } satisfies EntitySchemaColumnOptions;
export const uuid = { type: 'uuid' } satisfies EntitySchemaColumnOptions;
export const integer = { type: 'integer' } satisfies EntitySchemaColumnOptions;
export const bigint = { type: 'bigint' } satisfies EntitySchemaColumnOptions;
export const bigintOrNull = { type: 'bigint', nullable: true } satisfies EntitySchemaColumnOptions;
export const numberOrNull = { type: 'double precision', nullable: true } satisfies EntitySchemaColumnOptions;
export const time = { type: 'timestamptz' } satisfies EntitySchemaColumnOptions;
export const timeOrNull = { type: 'timestamptz', nullable: true } satisfies EntitySchemaColumnOptions;
export const jsonb = { type: 'jsonb' } satisfies EntitySchemaColumnOptions;
export const jsonbOrNull = { type: 'jsonb', nullable: true } satisfies EntitySchemaColumnOptions;
/** Kept letter by letter. */
export const json = { type: 'json' } satisfies EntitySchemaColumnOptions;
export const bytes = { type: 'bytea' } satisfies EntitySchemaColumnOptions;
export const bytesOrNull = { type: 'bytea', nullable: true } satisfies EntitySchemaColumnOptions;
