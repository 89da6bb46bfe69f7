import { Pages } from '../http/pages.js';
import type { CallOptions, Transport, WriteOptions } from '../http/transport.js';
import { RunspineError } from '../errors.js';
import type { BodyOf } from './event-data.js';
import type { Step } from './run-types.js';
import { Writes } from './writes.js';

/** Steps of a run: each write resolves with the step once its event is applied. */
export class Steps {
  private readonly writes: Writes;

  constructor(private readonly transport: Transport) {
    this.writes = new Writes(transport);
  }

  create(
    runId: string,
    body: BodyOf<'step.created'> & { step_id?: string },
    options: WriteOptions = {},
  ): Promise<Step> {
    return this.writes.post(pathOf(runId), body, options, ({ step_id }) => this.find(runId, step_id ?? '', options));
  }

  start(runId: string, stepId: string, body: BodyOf<'step.started'> = {}, options: WriteOptions = {}): Promise<Step> {
    return this.write(runId, stepId, 'start', body, options);
  }

  complete(
    runId: string,
    stepId: string,
    body: BodyOf<'step.completed'> = {},
    options: WriteOptions = {},
  ): Promise<Step> {
    return this.write(runId, stepId, 'complete', body, options);
  }

  fail(runId: string, stepId: string, body: BodyOf<'step.failed'>, options: WriteOptions = {}): Promise<Step> {
    return this.write(runId, stepId, 'fail', body, options);
  }

  skip(runId: string, stepId: string, body: BodyOf<'step.skipped'> = {}, options: WriteOptions = {}): Promise<Step> {
    return this.write(runId, stepId, 'skip', body, options);
  }

  /** The steps of a run, in order of creation. */
  list(runId: string, { limit, ...options }: CallOptions & { limit?: number } = {}): Pages<Step> {
    return new Pages(this.transport, pathOf(runId), { limit }, options);
  }

  private write(runId: string, stepId: string, verb: string, body: object, options: WriteOptions): Promise<Step> {
    const path = `${pathOf(runId)}/${encodeURIComponent(stepId)}/${verb}`;
    return this.writes.post(path, body, options, () => this.find(runId, stepId, options));
  }

  private async find(runId: string, stepId: string, { signal }: CallOptions): Promise<Step> {
    for await (const step of this.list(runId, { limit: 200, ...(signal ? { signal } : {}) })) {
      if (step.step_id === stepId) return step;
    }
    throw new RunspineError('step.not_found', 'The run has no such step.', { status: 404, retryable: false });
  }
}

function pathOf(runId: string): string {
  return `/v1/runs/${encodeURIComponent(runId)}/steps`;
}
