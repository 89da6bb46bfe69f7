import type { Step } from '@runspine/client';
import { paintStatus, signOf } from '../output/status.js';
import type { Terminal } from '../output/terminal.js';
import { clean, padded, truncated, widthOf } from '../output/text.js';
import { durationText } from '../output/units.js';

const BAR_WIDTH = 24;
const NAME_MAX = 40;
const STEPS_MAX = 200;
/** Of sign, bar, duration and what is between them. */
const FIXED_WIDTH = BAR_WIDTH + 14;

/** Each step: how it ended, its name, when in the run it ran, and how long; its id where all of them have room. */
export function timelineLines(terminal: Terminal, room: number, steps: readonly Step[], nowMs: number): string[] {
  const shown = steps.slice(0, STEPS_MAX);
  const spans = shown.map((step) => spanOf(step, nowMs));
  const from = Math.min(...spans.map(({ fromMs }) => fromMs));
  const total = Math.max(1, Math.max(...spans.map(({ toMs }) => toMs)) - from);
  const width = Math.min(room, 120);
  const names = shown.map((step) => labelOf(step, depthOf(step, steps)));
  const nameWidth = Math.min(NAME_MAX, width - FIXED_WIDTH, Math.max(...names.map(widthOf)));
  const notes = shown.map(noteOf);
  const idWidth = 2 + Math.max(...shown.map(({ step_id: id }) => id.length));
  const withIds = nameWidth + FIXED_WIDTH + Math.max(...notes.map(widthOf)) + idWidth <= room;
  const { dim } = terminal.colours;
  const lines = shown.map((step, at) => {
    const { fromMs, toMs, known } = spans[at]!;
    const sign = paintStatus(terminal, step.status, signOf(terminal, step.status));
    const name = padded(truncated(names[at]!, nameWidth, terminal.signs.cut), nameWidth);
    const bar = known ? barOf(terminal, (fromMs - from) / total, (toMs - fromMs) / total) : ' '.repeat(BAR_WIDTH);
    const took = known ? durationText(step.duration_ms ?? toMs - fromMs) : '';
    const more = dim(`${withIds ? `  ${step.step_id}` : ''}${notes[at]!}`);
    return `${sign} ${name}  ${paintStatus(terminal, step.status, bar)} ${took.padStart(8)}${more}`;
  });
  return steps.length > STEPS_MAX ? [...lines, `(${steps.length - STEPS_MAX} more steps)`] : lines;
}

function spanOf(step: Step, nowMs: number): { fromMs: number; toMs: number; known: boolean } {
  const fromMs = Date.parse(step.started_at ?? step.created_at);
  const ended = step.ended_at === null ? undefined : Date.parse(step.ended_at);
  const toMs = ended ?? (step.status === 'running' ? nowMs : fromMs);
  return { fromMs, toMs: Math.max(fromMs, toMs), known: step.started_at !== null || ended !== undefined };
}

function barOf({ signs }: Terminal, from: number, share: number): string {
  const begin = Math.min(BAR_WIDTH - 1, Math.floor(from * BAR_WIDTH));
  const length = Math.max(1, Math.min(BAR_WIDTH - begin, Math.round(share * BAR_WIDTH)));
  return `${signs.thin.repeat(begin)}${signs.bar.repeat(length)}${signs.thin.repeat(BAR_WIDTH - begin - length)}`;
}

function labelOf(step: Step, depth: number): string {
  return `${'  '.repeat(depth)}${clean(step.name ?? step.step_id)}`;
}

/** How deep a step lies inside others. */
function depthOf(step: Step, steps: readonly Step[]): number {
  let depth = 0;
  let parent = step.parent_step_id;
  while (parent !== null && depth < 6) {
    depth += 1;
    parent = steps.find(({ step_id: id }) => id === parent)?.parent_step_id ?? null;
  }
  return depth;
}

function noteOf(step: Step): string {
  const notes = [
    step.attempt > 1 ? `attempt ${step.attempt}` : '',
    step.source === 'checkpoint' ? 'checkpoint' : '',
    step.status === 'unreported' ? 'never said how it ended' : '',
  ].filter((note) => note !== '');
  return notes.length === 0 ? '' : `  ${notes.join(', ')}`;
}
