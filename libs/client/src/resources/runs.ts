import { readStream, type StreamedEvent, type StreamOptions } from '../http/event-stream.js';
import { Pages } from '../http/pages.js';
import { badAnswer, type CallOptions, type Transport, type WriteOptions } from '../http/transport.js';
import type { BodyOf, EventInput, EventType } from './event-data.js';
import type { BatchResult, RecordedEvent, Run, RunState, RunStatus } from './run-types.js';
import { objectOf, Writes } from './writes.js';

/** Filters of a list of runs; newest first. */
export interface RunFilter {
  status?: RunStatus;
  stage?: string;
  kind?: string;
  room?: string;
  /** A tag: `key`, or `key:value`. */
  tag?: string;
  /** The run that began them. */
  parent?: string;
  project?: string;
  surface?: string;
  /** Created at or after: RFC 3339. */
  since?: string;
  /** Created before: RFC 3339. */
  until?: string;
  /** Open runs without a sign of life for their `stale_after_s`. */
  stalled?: boolean;
  /** Items of a page, 1-200. @default 50 */
  limit?: number;
}

/** Filters of a run's events; in order. */
export interface EventFilter {
  step?: string;
  type?: EventType;
  /** Only events after this run sequence. */
  after?: number;
  /** Items of a page, 1-200. @default 50 */
  limit?: number;
}

/** How a batch is sent. */
export interface BatchOptions extends WriteOptions {
  /** Resolve as soon as Kafka has the events; outcomes are `pending`. @default false */
  readonly async?: boolean;
  /** Seconds to wait for outcomes, at most 60; what is not known then is `pending`. @default the gateway's, 10 */
  readonly waitS?: number;
}

/**
 * Runs: each write resolves with the run once its event is applied, and throws a RunspineError with the code that
 * refused it, such as `run.invalid_transition`.
 */
export class Runs {
  private readonly writes: Writes;

  constructor(private readonly transport: Transport) {
    this.writes = new Writes(transport);
  }

  /** Creates a run. A caller may bring its own `run_id`; the gateway makes one otherwise. */
  create(
    body: BodyOf<'run.created'> & { run_id?: string; correlation_id?: string } = {},
    options: WriteOptions = {},
  ): Promise<Run> {
    return this.writes.post('/v1/runs', body, options, ({ run_id }) => this.get(run_id, options));
  }

  start(runId: string, body: BodyOf<'run.started'> = {}, options: WriteOptions = {}): Promise<Run> {
    return this.write(runId, 'start', body, options);
  }

  complete(runId: string, body: BodyOf<'run.completed'> = {}, options: WriteOptions = {}): Promise<Run> {
    return this.write(runId, 'complete', body, options);
  }

  fail(runId: string, body: BodyOf<'run.failed'>, options: WriteOptions = {}): Promise<Run> {
    return this.write(runId, 'fail', body, options);
  }

  cancel(runId: string, body: BodyOf<'run.cancelled'> = {}, options: WriteOptions = {}): Promise<Run> {
    return this.write(runId, 'cancel', body, options);
  }

  /** A sign of life. */
  heartbeat(runId: string, options: WriteOptions = {}): Promise<Run> {
    return this.write(runId, 'heartbeat', {}, options);
  }

  /** Adds tags, scores and metadata, in any state of the run; the last of a name wins. */
  annotate(runId: string, body: BodyOf<'run.annotated'>, options: WriteOptions = {}): Promise<Run> {
    return this.write(runId, 'annotate', body, options);
  }

  /** Takes the run's payloads away; the hashes of what was recorded stay. Role admin. */
  erase(runId: string, body: BodyOf<'run.erased'>, options: WriteOptions = {}): Promise<Run> {
    return this.write(runId, 'erase', body, options);
  }

  /** Submits up to 1,000 events of a run, in order. Each has its outcome; a refused one is no error. */
  async sendEvents(runId: string, events: readonly EventInput[], options: BatchOptions = {}): Promise<BatchResult[]> {
    const prefer = [
      ...(options.async ? ['respond-async'] : []),
      ...(options.waitS === undefined ? [] : [`wait=${options.waitS}`]),
    ];
    const answer = await this.transport.request('POST', `${pathOf(runId)}/events`, {
      ...options,
      body: { events },
      headers: prefer.length > 0 ? { prefer: prefer.join(', ') } : {},
    });
    const { results } = objectOf(answer.status, answer.body);
    if (!Array.isArray(results)) throw badAnswer(answer.status, 'has no results');
    return results as BatchResult[];
  }

  async get(runId: string, options: CallOptions = {}): Promise<Run> {
    const { status, body } = await this.transport.request('GET', pathOf(runId), options);
    return objectOf(status, body) as unknown as Run;
  }

  /** Runs, newest first. */
  list(filter: RunFilter = {}, options: CallOptions = {}): Pages<Run> {
    return new Pages(this.transport, '/v1/runs', { ...filter }, options);
  }

  /** The events of a run, in order. */
  events(runId: string, filter: EventFilter = {}, options: CallOptions = {}): Pages<RecordedEvent> {
    return new Pages(this.transport, `${pathOf(runId)}/events`, { ...filter }, options);
  }

  /** The run and its steps as of one of its events; the latest unless `at` says. */
  async state(runId: string, { at, ...options }: CallOptions & { at?: number } = {}): Promise<RunState> {
    const request = { ...options, query: { at } };
    const { status, body } = await this.transport.request('GET', `${pathOf(runId)}/state`, request);
    return objectOf(status, body) as unknown as RunState;
  }

  /**
   * A run's events as they are applied, until it ends. Without `after`: from now, which is the version that the run has
   * when this begins, so that nothing is lost in between.
   */
  async *stream(runId: string, options: StreamOptions = {}): AsyncGenerator<StreamedEvent, void, void> {
    if (options.signal?.aborted) return;
    const after = options.after ?? (await this.get(runId, options.signal ? { signal: options.signal } : {})).version;
    yield* readStream(this.transport, `${pathOf(runId)}/stream`, { ...options, after });
  }

  /** The latest completed run that executed a fingerprint. @throws RunspineError `checkpoint.not_found` */
  async checkpoint(fingerprint: string, { stage, ...options }: CallOptions & { stage?: string } = {}): Promise<Run> {
    const path = `/v1/checkpoints/${encodeURIComponent(fingerprint)}`;
    const { status, body } = await this.transport.request('GET', path, { ...options, query: { stage } });
    return objectOf(status, body) as unknown as Run;
  }

  private write(runId: string, verb: string, body: object, options: WriteOptions): Promise<Run> {
    return this.writes.post(`${pathOf(runId)}/${verb}`, body, options, () => this.get(runId, options));
  }
}

function pathOf(runId: string): string {
  return `/v1/runs/${encodeURIComponent(runId)}`;
}
