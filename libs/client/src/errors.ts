/** Codes of failures that never reached a service of Runspine, or whose answer was none of its. */
export type ClientErrorCode =
  /** No connection, or it broke. */
  | 'client.unreachable'
  /** No answer within `timeoutMs`. */
  | 'client.timeout'
  /** An answer that is not of Runspine: no JSON, or another shape. */
  | 'client.bad_answer'
  /** Kafka has the write; what became of it was not known in time. `details.event_id` finds it later. */
  | 'client.outcome_pending'
  /** A task of Nexus was not done in time. `details.task_id` finds it later. */
  | 'client.task_pending'
  /** A task of Nexus failed; `details.task` has its errors. */
  | 'client.task_failed';

const BRAND = Symbol.for('runspine.error');

/** What an error says beside its code. */
export interface RunspineErrorFields {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** True where the same request may succeed later. */
  readonly retryable: boolean;
  /** The id under which the service's log has the request. */
  readonly requestId?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
  /** How long the service asked to wait before the next try, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/**
 * Every failure of a request. `code` is a code of Runspine's registry (docs/errors.md), such as
 * `run.invalid_transition`, or a {@link ClientErrorCode}.
 */
export class RunspineError extends Error {
  override readonly name = 'RunspineError';
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly requestId: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, fields: RunspineErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = code;
    this.status = fields.status;
    this.retryable = fields.retryable;
    this.requestId = fields.requestId;
    this.details = fields.details ?? {};
    this.retryAfterMs = fields.retryAfterMs;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** True for errors of this package, also where it is loaded twice (ESM and CommonJS in one process). */
export function isRunspineError(error: unknown): error is RunspineError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/** The error that an answer of status 400 or more stands for. */
export function errorOfAnswer(response: Response, text: string): RunspineError {
  const { status } = response;
  const retryAfterMs = retryAfterOf(response.headers.get('retry-after'));
  const body = envelopeOf(text);
  if (body === undefined) {
    const what = `The answer ${status} is not one of Runspine.`;
    return new RunspineError('client.bad_answer', what, {
      status,
      retryable: status >= 500 || status === 429 || status === 408,
      requestId: response.headers.get('x-request-id') ?? undefined,
      details: { excerpt: text.slice(0, 200) },
      retryAfterMs,
    });
  }
  const { code, message, retryable, details, request_id: requestId } = body;
  return new RunspineError(code, message, { status, retryable, requestId, details, retryAfterMs });
}

interface ErrorEnvelope {
  code: string;
  message: string;
  retryable: boolean;
  details: Record<string, unknown>;
  request_id: string | undefined;
}

function envelopeOf(text: string): ErrorEnvelope | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { error } = (body ?? {}) as { error?: Partial<ErrorEnvelope> };
  if (typeof error !== 'object' || error === null || typeof error.code !== 'string') return undefined;
  return {
    code: error.code,
    message: typeof error.message === 'string' ? error.message : error.code,
    retryable: error.retryable === true,
    details: typeof error.details === 'object' && error.details !== null ? error.details : {},
    request_id: typeof error.request_id === 'string' ? error.request_id : undefined,
  };
}

/** Milliseconds of a `Retry-After`: seconds, or a date. */
function retryAfterOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,6}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
