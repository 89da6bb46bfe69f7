import type { Run } from '@runspine/client';
import { paintStatus, shownStatus, statusText } from '../output/status.js';
import { type Column, tableLines } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';
import { agoText, costText, countText, durationText } from '../output/units.js';
import { shortIds } from './run-ids.js';

/** Terminals from this width on have room for more than the essential. */
const WIDE = 110;

/** What a run is called: its name, else its stage or kind. */
export function nameOf({ name, stage, kind }: Pick<Run, 'name' | 'stage' | 'kind'>): string {
  return name ?? stage ?? kind ?? '';
}

/** How long a run took, or has been running. */
export function tookMs(run: Run, nowMs: number): number | undefined {
  if (run.duration_ms !== null) return run.duration_ms;
  const from = Date.parse(run.started_at ?? run.created_at);
  if (run.ended_at !== null) return Date.parse(run.ended_at) - from;
  return run.status === 'running' ? nowMs - from : undefined;
}

/** Runs as a table: as they are now, for whom `live` looks, or with whole ids and times for a pipe. */
export function runTable(terminal: Terminal, runs: readonly Run[], nowMs = Date.now()): string[] {
  return tableLines(terminal, runColumns(terminal, runs, nowMs), runs);
}

function runColumns(terminal: Terminal, runs: readonly Run[], nowMs: number): Column<Run>[] {
  const short = shortIds(runs.map(({ run_id: id }) => id));
  const { dim } = terminal.colours;
  const wide = terminal.width >= WIDE;
  const any = (has: (run: Run) => unknown) => wide && runs.some((run) => Boolean(has(run)));
  return [
    {
      title: 'RUN',
      value: ({ run_id: id }) => (terminal.live ? short.get(id)! : id),
    },
    {
      title: 'STATUS',
      value: (run) => statusText(terminal, shownStatus(run)),
      paint: (text, run) => paintStatus(terminal, shownStatus(run), text),
    },
    {
      title: 'NAME',
      // What is part of another run, where a person looks.
      value: (run) =>
        terminal.live && run.parent_run_id !== null ? `${terminal.signs.inside} ${nameOf(run)}` : nameOf(run),
      min: 8,
    },
    ...(any(({ stage }) => stage) ? [{ title: 'STAGE', value: ({ stage }: Run) => stage ?? '', min: 6 }] : []),
    ...(any(({ kind }) => kind) ? [{ title: 'KIND', value: ({ kind }: Run) => kind ?? '', min: 6 }] : []),
    ...(any(({ source }) => source === 'checkpoint')
      ? [{ title: 'FROM', value: ({ source }: Run) => (source === 'checkpoint' ? source : '') }]
      : []),
    {
      title: 'WHEN',
      value: ({ created_at: at }) => (terminal.live ? agoText(at, nowMs) : at),
      paint: dim,
      right: terminal.live,
    },
    { title: 'TOOK', value: (run) => durationText(tookMs(run, nowMs)), right: true },
    ...(any(({ metrics }) => metrics.tokens)
      ? [{ title: 'TOKENS', value: ({ metrics }: Run) => countText(metrics.tokens), right: true }]
      : []),
    ...(any(({ metrics }) => metrics.cost_usd)
      ? [{ title: 'COST', value: ({ metrics }: Run) => costText(metrics.cost_usd), right: true }]
      : []),
    ...(any(({ error }) => error)
      ? [{ title: 'ERROR', value: ({ error }: Run) => error?.message ?? '', min: 10, paint: terminal.colours.red }]
      : []),
  ];
}
