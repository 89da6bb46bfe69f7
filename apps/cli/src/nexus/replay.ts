import type { NexusQuery, RecordedEvent, Run } from '@runspine/client';
import { EXIT, Failure, usage } from '../failures.js';
import { type Column, tableLines } from '../output/table.js';
import { clean } from '../output/text.js';
import type { Session } from '../session.js';
import { findRun } from '../runs/run-ids.js';

export interface ReplayOptions {
  readonly run?: string;
}

interface Kept {
  readonly id: string;
  readonly score: number;
}

interface Retrieved {
  readonly space: string;
  readonly query: NexusQuery;
  readonly hits: readonly Kept[];
  readonly snapshot: string;
}

/** A run is looked for among those that began so long before its step. */
const BEFORE_MS = 24 * 60 * 60_000;
const RUNS_MAX = 400;
const AT_ONCE = 8;

/** Asks what a step asked, of the data that there was then. @returns failed where the hits are others */
export async function replayRetrieval(session: Session, stepId: string, options: ReplayOptions): Promise<number> {
  const { client, call, terminal, json } = session;
  if (!/^step_[0-9a-f]{32}$/.test(stepId))
    throw usage(`${clean(stepId)} is no id of a step.`, '`runspine runs show RUN --json` has them.');
  const events = await retrievalsOf(session, stepId, options.run);
  const answers: { event_id: string; asked: Retrieved; hits: Kept[]; same: boolean }[] = [];
  for (const { event_id, data } of events) {
    const asked = data as unknown as Retrieved;
    const { hits } = await client.nexus.query(asked.space, { ...asked.query, as_of: asked.snapshot }, call);
    const now = hits.map(({ id, score }) => ({ id, score }));
    answers.push({ event_id, asked, hits: now, same: sameHits(asked.hits, now) });
  }
  if (json) for (const answer of answers) terminal.printJsonLine(answer);
  else {
    for (const { asked, hits, same } of answers) {
      terminal.print(`${terminal.colours.bold(clean(asked.query.query ?? '(a vector)'))}  in ${clean(asked.space)}`);
      terminal.print(...tableLines(terminal, columns(session), rowsOf(asked.hits, hits)));
      terminal.print(
        same
          ? terminal.colours.green('The same hits, with the same scores.')
          : terminal.colours.red('Other hits than then.'),
      );
    }
  }
  return answers.every(({ same }) => same) ? EXIT.ok : EXIT.failed;
}

async function retrievalsOf(session: Session, stepId: string, run: string | undefined): Promise<RecordedEvent[]> {
  const { client, call } = session;
  const of = (runId: string) =>
    client.runs.events(runId, { step: stepId, type: 'step.retrieved', limit: 200 }, call).first(200);
  if (run !== undefined) {
    const events = await of((await findRun(session, run)).run_id);
    if (events.length > 0) return events;
    throw new Failure('cli.nothing_retrieved', `The step ${stepId} of that run retrieved nothing.`, EXIT.notFound, [
      'A query that names --run and --step is kept.',
    ]);
  }
  const runs = await runsBefore(session, stepId);
  for (let at = 0; at < runs.length; at += AT_ONCE) {
    const found = await Promise.all(runs.slice(at, at + AT_ONCE).map(({ run_id: id }) => of(id)));
    const events = found.find((each) => each.length > 0);
    if (events) return events;
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
  return client.runs.list({ since, until, limit: 200 }, call).first(RUNS_MAX);
}

function sameHits(before: readonly Kept[], after: readonly Kept[]): boolean {
  return (
    before.length === after.length &&
    before.every(({ id, score }, at) => after[at]!.id === id && after[at]!.score === score)
  );
}

interface Row {
  readonly at: number;
  readonly before: Kept | undefined;
  readonly after: Kept | undefined;
}

function rowsOf(before: readonly Kept[], after: readonly Kept[]): Row[] {
  return Array.from({ length: Math.max(before.length, after.length) }, (_, at) => ({
    at,
    before: before[at],
    after: after[at],
  }));
}

function columns({ terminal }: Session): Column<Row>[] {
  const { red } = terminal.colours;
  const score = (kept: Kept | undefined) => kept?.score.toFixed(4) ?? '';
  return [
    { title: '#', value: ({ at }) => String(at + 1), right: true },
    { title: 'THEN', value: ({ before }) => before?.id ?? '', min: 10 },
    { title: 'SCORE', value: ({ before }) => score(before), right: true },
    {
      title: 'NOW',
      value: ({ after }) => after?.id ?? '',
      min: 10,
      paint: (text, { before, after }) => (before?.id === after?.id ? text : red(text)),
    },
    { title: 'SCORE', value: ({ after }) => score(after), right: true },
  ];
}
