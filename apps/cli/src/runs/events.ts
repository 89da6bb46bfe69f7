import type { EventType, RecordedEvent } from '@runspine/client';
import type { Session } from '../session.js';
import { eventLine } from './event-lines.js';
import { findRun } from './run-ids.js';

export interface EventsOptions {
  readonly step?: string;
  readonly type?: string;
  readonly after?: number;
  readonly follow?: boolean;
}

/** The events of a run, in order; with `follow` those to come, until it ends. */
export async function showEvents(session: Session, given: string, options: EventsOptions): Promise<void> {
  const { client, call, terminal, json } = session;
  const run = await findRun(session, given);
  const { step, type, after, follow } = options;
  const filter = {
    ...(step === undefined ? {} : { step }),
    ...(type === undefined ? {} : { type: type as EventType }),
    ...(after === undefined ? {} : { after }),
  };
  let last = after ?? 0;
  let count = 0;
  const show = (event: RecordedEvent) => {
    last = event.run_sequence;
    count += 1;
    if (json) terminal.printJsonLine(event);
    else terminal.print(eventLine(terminal, event, terminal.width));
  };
  for await (const event of client.runs.events(run.run_id, { ...filter, limit: 200 }, call)) show(event);
  if (!follow && count === 0 && !json) terminal.note(`None of the run's ${run.version} events fits.`);
  if (!follow) return;
  for await (const { event } of client.runs.stream(run.run_id, { after: last, ...call })) {
    if (type !== undefined && event.type !== type) continue;
    if (step !== undefined && event.step_id !== step) continue;
    show(event);
  }
}
