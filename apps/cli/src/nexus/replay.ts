import type { RecordedEvent, Run } from '@runspine/client';
import { EXIT, Failure, usage } from '../failures.js';
import { type Column, tableLines } from '../output/table.js';
import { clean } from '../output/text.js';
import { whenText } from '../output/units.js';
import { findRun } from '../runs/run-ids.js';
import type { Session } from '../session.js';
import { askAgain, type KeptHit, type Replayed, sameHit } from './retrieval.js';

export interface ReplayOptions {
  readonly run?: string;
}

/** A run is looked for among those that began so long before its step. */
const BEFORE_MS = 24 * 60 * 60_000;
const RUNS_MAX = 400;
const AT_ONCE = 8;
const PAGE_MAX = 200;

/**
 * Asks what a step asked, each question of the data that it was asked of.
 * @returns failed where hits are others or a question cannot be asked; not found where the data of then is gone
 */
export async function replayRetrieval(session: Session, stepId: string, options: ReplayOptions): Promise<number> {
  const { terminal, json } = session;
  if (!/^step_[0-9a-f]{32}$/.test(stepId))
    throw usage(`${clean(stepId)} is no id of a step.`, '`runspine runs show RUN --json` has them.');
  const events = await retrievalsOf(session, stepId, options.run);
  const replayed: Replayed[] = [];
  for (const [index, event] of events.entries()) {
    const one = await askAgain(session, event);
    replayed.push(one);
    if (json) terminal.printJsonLine(lineOf(one));
    else terminal.print(...(index > 0 ? [''] : []), ...linesOf(session, one, index, events.length));
  }
  const same = replayed.filter(({ verdict }) => verdict === 'same').length;
  if (!json && events.length > 1) terminal.note('', `${same} of ${events.length} retrievals gave the same hits.`);
  if (same === events.length) return EXIT.ok;
  return replayed.every(({ verdict }) => verdict === 'same' || verdict === 'gone') ? EXIT.notFound : EXIT.failed;
}

async function retrievalsOf(session: Session, stepId: string, run: string | undefined): Promise<RecordedEvent[]> {
  const { client, call } = session;
  const of = (runId: string) =>
    client.runs.events(runId, { step: stepId, type: 'step.retrieved', limit: PAGE_MAX }, call);
  if (run !== undefined) {
    const events = await of((await findRun(session, run)).run_id).first(Number.POSITIVE_INFINITY);
    if (events.length > 0) return events;
    throw new Failure('cli.nothing_retrieved', `The step ${stepId} of that run retrieved nothing.`, EXIT.notFound, [
      'A query that names --run and --step is kept.',
    ]);
  }
  const runs = await runsBefore(session, stepId);
  for (let at = 0; at < runs.length; at += AT_ONCE) {
    const some = runs.slice(at, at + AT_ONCE);
    const found = await Promise.all(some.map(({ run_id: id }) => of(id).first(1)));
    const index = found.findIndex((each) => each.length > 0);
    if (index >= 0) return of(some[index]!.run_id).first(Number.POSITIVE_INFINITY);
  }
  throw new Failure('cli.nothing_retrieved', `No run near it has retrieved anything in ${stepId}.`, EXIT.notFound, [
    '--run RUN says which run the step belongs to.',
  ]);
}

/** The id of a step has its time; its run began before it. */
function runsBefore({ client, call }: Session, stepId: string): Promise<Run[]> {
  const atMs = Number.parseInt(stepId.slice(5, 17), 16);
  const since = new Date(Math.max(0, atMs - BEFORE_MS)).toISOString();
  const until = new Date(atMs + 60_000).toISOString();
  return client.runs.list({ since, until, limit: PAGE_MAX }, call).first(RUNS_MAX);
}

function lineOf({ event, retrieved, hits, verdict, reason }: Replayed): object {
  return {
    event_id: event.event_id,
    time: event.time,
    asked: retrieved ?? event.data,
    hits,
    verdict,
    same: verdict === 'same',
    ...(reason === undefined ? {} : { reason }),
  };
}

function linesOf(
  session: Session,
  { event, retrieved, hits, verdict, reason }: Replayed,
  at: number,
  of: number,
): string[] {
  const { terminal } = session;
  const { bold, dim, green, red, yellow } = terminal.colours;
  const question = retrieved === undefined ? '(unknown)' : (retrieved.query.query ?? '(a vector)');
  const where = retrieved === undefined ? '' : `  in ${clean(retrieved.space)}`;
  const place = of > 1 ? dim(`${at + 1} of ${of}  `) : '';
  const head = [`${place}${bold(clean(question))}${where}`, dim(`asked ${whenText(event.time, Date.now())}`)];
  const before = retrieved?.hits ?? [];
  if (verdict === 'gone' || verdict === 'unanswerable') {
    const kept = before.length > 0 ? tableLines(terminal, columns(session).slice(0, 3), rowsOf(before, [])) : [];
    return [...head, ...kept, yellow(`Not asked again. ${clean(reason ?? '')}`)];
  }
  if (before.length === 0 && hits.length === 0) return [...head, green('Nothing was found then, and nothing now.')];
  return [
    ...head,
    ...tableLines(terminal, columns(session), rowsOf(before, hits)),
    verdict === 'same' ? green('The same hits, with the same scores.') : red('Other hits than then.'),
  ];
}

interface Row {
  readonly at: number;
  readonly before: KeptHit | undefined;
  readonly after: KeptHit | undefined;
}

function rowsOf(before: readonly KeptHit[], after: readonly KeptHit[]): Row[] {
  return Array.from({ length: Math.max(before.length, after.length) }, (_, at) => ({
    at,
    before: before[at],
    after: after[at],
  }));
}

function columns({ terminal }: Session): Column<Row>[] {
  const { red } = terminal.colours;
  const score = (kept: KeptHit | undefined) => kept?.score.toFixed(4) ?? '';
  const paint = (text: string, { before, after }: Row) => (sameHit(before, after) ? text : red(text));
  return [
    { title: '#', value: ({ at }) => String(at + 1), right: true },
    { title: 'THEN', value: ({ before }) => before?.id ?? '', min: 10 },
    { title: 'SCORE', value: ({ before }) => score(before), right: true },
    { title: 'NOW', value: ({ after }) => after?.id ?? '', min: 10, paint },
    { title: 'SCORE', value: ({ after }) => score(after), right: true, paint },
  ];
}
