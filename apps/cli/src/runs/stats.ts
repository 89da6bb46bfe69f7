import type { Run } from '@runspine/client';
import { type Column, tableLines } from '../output/table.js';
import { costText, countText, durationText, percentText } from '../output/units.js';
import type { Session } from '../session.js';
import { noRuns } from './list.js';
import { type FilterOptions, filterOf } from './run-filters.js';
import { tookMs } from './run-table.js';

export interface StatsOptions extends FilterOptions {
  readonly by: 'stage' | 'kind' | 'name';
}

/** Runs of one stage, in numbers. */
export interface Stats {
  readonly group: string;
  readonly runs: number;
  readonly completed: number;
  readonly failed: number;
  readonly open: number;
  readonly stalled: number;
  readonly checkpoints: number;
  /** Of those that completed or failed. */
  readonly failure_rate: number | null;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly tokens: number;
  readonly cost_usd: number;
}

const RUNS_MAX = 100_000;

/** How runs of the last time went, by stage. */
export async function showStats(session: Session, options: StatsOptions): Promise<void> {
  const { client, call, terminal, json } = session;
  const groups = new Map<string, Run[]>();
  let count = 0;
  for await (const run of client.runs.list({ ...filterOf(options), limit: 200 }, call)) {
    if (++count > RUNS_MAX) break;
    const group = run[options.by] ?? '';
    const runs = groups.get(group);
    if (runs) runs.push(slim(run));
    else groups.set(group, [slim(run)]);
  }
  const stats = [...groups]
    .map(([group, runs]) => statsOf(group, runs))
    .sort((a, b) => b.runs - a.runs || a.group.localeCompare(b.group));
  const total = statsOf('all', [...groups.values()].flat());
  if (json) {
    for (const each of stats) terminal.printJsonLine(each);
    return;
  }
  if (count === 0) return noRuns(session, options);
  if (count > RUNS_MAX) terminal.note(`Only the newest ${countText(RUNS_MAX)} runs were counted.`);
  terminal.print(...tableLines(terminal, columns(session, options.by), stats.length > 1 ? [...stats, total] : stats));
}

/** Without what makes a run large. */
function slim(run: Run): Run {
  return { ...run, input: null, output: null, metadata: {}, error: null };
}

function statsOf(group: string, runs: readonly Run[]): Stats {
  const count = (has: (run: Run) => boolean) => runs.filter(has).length;
  const completed = count(({ status }) => status === 'completed');
  const failed = count(({ status }) => status === 'failed');
  const durations = runs
    .filter(({ status, source }) => status === 'completed' && source !== 'checkpoint')
    .map((run) => tookMs(run, 0)!)
    .sort((a, b) => a - b);
  return {
    group,
    runs: runs.length,
    completed,
    failed,
    open: count(({ status }) => status === 'created' || status === 'running'),
    stalled: count(({ stalled }) => stalled),
    checkpoints: count(({ source }) => source === 'checkpoint'),
    failure_rate: completed + failed === 0 ? null : failed / (completed + failed),
    p50_ms: quantile(durations, 0.5),
    p95_ms: quantile(durations, 0.95),
    tokens: total(runs, 'tokens'),
    cost_usd: total(runs, 'cost_usd'),
  };
}

function total(runs: readonly Run[], name: 'tokens' | 'cost_usd'): number {
  // A run's totals are its own: what its children measured is theirs.
  return runs.reduce((sum, { metrics }) => sum + (metrics[name] ?? 0), 0);
}

/** The least value that so large a share does not exceed (nearest rank). */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

function columns({ terminal }: Session, by: string): Column<Stats>[] {
  const { red, yellow, green } = terminal.colours;
  return [
    { title: by.toUpperCase(), value: ({ group }) => group || '(none)', min: 8 },
    { title: 'RUNS', value: ({ runs }) => countText(runs), right: true },
    { title: 'DONE', value: ({ completed }) => countText(completed), right: true, paint: (text) => green(text) },
    {
      title: 'FAILED',
      value: ({ failed }) => countText(failed),
      right: true,
      paint: (text, { failed }) => (failed > 0 ? red(text) : text),
    },
    { title: 'RATE', value: ({ failure_rate: rate }) => (rate === null ? '' : percentText(rate)), right: true },
    {
      title: 'OPEN',
      value: ({ open }) => countText(open),
      right: true,
      paint: (text, { open }) => (open > 0 ? yellow(text) : text),
    },
    { title: 'P50', value: ({ p50_ms: ms }) => durationText(ms), right: true },
    { title: 'P95', value: ({ p95_ms: ms }) => durationText(ms), right: true },
    { title: 'TOKENS', value: ({ tokens }) => (tokens === 0 ? '' : countText(tokens)), right: true },
    { title: 'COST', value: ({ cost_usd: usd }) => (usd === 0 ? '' : costText(usd)), right: true },
  ];
}
