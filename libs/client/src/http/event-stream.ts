import { createParser } from 'eventsource-parser';
import { isRunspineError } from '../errors.js';
import type { RecordedEvent } from '../resources/run-types.js';
import { jitterMs, pause } from './backoff.js';
import { badAnswer, type Transport } from './transport.js';

/** How a stream is read. */
export interface StreamOptions {
  /** Only events after this sequence; 0 for all. @default from now */
  readonly after?: number;
  /** Ends the stream: the iteration returns. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which the connection counts as lost; the server writes every 15 s. @default 45_000 */
  readonly silenceMs?: number;
}

/** An event of a stream, and its sequence in the room or the run: where to go on with `after`. */
export interface StreamedEvent {
  readonly sequence: number;
  readonly event: RecordedEvent;
}

const SILENCE_MS = 45_000;
const WAIT_MS_MAX = 30_000;

/**
 * Server-sent events, each once and in order, across as many connections as it takes: it comes back with
 * `Last-Event-ID`, after waits with full jitter. Ends when the server answers 204 or `signal` aborts.
 * @throws RunspineError for what no other try mends, such as `run.not_found`.
 */
export async function* readStream(
  transport: Transport,
  path: string,
  { after, signal, silenceMs = SILENCE_MS }: StreamOptions,
): AsyncGenerator<StreamedEvent, void, void> {
  const position = { last: after, retryMs: 1000 };
  for (let failures = 0; !signal?.aborted; failures++) {
    const connection = new AbortController();
    const end = () => connection.abort();
    signal?.addEventListener('abort', end, { once: true });
    try {
      const response = await transport.open(path, {
        headers: {
          accept: 'text/event-stream',
          ...(position.last === undefined ? {} : { 'last-event-id': String(position.last) }),
        },
        signal: connection.signal,
      });
      if (response.status === 204) return;
      for await (const event of eventsOf(response, connection, silenceMs, position)) {
        failures = 0;
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (isRunspineError(error) && !error.retryable) throw error;
    } finally {
      signal?.removeEventListener('abort', end);
      connection.abort();
    }
    const waitMs = jitterMs(failures, { baseMs: position.retryMs, capMs: WAIT_MS_MAX });
    await pause(waitMs, signal).catch(() => undefined);
  }
}

/** The events of one connection. It is given up when nothing comes for `silenceMs`. */
async function* eventsOf(
  response: Response,
  connection: AbortController,
  silenceMs: number,
  position: { last: number | undefined; retryMs: number },
): AsyncGenerator<StreamedEvent, void, void> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream') || !response.body) {
    throw badAnswer(response.status, 'is no stream of events');
  }
  const arrived: StreamedEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, data }) => {
      const sequence = Number(id);
      if (id === undefined || !Number.isSafeInteger(sequence)) return;
      if (position.last !== undefined && sequence <= position.last) return;
      arrived.push({ sequence, event: eventOf(data) });
    },
    onRetry: (ms) => (position.retryMs = Math.min(Math.max(ms, 1), WAIT_MS_MAX)),
  });
  const decoder = new TextDecoder();
  const silence = setTimeout(() => connection.abort(), silenceMs);
  try {
    for await (const chunk of response.body) {
      silence.refresh();
      parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
      for (const event of arrived.splice(0)) {
        position.last = event.sequence;
        yield event;
      }
    }
  } finally {
    clearTimeout(silence);
  }
}

function eventOf(data: string): RecordedEvent {
  try {
    return JSON.parse(data) as RecordedEvent;
  } catch (cause) {
    throw badAnswer(200, 'has an event that is not JSON', cause);
  }
}
