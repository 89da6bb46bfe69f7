import pg from 'pg';
import { NumberOutOfRange } from './binary-rows.js';

/** Where it means that the data itself is refused, and would be again: data exception, constraint, program limit. */
const REFUSALS = ['22', '23', '54'];

/** The SQLSTATE of an error that another try does not change; undefined for every other. */
export function refusal(error: unknown): string | undefined {
  if (error instanceof NumberOutOfRange) return error.sqlstate;
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return undefined;
  return REFUSALS.includes(error.code.slice(0, 2)) ? error.code : undefined;
}
