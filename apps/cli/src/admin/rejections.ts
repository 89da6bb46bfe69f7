import type { Rejection } from '@runspine/client';
import { type Column, tableLines } from '../output/table.js';
import { agoText } from '../output/units.js';
import { findRun, shortIds } from '../runs/run-ids.js';
import type { Session } from '../session.js';

export interface RejectionOptions {
  readonly run?: string;
  readonly reason?: string;
  readonly limit: number;
}

/** Events that were readable and that the state of their run refused. */
export async function showRejections(session: Session, { run, reason, limit }: RejectionOptions): Promise<void> {
  const { client, terminal, json } = session;
  const runId = run === undefined ? undefined : (await findRun(session, run)).run_id;
  const filter = { ...(runId === undefined ? {} : { run_id: runId }), ...(reason === undefined ? {} : { reason }) };
  const found = await client.rejections({ ...filter, limit: Math.min(limit, 200) }).first(limit);
  if (json) for (const each of found) terminal.printJsonLine(each);
  else if (found.length > 0) terminal.print(...tableLines(terminal, columns(session, found), found));
  else terminal.note('No event was refused.', 'What could not be read at all: runspine dead-letters list');
}

function columns({ terminal }: Session, found: readonly Rejection[]): Column<Rejection>[] {
  const nowMs = Date.now();
  const short = shortIds(found.map(({ run_id: id }) => id));
  return [
    { title: 'WHEN', value: ({ recorded_at: at }) => (terminal.live ? agoText(at, nowMs) : at), right: terminal.live },
    { title: 'RUN', value: ({ run_id: id }) => (terminal.live ? short.get(id)! : id) },
    { title: 'EVENT', value: ({ type }) => type, min: 10 },
    { title: 'REASON', value: ({ reason }) => reason, paint: terminal.colours.red, min: 12 },
    { title: 'RUN WAS', value: ({ current }) => current ?? '' },
    { title: 'SOURCE', value: ({ source }) => source, min: 6 },
  ];
}
