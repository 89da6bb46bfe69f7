import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { RunspineClient } from '../client.js';
import { jitterMs, pause, RETRIES_DEFAULT } from '../http/backoff.js';
import { newRunId } from '../ids.js';
import type { RunFields } from '../resources/event-data.js';
import { Delivery } from './delivery.js';
import type { RunLog } from './run-log.js';
import { RunWire } from './run-wire.js';
import { eventOfLine, lineOf, type WireEvent } from './wire-event.js';

/** What an import came to. */
export interface ImportReport {
  /** Runs that the file has events of. */
  readonly runs: readonly string[];
  /** Events that Kafka has. What was imported before counts, too: it applies once. */
  readonly sent: number;
  /** Events that the state machine refused. */
  readonly rejected: readonly { eventId: string; type: string; runId: string; code: string }[];
  /** Events that the gateway refused for what they are. */
  readonly refused: readonly { eventId: string; type: string; runId: string; code: string; message: string }[];
  /** Lines that were no events, such as one cut off by a crash. */
  readonly damaged: number;
}

const CHUNK_EVENTS = 2000;

/**
 * Sends the events of a spool file, or of a log that `writeRunLog` wrote. The same file again is harmless.
 * @throws RunspineError when the gateway is away; what was sent until then is sent.
 */
export async function importEvents(
  client: RunspineClient,
  file: string,
  { signal, timeoutMs = 30_000 }: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<ImportReport> {
  const delivery = new Delivery(client.transport, timeoutMs);
  const report = {
    runs: new Set<string>(),
    sent: 0,
    damaged: 0,
    rejected: [] as ImportReport['rejected'][number][],
    refused: [] as ImportReport['refused'][number][],
  };
  const send = async (events: readonly WireEvent[]) => {
    let waiting = events;
    for (let attempt = 0; waiting.length > 0; attempt++) {
      const { sent, rejected, refused, left, failure } = await delivery.send(waiting);
      report.sent += sent;
      for (const { event, code } of rejected) report.rejected.push({ ...nameOf(event), code });
      for (const { event, code, message } of refused) report.refused.push({ ...nameOf(event), code, message });
      if (left.length > 0 && attempt >= RETRIES_DEFAULT.attempts) throw failure;
      waiting = left;
      if (left.length > 0) await pause(jitterMs(attempt, RETRIES_DEFAULT), signal);
    }
  };
  let chunk: WireEvent[] = [];
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    signal?.throwIfAborted();
    if (line.trim() === '') continue;
    const event = eventOfLine(line);
    if (!event) {
      report.damaged++;
      continue;
    }
    report.runs.add(event.runId);
    chunk.push(event);
    if (chunk.length >= CHUNK_EVENTS) {
      await send(chunk);
      chunk = [];
    }
  }
  await send(chunk);
  return { ...report, runs: [...report.runs] };
}

/** Writes a log as a file that can be imported: one JSON line an event. Gives the id of the run that it becomes. */
export async function writeRunLog(
  log: RunLog,
  file: string,
  { run_id: runId = newRunId(undefined, log.startedAtMs), ...fields }: RunFields & { run_id?: string } = {},
): Promise<string> {
  const wire = new RunWire({ runId, startedAtMs: log.startedAtMs, fields: () => fields });
  const lines = log.entries.flatMap((entry) => wire.eventsOf(entry)).map((event) => `${lineOf(event)}\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
  return runId;
}

function nameOf({ runId, type, text }: WireEvent): { eventId: string; type: string; runId: string } {
  return { eventId: (JSON.parse(text) as { id: string }).id, type, runId };
}
