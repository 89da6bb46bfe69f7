import { paint, say, type Colour } from '../terminal.mjs';
import type { IngestTask } from './knowledge.ts';
import type { Failure } from './recorder.ts';
import type { RoomEvent } from './room.ts';

/** A run as read back; only what is shown. */
export interface ShownRun {
  run_id: string;
  status: string;
  version: number;
  correlation_id: string;
  created_at: string;
  duration_ms: number | null;
  metrics: { rows_in?: number; rows_out?: number };
  error: Failure | null;
}

/** A step as read back; only what is shown. */
export interface ShownStep {
  step_id: string;
  name: string | null;
  status: string;
  duration_ms: number | null;
  metrics: { rows_in?: number; rows_out?: number };
}

const DETAIL_CHARS_MAX = 90;
const RUNS_SHOWN = 5;

/** Prints a room's events as they arrive, a line each. */
export class LiveEvents {
  readonly #stepNames = new Map<string, string>();

  show(event: RoomEvent): void {
    const { data, step_id: stepId } = event;
    if (event.type === 'step.created' && stepId !== null) this.#stepNames.set(stepId, String(data.name));
    const columns = [
      paint('grey', event.time.slice(11, 23)),
      paint('grey', `#${event.room_sequence ?? event.run_sequence}`.padStart(5)),
      paint(colourOf(event.type.split('.')[1] ?? ''), event.type.padEnd(21)),
      (stepId === null ? '' : (this.#stepNames.get(stepId) ?? '')).padEnd(12),
      detailOf(event),
    ];
    say(`  ${columns.join(' ')}`.trimEnd());
  }

  /** How far a task is, between the events of the step that waits for it. */
  progress(step: string, { status, documents_done: done, documents, chunks }: IngestTask): void {
    this.#between(
      step,
      paint(colourOf(status), `task ${status}`.padEnd(21)),
      `${done} of ${documents} documents, ${chunks} chunks`,
    );
  }

  /** Documents that an earlier start put into the space, and that are no longer in the project. */
  removed(step: string, paths: readonly string[]): void {
    const what = paths.length === 1 ? '1 document that is' : `${paths.length} documents that are`;
    const text = cut(`${what} no longer in the project: ${paths.join(', ')}`);
    this.#between(step, paint('yellow', 'removed'.padEnd(21)), text);
  }

  #between(step: string, what: string, detail: string): void {
    const time = paint('grey', new Date().toISOString().slice(11, 23));
    say(`  ${[time, ' '.repeat(5), what, step.padEnd(12), detail].join(' ')}`);
  }
}

function detailOf({ type, run_id: runId, data }: RoomEvent): string {
  if (type === 'run.created') return runId;
  if (type === 'step.inputs_resolved') return cut(JSON.stringify(data.inputs));
  if (type === 'step.retrieved') {
    const { query, hits } = data as { query: { query?: string }; hits: unknown[] };
    return cut(`${hits.length} hits for ${query.query}`);
  }
  const error = data.error as Failure | undefined;
  if (error) return paint('red', cut(error.message.split('\n')[0] ?? ''));
  const metrics = data.metrics as { rows_in?: number; rows_out?: number } | undefined;
  const parts = [durationOf(data.duration_ms as number | undefined), metrics && rowsOf(metrics)];
  return parts.filter(Boolean).join('  ');
}

/** The run read back from the API, a line a step, and what the room has recorded so far. */
export function showSummary(run: ShownRun, steps: ShownStep[], room: { runs: ShownRun[]; more: boolean }): void {
  say(`\n${paint('bold', 'The run, read back from the API')}`);
  say(`  ${run.run_id}  ${painted(run.status)}  version ${run.version}  ${durationOf(run.duration_ms)}`);
  const width = Math.max(...steps.map(({ name }) => (name ?? '').length), 4);
  say(
    paint(
      'grey',
      `\n  ${'step'.padEnd(width)}  ${'status'.padEnd(10)}  ${'duration'.padStart(10)}  ${'rows in'.padStart(8)}  ${'rows out'.padStart(8)}`,
    ),
  );
  for (const { name, status, duration_ms, metrics } of steps) {
    const numbers = [
      durationOf(duration_ms).padStart(10),
      count(metrics.rows_in).padStart(8),
      count(metrics.rows_out).padStart(8),
    ];
    say(`  ${(name ?? '').padEnd(width)}  ${painted(status, 10)}  ${numbers.join('  ')}`);
  }
  if (run.error) say(`\n  ${paint('red', run.error.code)}: ${run.error.message.replaceAll('\n', '\n  ')}`);

  const total = `${room.runs.length}${room.more ? '+' : ''}`;
  say(`\n${paint('bold', `Runs of this pipeline recorded here: ${total}`)}`);
  for (const { run_id, status, created_at, duration_ms } of room.runs.slice(0, RUNS_SHOWN)) {
    say(
      `  ${created_at.slice(0, 19).replace('T', ' ')}  ${run_id}  ${painted(status, 10)}  ${durationOf(duration_ms)}`,
    );
  }
  if (room.runs.length > RUNS_SHOWN) say(paint('grey', '  …'));
}

function painted(status: string, width = 0): string {
  return paint(colourOf(status), status.padEnd(width));
}

function colourOf(word: string): Colour {
  if (word === 'completed') return 'green';
  if (word === 'failed') return 'red';
  if (word === 'running' || word === 'started') return 'yellow';
  return 'blue';
}

function durationOf(durationMs: number | null | undefined): string {
  if (durationMs === null || durationMs === undefined) return '';
  return durationMs < 1000 ? `${durationMs.toFixed(1)} ms` : `${(durationMs / 1000).toFixed(2)} s`;
}

const rowsOf = ({ rows_in, rows_out }: { rows_in?: number; rows_out?: number }) =>
  rows_in === undefined && rows_out === undefined ? '' : `${count(rows_in)} → ${count(rows_out)} rows`;
const count = (rows: number | undefined): string => (rows === undefined ? '–' : String(rows));
const cut = (text: string): string =>
  text.length > DETAIL_CHARS_MAX ? `${text.slice(0, DETAIL_CHARS_MAX - 1)}…` : text;
