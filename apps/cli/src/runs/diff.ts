import type { Run, RunState } from '@runspine/client';
import { EXIT, Failure, usage } from '../failures.js';
import { paintStatus, shownStatus, statusText } from '../output/status.js';
import { panelLines, panelRoom } from '../output/table.js';
import { clean } from '../output/text.js';
import { durationText, whenText } from '../output/units.js';
import type { Session } from '../session.js';
import { differenceLines, stepDifferenceLines } from './difference-lines.js';
import { comparableStep, differencesOf, pairedSteps, runDifferences } from './differences.js';
import { lastGoodOf } from './last-good.js';
import { findRun, splitAt } from './run-ids.js';
import { nameOf } from './run-table.js';

/** The last good run of the same stage, or name. */
const GOOD = 'good';

/** What differs between two runs, or between two events of one; `good` stands for the last good run of the other. */
export async function diffRuns(session: Session, first: string, second: string): Promise<void> {
  const { terminal } = session;
  const [a, b] = await statesOf(session, first, second);
  const differences = runDifferences(a.run, b.run);
  const pairs = pairedSteps(a.steps, b.steps);
  if (session.json) {
    const steps = pairs.map(({ name, before, after }) => ({
      name,
      differences: differencesOf(before && comparableStep(before), after && comparableStep(after)),
    }));
    terminal.printJson({
      first: { run_id: a.run.run_id, sequence: a.sequence },
      second: { run_id: b.run.run_id, sequence: b.sequence },
      differences,
      steps: steps.filter(({ differences: found }) => found.length > 0),
    });
    return;
  }
  const room = panelRoom(terminal);
  const steps = stepDifferenceLines(terminal, room, pairs);
  terminal.print(sideLine(session, '-', a), sideLine(session, '+', b));
  if (differences.length > 0)
    terminal.print(...panelLines(terminal, 'Run', differenceLines(terminal, room, differences)));
  if (steps.length > 0) terminal.print(...panelLines(terminal, 'Steps', steps));
  if (differences.length === 0 && steps.length === 0) terminal.print('They differ in nothing but ids and times.');
}

async function statesOf(session: Session, first: string, second: string): Promise<[RunState, RunState]> {
  if (first === GOOD && second !== GOOD) {
    const b = await stateOf(session, second);
    return [await goodBefore(session, b.run), b];
  }
  if (second !== GOOD) return Promise.all([stateOf(session, first), stateOf(session, second)]);
  if (first === GOOD) throw usage(`One of the two may be \`${GOOD}\`: it is the last good run of the other.`);
  const a = await stateOf(session, first);
  return [a, await goodBefore(session, a.run)];
}

async function goodBefore(session: Session, run: Run): Promise<RunState> {
  const { run: good } = await lastGoodOf(session, run);
  if (good) return stateAt(session, good, undefined);
  const of = run.stage === null ? `named ${clean(nameOf(run))}` : `of stage ${clean(run.stage)}`;
  throw new Failure('cli.no_runs', `No run ${of} was executed and completed before ${run.run_id}.`, EXIT.notFound);
}

async function stateOf(session: Session, given: string): Promise<RunState> {
  const { id, at } = splitAt(given);
  const run = await findRun(session, id);
  return stateAt(session, run, at);
}

/** A run and its steps as of an event of it; the latest where none is said. */
export async function stateAt({ client, call }: Session, run: Run, at: number | undefined): Promise<RunState> {
  if (at !== undefined && (at < 1 || at > run.version)) {
    throw usage(`The run has events 1 to ${run.version}; ${at} is none of them.`);
  }
  return client.runs.state(run.run_id, { ...call, ...(at === undefined ? {} : { at }) });
}

function sideLine({ terminal }: Session, mark: '-' | '+', { run, sequence }: RunState): string {
  const { red, green, dim } = terminal.colours;
  const status = shownStatus({ ...run, stalled: run.stalled ?? false });
  const parts = [
    (mark === '-' ? red : green)(`${mark} ${run.run_id}@${sequence}`),
    paintStatus(terminal, status, statusText(terminal, status)),
    clean(nameOf(run)),
    dim([whenText(run.created_at, Date.now()), durationText(run.duration_ms)].filter(Boolean).join(', ')),
  ];
  return terminal.live ? `${parts.slice(0, 3).join('  ')}\n  ${parts[3]}` : parts.join('  ');
}
