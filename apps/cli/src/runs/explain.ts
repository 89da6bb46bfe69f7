import { isRunspineError, type RecordedEvent, type Run, type Step } from '@runspine/client';
import { type Field, fieldLines, isEmpty, preview } from '../output/fields.js';
import { paintStatus, statusText } from '../output/status.js';
import { panelLines, panelRoom } from '../output/table.js';
import { clean } from '../output/text.js';
import { agoText, durationText, whenText } from '../output/units.js';
import type { Session } from '../session.js';
import { differenceLines, stepDifferenceLines } from './difference-lines.js';
import { causesChanged, type Difference, differencesOf, pairedSteps, type StepPair } from './differences.js';
import { lastGoodOf } from './last-good.js';
import { findRun } from './run-ids.js';
import { nameOf } from './run-table.js';
import { failureFields, firstFailed, titleLine } from './show.js';
import { eventLine } from './event-lines.js';

/** Runs inside runs that are looked into for where a failure began. */
const DEPTH_MAX = 8;
const STEPS_MAX = 1000;
const EVENTS_SHOWN = 6;

/** Why a run failed, as far as it was recorded. */
export interface Explanation {
  readonly run: Run;
  /** The runs around it, outermost first. */
  readonly around: readonly Run[];
  /** From the run to the one inside it where the failure began. */
  readonly path: readonly Run[];
  readonly step: Step | undefined;
  /** The last events of the step. */
  readonly events: readonly RecordedEvent[];
  /** The last run of the same stage, or name, that completed before. */
  readonly lastGood: Run | undefined;
  /** How many runs of it failed since. */
  readonly failedSince: number;
  /** What was given to the run that was not to the last good one. */
  readonly changed: readonly Difference[];
  /** What the failing step received, beside what it received then. */
  readonly inputsChanged: readonly Difference[];
  readonly steps: readonly StepPair[];
}

/** Why a run failed: the first failing step, its inputs, and what changed since it last went well. */
export async function explainRun(session: Session, given: string): Promise<void> {
  const { terminal, json } = session;
  const run = await findRun(session, given);
  if (run.status !== 'failed' && !run.stalled) return notFailed(session, run);
  const found = await explanationOf(session, run);
  if (json) {
    const brief = (each: Run) => ({ run_id: each.run_id, name: each.name, stage: each.stage });
    return terminal.printJson({
      run,
      path: [...found.around, ...found.path].map(brief),
      step: found.step ?? null,
      events: found.events,
      last_good: found.lastGood ? brief(found.lastGood) : null,
      failed_since: found.failedSince,
      changed: found.changed,
      inputs_changed: found.inputsChanged,
    });
  }
  terminal.print(...explanationLines(session, found));
}

function notFailed({ terminal, json }: Session, run: Run): void {
  if (json) return terminal.printJson({ run, path: [], step: null, last_good: null, changed: [] });
  const status = run.status;
  terminal.print(`${titleLine(terminal, run)}  ${run.run_id}`);
  const how = {
    created: 'has not started',
    running: 'is still running',
    completed: 'did not fail',
    cancelled: 'was cancelled',
  };
  const reason = run.cancel_reason ? `: ${clean(run.cancel_reason)}` : '';
  terminal.print(`It ${how[status as keyof typeof how]}${reason}. There is nothing to explain.`);
  terminal.note('Runs that failed: runspine runs list --status failed');
}

async function explanationOf(session: Session, run: Run): Promise<Explanation> {
  const { client, call } = session;
  const [path, around] = await Promise.all([pathToFailure(session, run), runsAround(session, run)]);
  const origin = path.at(-1)!;
  const [steps, good] = await Promise.all([
    client.steps.list(origin.run_id, call).first(STEPS_MAX),
    lastGoodOf(session, origin),
  ]);
  const step =
    firstFailed(steps) ?? (origin.stalled || origin.error?.code === 'run.lost' ? lastOpen(steps) : undefined);
  const [goodSteps, events] = await Promise.all([
    good.run ? client.steps.list(good.run.run_id, call).first(STEPS_MAX) : Promise.resolve([]),
    step ? client.runs.events(origin.run_id, { step: step.step_id, limit: 200 }, call).first(400) : Promise.resolve([]),
  ]);
  const pairs = good.run ? pairedSteps(goodSteps, steps) : [];
  const pair = pairs.find(({ after }) => after === step);
  const failedAt = pair?.before ? pairs.indexOf(pair) : Number.POSITIVE_INFINITY;
  return {
    run,
    around,
    path,
    step,
    events: events.slice(-EVENTS_SHOWN),
    lastGood: good.run,
    failedSince: good.failedSince,
    changed: good.run ? causesChanged(good.run, origin) : [],
    inputsChanged: step && pair?.before ? differencesOf(pair.before.inputs, step.inputs) : [],
    // What came after the failure says nothing of why; what the failing step received has a place of its own.
    steps: pairs.filter(
      ({ after }, at) => after !== step && after?.status !== 'unreported' && (after !== undefined || at < failedAt),
    ),
  };
}

/** From the run down through runs inside it that failed, the earliest first each. */
async function pathToFailure({ client, call }: Session, run: Run): Promise<Run[]> {
  const path = [run];
  while (path.length < DEPTH_MAX) {
    const failed = await client.runs
      .list({ parent: path.at(-1)!.run_id, status: 'failed', limit: 200 }, call)
      .first(200);
    const first = failed.toSorted((a, b) => (a.ended_at ?? '').localeCompare(b.ended_at ?? ''))[0];
    if (!first || path.some(({ run_id: id }) => id === first.run_id)) return path;
    path.push(first);
  }
  return path;
}

