import { isRunspineError, RunspineError } from '../errors.js';
import { badAnswer, type Transport, type WriteOptions } from '../http/transport.js';
import { pause } from '../http/backoff.js';
import type { EventOutcome } from './run-types.js';

const LOOK_MS = { first: 50, most: 1000 };

/** Sends writes, and follows those that Kafka has but whose outcome was not known in time. */
export class Writes {
  constructor(private readonly transport: Transport) {}

  /**
   * Posts a command and resolves with the resource once its event is applied.
   * @throws RunspineError the refusal's code; `client.outcome_pending` when it is not known within the timeout.
   */
  async post<T>(path: string, body: object, options: WriteOptions, read: (answer: Pending) => Promise<T>): Promise<T> {
    const answer = await this.transport.request('POST', path, { ...options, body });
    if (answer.status !== 202) return objectOf(answer.status, answer.body) as T;
    const pending = objectOf(202, answer.body) as unknown as Pending;
    await this.settled(pending, options);
    return read(pending);
  }

  /** Resolves when an event is applied. */
  private async settled(pending: Pending, options: WriteOptions): Promise<void> {
    const { event_id: eventId, run_id: runId } = pending;
    const details = { event_id: eventId, run_id: runId };
    const endMs = Date.now() + (options.timeoutMs ?? this.transport.options.timeoutMs);
    for (let waitMs = LOOK_MS.first; Date.now() < endMs; waitMs = Math.min(waitMs * 2, LOOK_MS.most)) {
      await pause(waitMs, options.signal);
      const outcome = await this.outcomeOf(eventId, options);
      if (outcome === undefined) continue;
      if (outcome.outcome === 'applied') return;
      const code = outcome.reason ?? 'event.parked';
      const current = { current: outcome.current, version: outcome.version };
      throw new RunspineError(code, `The event was refused: ${code}.`, {
        status: outcome.outcome === 'parked' ? 422 : 409,
        retryable: false,
        details: { ...details, ...current },
      });
    }
    throw new RunspineError('client.outcome_pending', 'Kafka has the event; it is not applied yet.', {
      status: 202,
      retryable: true,
      details,
    });
  }

  private async outcomeOf(eventId: string, { signal }: WriteOptions): Promise<EventOutcome | undefined> {
    try {
      const answer = await this.transport.request('GET', `/v1/events/${eventId}`, signal ? { signal } : {});
      return answer.body as EventOutcome;
    } catch (error) {
      if (isRunspineError(error) && error.code === 'event.not_recorded') return undefined;
      throw error;
    }
  }
}

/** The body of a 202. */
export interface Pending {
  readonly event_id: string;
  readonly run_id: string;
  readonly step_id?: string;
}

/** An answer's body, where it is an object. */
export function objectOf(status: number, body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badAnswer(status, 'has no resource');
  return body as Record<string, unknown>;
}
