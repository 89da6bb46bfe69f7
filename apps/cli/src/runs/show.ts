import type { Run, Step } from '@runspine/client';
import { type Field, fieldLines, isEmpty, preview } from '../output/fields.js';
import { paintStatus, shownStatus, signOf, statusText } from '../output/status.js';
import { panelLines, panelRoom } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';
import { clean } from '../output/text.js';
import { costText, countText, durationText, whenText } from '../output/units.js';
import type { Session } from '../session.js';
import { causeTexts, errorText, frames } from './causes.js';
import { findRun } from './run-ids.js';
import { nameOf, tookMs } from './run-table.js';
import { timelineLines } from './step-timeline.js';

const CHILDREN_MAX = 20;

/** All that is known of a run, in panels. */
export async function showRun(session: Session, given: string): Promise<void> {
  const { client, call, terminal } = session;
  const run = await findRun(session, given);
  const [steps, children] = await Promise.all([
    client.steps.list(run.run_id, call).first(Number.POSITIVE_INFINITY),
    client.runs.list({ parent: run.run_id, limit: CHILDREN_MAX + 1 }, call).first(CHILDREN_MAX + 1),
  ]);
  if (session.json) return terminal.printJson({ run, steps, children });
  terminal.print(...runLines(terminal, run, steps, children.reverse()));
  if (run.status === 'failed') {
    terminal.note(terminal.colours.dim(`Why, and what changed: runspine runs explain ${run.run_id}`));
  }
}

/** The panels of a run, as it is or was at `nowMs`. */
export function runLines(
  terminal: Terminal,
  run: Run,
  steps: readonly Step[],
  children: readonly Run[],
  nowMs = Date.now(),
): string[] {
  const room = panelRoom(terminal);
  const panel = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : panelLines(terminal, title, lines);
  const fields = (...given: Field[]) => fieldLines(terminal, room, given);
  return [
    titleLine(terminal, run),
    ...panel('What', fields(...whatFields(run))),
    ...panel('When', fields(...whenFields(run, nowMs))),
    ...panel('Lineage', fields(...lineageFields(terminal, run, room))),
    ...panel('Steps', steps.length === 0 ? [] : timelineLines(terminal, room, steps, nowMs)),
    ...panel('First failure', fields(...failureFields(terminal, run, firstFailed(steps)))),
    ...panel('Counts', fields(...countFields(run))),
    ...panel('Links', fields(...linkFields(run), ...childFields(terminal, children, nowMs))),
  ];
}

export function titleLine(terminal: Terminal, run: Run): string {
  const status = shownStatus(run);
  const sign = paintStatus(terminal, status, statusText(terminal, status));
  return `${sign}  ${terminal.colours.bold(clean(nameOf(run)))}`.trimEnd();
}

function whatFields(run: Run): Field[] {
  return [
    ['run', run.run_id],
    ['name', run.name],
    ['kind', run.kind],
    ['stage', run.stage],
    ['whose', [run.tenant_id, run.env, run.project_id, run.surface_id].join(' / ')],
    ['external id', run.external_id],
    ['tags', entriesText(run.tags)],
    [
      'scores',
      run.scores.map(({ name, value, comment }) => `${name} ${value}${comment ? ` (${comment})` : ''}`).join(', '),
    ],
    ['command', run.command],
    ['in', run.cwd],
    ['cancelled', run.status === 'cancelled' ? (run.cancel_reason ?? 'no reason was given') : undefined],
    ['erased', run.erased_at === null ? undefined : `its payloads were erased at ${run.erased_at}`],
  ];
}

function whenFields(run: Run, nowMs: number): Field[] {
  const open = run.ended_at === null;
  return [
    ['created', whenText(run.created_at, nowMs)],
    ['started', whenText(run.started_at, nowMs)],
    ['ended', whenText(run.ended_at, nowMs)],
    [
      'last sign',
      open
        ? `${whenText(run.last_seen_at, nowMs)}${run.stalled ? `: silent for over ${durationText(run.stale_after_s * 1000)}` : ''}`
        : undefined,
    ],
    ['took', durationText(tookMs(run, nowMs))],
  ];
}

function lineageFields(terminal: Terminal, run: Run, room: number): Field[] {
  const { config, ...metadata } = run.metadata;
  const width = 2 * (Math.min(room, 2000) - 14);
  const json = (value: unknown) => (isEmpty(value) ? '' : preview(terminal, value, width));
  const { arrow } = terminal.signs;
  const beside = (hash: string | null, text: string) => [hash, text].filter(Boolean).join('\n');
  return [
    ['input', beside(run.input_fingerprint, json(run.input))],
    [`${arrow} code`, run.code_ref],
    [`${arrow} config`, beside(run.config_hash, json(config))],
    [`${arrow} output`, json(run.output)],
    ['source', run.source === 'checkpoint' ? `checkpoint: the output of ${run.checkpoint_run_id}` : undefined],
    ['metadata', json(metadata)],
  ];
}

/** The step whose failure came first. */
export function firstFailed(steps: readonly Step[]): Step | undefined {
  return steps
    .filter(({ status }) => status === 'failed')
    .toSorted(
      (a, b) => (a.ended_at ?? '').localeCompare(b.ended_at ?? '') || a.created_sequence - b.created_sequence,
    )[0];
}

export function failureFields(terminal: Terminal, run: Run, step: Step | undefined): Field[] {
  const error = step?.error ?? run.error;
  if (!error || (run.status !== 'failed' && !step)) return [];
  const { red, dim } = terminal.colours;
  return [
    ['step', step === undefined ? undefined : `${step.name ?? ''} (${step.step_id})`],
    ['error', errorText(error), red],
    ...causeTexts(error).map((text): Field => ['caused by', text, red]),
    ['at', frames(error, 2).join('\n'), dim],
    ['run says', step && run.error && run.error.message !== error.message ? errorText(run.error) : undefined],
  ];
}

function countFields({ metrics }: Run): Field[] {
  const { rows_in, rows_out, llm_calls, tokens, tokens_in, tokens_out, cost_usd, ...others } = metrics;
  const split =
    tokens_in === undefined && tokens_out === undefined
      ? ''
      : ` (${countText(tokens_in ?? 0)} in, ${countText(tokens_out ?? 0)} out)`;
  return [
    [
      'rows',
      rows_in === undefined && rows_out === undefined
        ? ''
        : `${countText(rows_in ?? 0)} in, ${countText(rows_out ?? 0)} out`,
    ],
    ['llm calls', countText(llm_calls)],
    ['tokens', tokens === undefined ? '' : `${countText(tokens)}${split}`],
    ['cost', costText(cost_usd)],
    ...Object.entries(others).map(([name, value]): Field => [name, String(value)]),
  ];
}

function linkFields(run: Run): Field[] {
  return [
    ['part of', run.parent_run_id],
    ['repeats', run.rerun_of],
    ['room', run.room_id],
    ['correlation', run.correlation_id],
    ['trace', run.trace_id],
  ];
}

function childFields(terminal: Terminal, children: readonly Run[], nowMs: number): Field[] {
  const shown = children.slice(0, CHILDREN_MAX).map((child): Field => {
    const status = shownStatus(child);
    const text = `${signOf(terminal, status)} ${child.run_id}  ${clean(nameOf(child))}  ${durationText(tookMs(child, nowMs))}`;
    return ['child', text, (line) => paintStatus(terminal, status, line)];
  });
  if (children.length <= CHILDREN_MAX) return shown;
  return [...shown, ['', terminal.called(`more: runspine runs list --parent ${children[0]!.parent_run_id}`)]];
}

function entriesText(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}
