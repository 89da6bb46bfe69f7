/** Where and how a model server is called. */
export interface RemoteOptions {
  readonly url: string;
  /** Sent as a bearer token. */
  readonly apiKey?: string | undefined;
  /** One try, from the request's first byte to the answer's last. */
  readonly timeoutMs: number;
  /** Tries in all, the first included. */
  readonly triesMax: number;
  /** First bound of the pause between tries; it doubles from try to try. @default 250 */
  readonly pauseMs?: number;
  /** Longest pause, and longest Retry-After that is waited for. @default 20_000 */
  readonly pauseMsMax?: number;
  /** @default 64 MiB */
  readonly answerBytesMax?: number;
}

/** The server gave no useful answer. `retryable`: the same call may succeed later. */
export class RemoteFault extends Error {
  override readonly name = 'RemoteFault';
  constructor(
    message: string,
    readonly retryable: boolean,
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const PAUSE_MS = 250;
const PAUSE_MS_MAX = 20_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const REFUSAL_CHARS_SHOWN = 200;

/**
 * POSTs JSON and reads JSON. Tries again after what may pass (no connection, 408, 425, 429, 5xx, an answer too late,
 * cut off or not JSON) with full jitter, not before the server's Retry-After.
 * @throws RemoteFault, or the signal's reason.
 */
export async function postJson(options: RemoteOptions, body: unknown, signal: AbortSignal): Promise<unknown> {
  const text = JSON.stringify(body);
  const pauseMsMax = options.pauseMsMax ?? PAUSE_MS_MAX;
  for (let tries = 1; ; tries++) {
    try {
      return await postOnce(options, text, signal);
    } catch (error) {
      signal.throwIfAborted();
      const fault = error instanceof RemoteFault ? error : new RemoteFault(reasonOf(error), true, 0, { cause: error });
      const leastMs = fault.retryAfterMs ?? 0;
      if (!fault.retryable || tries >= options.triesMax || leastMs > pauseMsMax) throw fault;
      const boundMs = Math.min(pauseMsMax, (options.pauseMs ?? PAUSE_MS) * 2 ** (tries - 1));
      await pause(Math.max(leastMs, Math.random() * boundMs), signal);
    }
  }
}

async function postOnce(options: RemoteOptions, body: string, signal: AbortSignal): Promise<unknown> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' };
  if (options.apiKey !== undefined) headers.authorization = `Bearer ${options.apiKey}`;
  try {
    // A redirect could take the key and the texts to another host.
    const both = AbortSignal.any([signal, timeout]);
    const answer = await fetch(options.url, { method: 'POST', headers, body, signal: both, redirect: 'error' });
    const text = await readBounded(answer, options.answerBytesMax ?? ANSWER_BYTES_MAX);
    if (!answer.ok) throw refusal(answer, text);
    return parse(text);
  } catch (error) {
    if (timeout.aborted && !signal.aborted) throw new RemoteFault(`no answer within ${options.timeoutMs} ms`, true);
    throw error;
  }
}

function refusal(answer: Response, text: string): RemoteFault {
  const { status } = answer;
  const retryable = status === 408 || status === 425 || status === 429 || status >= 500;
  const said = text.replace(/\s+/g, ' ').slice(0, REFUSAL_CHARS_SHOWN);
  // What a server says of a refusal can show parts of our key: it is for the log, not for callers.
  const cause = new Error(said || 'no reason given');
  return new RemoteFault(`answered ${status}`, retryable, retryAfterMs(answer.headers.get('retry-after')), { cause });
}

/** Seconds, or a date. */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RemoteFault('answered something that is not JSON', true, 0, { cause: error });
  }
}

async function readBounded(answer: Response, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > bytesMax) throw new RemoteFault(`answered more than ${bytesMax} bytes`, false);
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}

/** fetch says "fetch failed"; what failed is its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : undefined;
  return cause ? `${error.message}: ${cause.message || (cause as NodeJS.ErrnoException).code}` : error.message;
}

/** Resolves after `ms`. @throws the signal's reason */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason instanceof Error ? signal.reason : new Error('given up'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