async function runsAround({ client, call }: Session, run: Run): Promise<Run[]> {
  const around: Run[] = [];
  let parent = run.parent_run_id;
  while (parent !== null && around.length < DEPTH_MAX && !around.some(({ run_id: id }) => id === parent)) {
    try {
      around.unshift(await client.runs.get(parent, call));
    } catch (error) {
      // A parent that was never recorded is no reason to explain nothing.
      if (isRunspineError(error) && error.status === 404) break;
      throw error;
    }
    parent = around[0]!.parent_run_id;
  }
  return around;
}

/** A run that was lost, or is silent, stopped in what it had not ended. */
function lastOpen(steps: readonly Step[]): Step | undefined {
  return steps.findLast(({ status }) => status === 'running' || status === 'unreported');
}

function explanationLines(session: Session, found: Explanation): string[] {
  const { terminal } = session;
  const room = panelRoom(terminal);
  const { run, path, step } = found;
  const origin = path.at(-1)!;
  const panel = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : panelLines(terminal, title, lines);
  return [
    `${titleLine(terminal, run)}  ${terminal.colours.dim(agoText(run.ended_at ?? run.last_seen_at, Date.now()))}`,
    terminal.colours.dim(`  ${run.run_id}`),
    ...panel('Why', fieldLines(terminal, room, whyFields(session, found))),
    ...panel('What the step received', receivedLines(session, step, room)),
    ...panel(
      'What the step did',
      found.events.map((event) => eventLine(terminal, event, room)),
    ),
    ...panel(`Since it last went well`, sinceLines(session, found, room)),
    ...nextLines(session, origin, found),
  ];
}

function whyFields(session: Session, { run, around, path, step }: Explanation): Field[] {
  const { terminal } = session;
  const origin = path.at(-1)!;
  const names = [
    ...[...around, ...path].map((each) => nameOf(each) || each.run_id),
    ...(step ? [`step ${step.name ?? step.step_id}`] : []),
  ];
  const silent = origin.stalled
    ? `It has given no sign of life since ${whenText(origin.last_seen_at, Date.now())}: its process is gone or stuck.`
    : origin.error?.code === 'run.lost'
      ? 'Its process went away without a word: killed, out of memory, or cut off.'
      : undefined;
  return [
    ['where', names.map(clean).join(` ${terminal.signs.arrow} `)],
    ['silent', silent],
    ['in run', origin === run ? undefined : origin.run_id],
    ...failureFields(terminal, { ...origin, status: 'failed' }, step).filter(
      ([name]) => name !== 'step' || origin === run,
    ),
    ['attempt', step && step.attempt > 1 ? `${step.attempt}: it failed before, too` : undefined],
    ['after', durationText(step?.duration_ms ?? origin.duration_ms)],
  ];
}

function receivedLines({ terminal }: Session, step: Step | undefined, room: number): string[] {
  if (!step || isEmpty(step.inputs)) return [];
  if (typeof step.inputs !== 'object') return [preview(terminal, step.inputs, room)];
  const fields = Object.entries(step.inputs as Record<string, unknown>);
  return fieldLines(
    terminal,
    room,
    fields
      .slice(0, 20)
      .map(([name, value]): Field => [
        clean(name).slice(0, 11),
        preview(terminal, value, 3 * (Math.min(room, 400) - 12)),
      ]),
  );
}

function sinceLines(session: Session, found: Explanation, room: number): string[] {
  const { terminal } = session;
  const { lastGood, changed, inputsChanged, failedSince } = found;
  const origin = found.path.at(-1)!;
  const what = origin.stage === null ? `runs named ${clean(nameOf(origin))}` : `runs of stage ${clean(origin.stage)}`;
  if (!lastGood) {
    return [`None of the ${what} before it completed${failedSince > 0 ? `; ${failedSince} failed` : ''}.`];
  }
  const status = paintStatus(terminal, 'completed', statusText(terminal, 'completed'));
  const since = failedSince > 0 ? ` ${failedSince} more failed in between.` : '';
  const inputs = inputsChanged.map((each) => ({ ...each, path: `step received ${each.path}`.trim() }));
  const steps = stepDifferenceLines(terminal, room, found.steps);
  const nothing = changed.length === 0 && inputs.length === 0 && steps.length === 0;
  return [
    `${status} ${lastGood.run_id}`,
    terminal.colours.dim(`${whenText(lastGood.created_at, Date.now())}.${since}`),
    '',
    ...(nothing
      ? ['Nothing that was recorded differs: look at what it depends on outside, or at chance.']
      : [
          ...differenceLines(terminal, room, [...changed, ...inputs]),
          ...(steps.length > 0 ? [terminal.colours.dim('steps before it:'), ...steps] : []),
        ]),
  ];
}

function nextLines({ terminal }: Session, origin: Run, { lastGood, run, around }: Explanation): string[] {
  const begun = [run, ...around.toReversed()].find(({ command }) => command !== null);
  const { dim } = terminal.colours;
  const line = (command: string) => dim(terminal.called(`  ${command}`));
  return [
    dim('Next:'),
    ...(lastGood ? [line(`runspine runs diff ${shortest(lastGood)} ${shortest(origin)}`)] : []),
    line(`runspine runs replay ${shortest(origin)} --interactive`),
    ...(begun ? [line(`runspine runs rerun ${shortest(begun)}`)] : []),
  ];
}

/** Enough of an id to be found by. */
function shortest({ run_id: id }: Run): string {
  return id.slice(0, 'run_'.length + 20);
}
