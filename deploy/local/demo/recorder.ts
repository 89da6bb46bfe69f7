import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const TRIES_MAX = 6;
const RETRY_MS = 500;
const ANSWER_MAX_MS = 40_000;
const WAIT_S = 30;

/** What a person needs to know of a failure: the same shape for runs and steps. */
export interface Failure {
  code: string;
  message: string;
  detail?: unknown;
}

/** A refusal or a fault of the gateway, with the code of its answer. */
export class GatewayError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  constructor(status: number, body: { error?: { code?: string; message?: string; retryable?: boolean } }) {
    super(
      `The gateway answered ${status}: ${body.error?.message ?? 'no reason given'} (${body.error?.code ?? 'no code'})`,
    );
    this.code = body.error?.code ?? 'unknown';
    this.retryable = body.error?.retryable ?? false;
  }
}

/** Records runs over HTTP, as any client would: each call waits until its event is applied. */
export class Recorder {
  readonly #base: string;

  constructor(gateway: string) {
    this.#base = gateway;
  }

  async createRun(body: object): Promise<RecordedRun> {
    const { run_id } = await this.write<{ run_id: string }>('/v1/runs', body);
    return new RecordedRun(this, run_id);
  }

  async read<T>(path: string): Promise<T> {
    return this.#send<T>('GET', path);
  }

  /** Sent again with the same event id when it may not have arrived, so that it takes effect once. */
  async write<T>(path: string, body: object): Promise<T> {
    return this.#send<T>('POST', path, { event_id: newEventId(), ...body });
  }

  /** What is no event of a run, such as a question; sent again when it may not have arrived. */
  async post<T>(path: string, body: object): Promise<T> {
    return this.#send<T>('POST', path, body);
  }

  /** Sent again when it may not have arrived: it is then asked to remove what is gone. */
  async remove<T>(path: string): Promise<T> {
    return this.#send<T>('DELETE', path);
  }

  /** A batch of typed events, each with an id of its own. Throws unless all of them applied. */
  async writeEvents(runId: string, events: { type: string; data: object }[]): Promise<void> {
    const withIds = events.map((event) => ({ id: newEventId(), ...event }));
    const { results } = await this.#send<{ results: { outcome: string; reason?: string }[] }>(
      'POST',
      `/v1/runs/${runId}/events`,
      { events: withIds },
    );
    const refused = results.find(({ outcome }) => outcome !== 'applied');
    if (refused) throw new Error(`An event was not applied: ${refused.outcome} ${refused.reason ?? ''}`);
  }

  async #send<T>(method: string, path: string, body?: object): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const response = await fetch(`${this.#base}${path}`, {
          method,
          headers: { prefer: `wait=${WAIT_S}`, ...(body && { 'content-type': 'application/json' }) },
          signal: AbortSignal.timeout(ANSWER_MAX_MS),
          ...(body && { body: JSON.stringify(body) }),
        });
        const answer = (await response.json()) as object;
        if (response.status === 202 && !('task_id' in answer))
          throw new Error(`The gateway took the event, and it was not applied within ${WAIT_S} s.`);
        if (response.ok) return answer as T;
        throw new GatewayError(response.status, answer);
      } catch (error) {
        const again = error instanceof GatewayError ? error.retryable : error instanceof TypeError;
        if (!again || tries >= TRIES_MAX) throw error;
        await sleep(RETRY_MS * tries);
      }
    }
  }
}

/** What a step gave: its result for the next one, what is recorded of it, and its row counts. */
export interface StepResult<T> {
  result: T;
  output: object;
  rowsIn: number;
  rowsOut: number;
}

/** Names a step to those who record something of it. */
export interface StepIds {
  run_id: string;
  step_id: string;
}

/** Thrown by a step's work for a failure that is the input's, not the program's. */
export class StepFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** A run being recorded; its steps follow one another. */
export class RecordedRun {
  readonly id: string;
  readonly #recorder: Recorder;
  readonly #began = performance.now();
  #lastStep: string | undefined;

  constructor(recorder: Recorder, id: string) {
    this.#recorder = recorder;
    this.id = id;
  }

  async start(taskCount: number): Promise<void> {
    await this.#write('start', { task_count: taskCount });
  }

  /** Does a step's work and records it: its inputs, then its output with duration and row counts, or its failure. */
  async step<T>(
    name: string,
    inputs: object,
    work: (ids: StepIds) => StepResult<T> | Promise<StepResult<T>>,
  ): Promise<T> {
    const dependsOn = this.#lastStep === undefined ? [] : [this.#lastStep];
    const { step_id } = await this.#write<{ step_id: string }>('steps', { name, kind: 'task', depends_on: dependsOn });
    this.#lastStep = step_id;
    await this.#recorder.writeEvents(this.id, [
      { type: 'step.inputs_resolved', data: { run_id: this.id, step_id, inputs } },
    ]);
    await this.#write(`steps/${step_id}/start`, {});
    const began = performance.now();
    try {
      const { result, output, rowsIn, rowsOut } = await work({ run_id: this.id, step_id });
      const metrics = { rows_in: rowsIn, rows_out: rowsOut };
      await this.#write(`steps/${step_id}/complete`, { output, duration_ms: since(began), metrics });
      return result;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      await this.#write(`steps/${step_id}/fail`, { error: failureOf(error), duration_ms: since(began) });
      throw error;
    }
  }

  async complete(output: object): Promise<void> {
    await this.#write('complete', { output, duration_ms: since(this.#began) });
  }

  async fail(error: unknown): Promise<void> {
    await this.#write('fail', {
      error: failureOf(error),
      duration_ms: since(this.#began),
      ...(this.#lastStep && { failed_step_id: this.#lastStep }),
    });
  }

  #write<T>(path: string, body: object): Promise<T> {
    return this.#recorder.write<T>(`/v1/runs/${this.id}/${path}`, body);
  }
}

/** A UUID of version 7: ids that the gateway derives from it are ordered by time, too. */
export function newEventId(nowMs = Date.now()): string {
  const hex = nowMs.toString(16).padStart(12, '0') + randomBytes(10).toString('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const since = (began: number): number => Math.round((performance.now() - began) * 1000) / 1000;

function failureOf(error: unknown): Failure {
  if (error instanceof StepFailure) return error.failure;
  return { code: 'step.error', message: error instanceof Error ? error.message : String(error) };
}
