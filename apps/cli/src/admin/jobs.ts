import type { Answer } from '@runspine/client';
import { setTimeout as wait } from 'node:timers/promises';
import { EXIT, Failure } from '../failures.js';
import { type Field, fieldLines } from '../output/fields.js';
import { paintStatus, statusText } from '../output/status.js';
import { cleanLines } from '../output/text.js';
import { countText } from '../output/units.js';
import type { Session } from '../session.js';

/** Work in the services that was asked for and takes a while. */
export interface Job {
  readonly job_id: string;
  readonly kind: string;
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled';
  readonly progress?: { readonly done: number; readonly total: number | null } | null;
  readonly result?: unknown;
  readonly error?: { readonly code?: string; readonly message: string } | null;
}

const LOOK_MS = 500;
const BAR = 24;
/** Items of a list in a result that are shown. */
const LISTED_MAX = 50;

/** Asks for a job and, unless told otherwise, watches it to its end. @returns failed where it failed or found faults */
export async function runJob(session: Session, path: string, body: unknown, watch: boolean): Promise<number> {
  const { client, call } = session;
  return followed(session, await client.request('POST', path, { ...call, body }), watch);
}

/** What became of a request that is answered with a result, or with a job that will have one. */
export async function followed(session: Session, answer: Answer, watch = true): Promise<number> {
  const { terminal, json } = session;
  const accepted = answer.body as Job;
  if (answer.status !== 202 || typeof accepted?.job_id !== 'string') {
    if (json) terminal.printJson(answer.body);
    else terminal.print(...resultLines(session, answer.body));
    return foundFaults(answer.body) ? EXIT.failed : EXIT.ok;
  }
  if (!watch) {
    if (json) terminal.printJson(accepted);
    else terminal.print(accepted.job_id);
    terminal.note(terminal.colours.dim(`How far it is: runspine jobs show ${accepted.job_id}`));
    return EXIT.ok;
  }
  return watchJob(session, accepted.job_id);
}

/** Shows a job as it is, or with `watch` until it ends. */
export async function showJob(session: Session, id: string, watch: boolean): Promise<number> {
  if (watch) return watchJob(session, id);
  return shown(session, await jobOf(session, id));
}

async function watchJob(session: Session, id: string): Promise<number> {
  let job = await jobOf(session, id);
  let last = '';
  for (; job.status === 'running'; job = await jobOf(session, id)) {
    last = progressed(session, job, last);
    await wait(LOOK_MS, undefined, { signal: session.io.signal });
  }
  if (last !== '' && session.io.stderr.isTTY) session.io.stderr.write('\r\u001b[K');
  return shown(session, job);
}

/** On a terminal one line that moves; elsewhere a line each time. */
function progressed({ io, terminal, json }: Session, { kind, progress }: Job, last: string): string {
  if (json || !progress) return last;
  const { done, total } = progress;
  const share = total ? Math.min(1, done / total) : 0;
  const bar = terminal.signs.bar.repeat(Math.round(share * BAR)).padEnd(BAR, terminal.signs.thin);
  const text = `${kind}  ${bar}  ${countText(done)}${total ? ` of ${countText(total)}` : ''}`;
  if (text === last) return last;
  if (io.stderr.isTTY) io.stderr.write(`\r${text}\u001b[K`);
  else terminal.note(text);
  return text;
}

async function jobOf({ client, call }: Session, id: string): Promise<Job> {
  return (await client.request('GET', `/v1/admin/jobs/${encodeURIComponent(id)}`, call)).body as Job;
}

function shown(session: Session, job: Job): number {
  const { terminal, json } = session;
  if (json) terminal.printJson(job);
  else {
    const { done, total } = job.progress ?? {};
    const progress = done === undefined ? '' : `  ${countText(done)}${total ? ` of ${countText(total)}` : ''}`;
    terminal.print(`${paintStatus(terminal, job.status, statusText(terminal, job.status))}  ${job.kind}${progress}`);
    terminal.print(...resultLines(session, job.result));
  }
  if (job.status !== 'completed' && job.status !== 'running') {
    const { error } = job;
    throw new Failure(
      error?.code ?? 'cli.job_failed',
      error?.message ?? `The job ${job.kind} ${job.status === 'failed' ? 'failed' : 'was cancelled'}.`,
      EXIT.failed,
    );
  }
  return foundFaults(job.result) ? EXIT.failed : EXIT.ok;
}

/** A result names what is wrong in `differences` or `findings`. */
export function foundFaults(result: unknown): boolean {
  const { verified, findings, differences } = (result ?? {}) as Record<string, unknown>;
  if (verified === false) return true;
  return [differences, findings].some((found) => Array.isArray(found) && found.length > 0);
}

/** A result by its fields; lists line by line. */
export function resultLines({ terminal }: Session, result: unknown): string[] {
  if (result === null || result === undefined) return [];
  if (typeof result !== 'object') return [cleanLines(result)];
  const fields = Object.entries(result).flatMap(([name, value]): Field[] => {
    const label = name.replaceAll('_', ' ');
    return Array.isArray(value)
      ? value.slice(0, LISTED_MAX).map((item): Field => [label, textOf(item)])
      : [[label, textOf(value)]];
  });
  return fieldLines(terminal, terminal.panelWidth, fields);
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return countText(value);
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  return Object.entries(value)
    .filter(([, inner]) => inner !== null)
    .map(([name, inner]) => `${name} ${typeof inner === 'object' ? JSON.stringify(inner) : String(inner)}`)
    .join(', ');
}
