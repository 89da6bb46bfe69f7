import { usage } from '../failures.js';
import { confirm } from '../output/ask.js';
import type { Session } from '../session.js';
import { findRun } from './run-ids.js';
import { nameOf } from './run-table.js';
import { runTable } from './run-table.js';

export interface AnnotateOptions {
  readonly tag?: Record<string, string>;
  readonly metadata?: Record<string, string>;
}

/** Adds tags and metadata to a run. */
export async function annotateRun(session: Session, given: string, { tag, metadata }: AnnotateOptions): Promise<void> {
  if (!tag && !metadata) throw usage('There is nothing to add.', 'Such as: --tag reviewed=yes --metadata ticket=42');
  const run = await findRun(session, given);
  const parsed = Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, jsonOrText(value)]));
  const body = { ...(tag ? { tags: tag } : {}), ...(metadata ? { metadata: parsed } : {}) };
  const after = await session.client.runs.annotate(run.run_id, body, session.call);
  if (session.json) session.terminal.printJson(after);
  else session.terminal.print(`Annotated ${run.run_id}, which is at version ${after.version}.`);
}

export interface ScoreOptions {
  readonly comment?: string;
}

/** Gives a run a score. */
export async function scoreRun(
  session: Session,
  [given, name, value]: readonly string[],
  { comment }: ScoreOptions,
): Promise<void> {
  const number = Number(value);
  if (value!.trim() === '' || !Number.isFinite(number)) throw usage(`${value} is no number.`);
  const run = await findRun(session, given!);
  const score = { name: name!, value: number, ...(comment === undefined ? {} : { comment }) };
  const after = await session.client.runs.annotate(run.run_id, { scores: [score] }, session.call);
  if (session.json) session.terminal.printJson(after);
  else session.terminal.print(`${run.run_id} has ${name} ${number}.`);
}

export interface CancelOptions {
  readonly reason?: string;
}

/** Records that a run was cancelled; whatever executes it is not told. */
export async function cancelRun(session: Session, given: string, { reason }: CancelOptions): Promise<void> {
  const run = await findRun(session, given);
  const after = await session.client.runs.cancel(run.run_id, reason === undefined ? {} : { reason }, session.call);
  if (session.json) session.terminal.printJson(after);
  else session.terminal.print(...runTable(session.terminal, [after]));
}

export interface EraseOptions {
  readonly reason: string;
  readonly yes?: boolean;
}

/** Takes a run's payloads away for good. */
export async function eraseRun(session: Session, given: string, { reason, yes }: EraseOptions): Promise<void> {
  const { client, call, terminal, json } = session;
  const run = await findRun(session, given);
  const what = [nameOf(run), run.run_id].filter(Boolean).join(' ');
  await confirm(session, `Erase inputs, outputs and errors of ${what} for good?`, yes);
  const after = await client.runs.erase(run.run_id, { reason }, call);
  if (json) terminal.printJson(after);
  else
    terminal.print(
      `Erased what ${run.run_id} held. Its events and their hashes stay: runspine audit verify --run ${run.run_id}`,
    );
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
