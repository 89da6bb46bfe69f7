import type { RunFilter } from '@runspine/client';
import { timeOf } from '../output/units.js';

/** Options of the commands that choose runs. */
export interface FilterOptions {
  readonly status?: string;
  readonly stage?: string;
  readonly kind?: string;
  readonly room?: string;
  readonly tag?: string;
  readonly parent?: string;
  readonly since?: string;
  readonly until?: string;
  readonly stalled?: boolean;
}

/** The filter of the API that the options stand for; `parent` has to be a whole id by now. */
export function filterOf(options: FilterOptions): RunFilter {
  const { status, stage, kind, room, tag, parent, since, until, stalled } = options;
  const nowMs = Date.now();
  const filter = {
    status,
    stage,
    kind,
    room,
    tag: tag?.replace('=', ':'),
    parent,
    since: since === undefined ? undefined : timeOf(since, nowMs),
    until: until === undefined ? undefined : timeOf(until, nowMs),
    stalled: stalled === true ? true : undefined,
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as RunFilter;
}

export function isFiltered(options: FilterOptions): boolean {
  return Object.keys(filterOf(options)).length > 0;
}
