import type { RecordedEvent } from '@runspine/client';
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Session } from '../session.js';
import { findRun } from './run-ids.js';

export interface ExportOptions {
  readonly format: 'json' | 'ndjson' | 'import';
  readonly output?: string;
}

/** The whole trail of a run, for other programs and other gateways. */
export async function exportRun(session: Session, given: string, options: ExportOptions): Promise<void> {
  const { client, call, io, terminal } = session;
  const run = await findRun(session, given);
  const file = options.output === undefined ? undefined : createWriteStream(options.output, { mode: 0o600 });
  if (file) await once(file, 'open');
  const write = async (text: string) => {
    if (file === undefined) io.stdout.write(text);
    else if (!file.write(text)) await once(file, 'drain');
  };
  const events = client.runs.events(run.run_id, { limit: 200 }, call);
  let count = 0;
  if (options.format === 'json') {
    const steps = await client.steps.list(run.run_id, call).first(Number.POSITIVE_INFINITY);
    const all = await events.first(Number.POSITIVE_INFINITY);
    count = all.length;
    await write(`${JSON.stringify({ run, steps, events: all }, null, 2)}\n`);
  } else {
    for await (const event of events) {
      await write(`${JSON.stringify(options.format === 'ndjson' ? event : importable(event))}\n`);
      count += 1;
    }
  }
  if (file) await closed(file);
  if (options.output !== undefined) terminal.note(`${count} events of ${run.run_id} are in ${options.output}`);
}

/** An event as `runs import` takes it. */
function importable({ event_id: id, type, time, data, run_id, step_id, ...event }: RecordedEvent): object {
  return {
    id,
    type,
    time,
    data: { run_id, ...(step_id === null ? {} : { step_id }), ...data },
    ...(type === 'run.created' ? { correlation_id: event.correlation_id } : {}),
    ...(type === 'run.created' && event.traceparent !== null ? { traceparent: event.traceparent } : {}),
  };
}

async function closed(file: WriteStream): Promise<void> {
  file.end();
  await once(file, 'close');
}
