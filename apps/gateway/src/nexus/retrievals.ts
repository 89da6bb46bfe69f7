import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  ANSWER_HEADERS,
  definitionOf,
  jsonBytes,
  newEventId,
  type NexusEvent,
  type NexusEventData,
  nexusEvent,
  type SpaceRef,
  SYSTEM_TENANT,
} from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Metrics } from '@runspine/service';
import type { WriteHeaders } from '../http/write-headers.js';
import { submitted } from '../runs/command-event.js';
import { EventSender } from '../runs/event-sender.js';
import type { NexusResponse } from './nexus-client.js';
import { NexusSender } from './nexus-sender.js';
import type { QueryBody } from './query-body.js';

/** Reports that may wait or be on their way to Kafka at once; more are dropped, and counted. */
const REPORTS_MAX = 1000;
/** Nobody waits for a report, so that they leave together: a send for each would cost as much as passing a query on. */
const REPORTS_TOGETHER_MS = 200;
const REPORTS_TOGETHER_MAX = 100;
/** A filter over this size is left out of the record of a retrieval. */
const FILTER_BYTES_MAX = 32 * 1024;

/** A query as it was answered. */
export interface AnsweredQuery {
  readonly caller: Identity;
  readonly spaceId: string;
  readonly body: QueryBody;
  readonly headers: WriteHeaders;
  readonly answer: NexusResponse;
}

/** What is recorded of queries: what a step retrieved, and that a space was asked. */
@Injectable()
export class Retrievals implements OnApplicationShutdown {
  private reporting = 0;
  private waiting: NexusEvent[] = [];
  private leaving: NodeJS.Timeout | undefined;
  private readonly dropped;

  constructor(
    @Inject(EventSender) private readonly runs: EventSender,
    @Inject(NexusSender) private readonly nexus: NexusSender,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.dropped = metrics.counter({
      name: 'runspine_gateway_unreported_searches_total',
      help: 'Queries that were answered and not reported as nexus.searched.',
    });
  }

  /**
   * Submits `step.retrieved` for a query of a step; Kafka has it once this resolves. Whether the step accepts it stands
   * under `GET /v1/events/{id}`.
   * @returns the id of the event
   * @throws ServiceError as writes do: a retrieval that is not recorded is not answered.
   */
  async record({ caller, spaceId, body, headers, answer }: AnsweredQuery): Promise<string> {
    const { hits, snapshot } = JSON.parse(answer.body.toString('utf8')) as {
      hits: { id: string; score: number; document_id: string; source_scope: string }[];
      snapshot: string;
    };
    const data = {
      run_id: body.run_id,
      step_id: body.step_id,
      space: spaceId,
      query: askedOf(body),
      hits: hits.map(({ id, score, document_id, source_scope }) => ({ id, score, document_id, source_scope })),
      snapshot,
    };
    const nowMs = Date.now();
    const { idempotencyKey: _key, expectedVersion: _version, ...rest } = headers;
    const event = submitted(caller, definitionOf('step.retrieved')!, data, {
      id: newEventId(nowMs),
      time: undefined,
      headers: { ...rest, idempotencyKey: undefined, expectedVersion: undefined },
      nowMs,
    });
    await this.runs.send(this.runs.recordsOf([event]), event);
    return event.id;
  }

  /** Reports `nexus.searched`, and waits for nothing. */
  report({ caller, spaceId, body, headers, answer }: AnsweredQuery): void {
    if (this.reporting >= REPORTS_MAX) return void this.dropped.inc();
    const envelope = {
      id: newEventId(),
      source: '/gateway',
      time: new Date().toISOString(),
      tenantid: caller.tenantId,
      env: caller.env,
      projectid: caller.projectId,
      surfaceid: caller.surfaceId,
      ...(headers.correlationId === undefined ? {} : { correlationid: headers.correlationId }),
      ...(headers.traceparent === undefined ? {} : { traceparent: headers.traceparent }),
    };
    this.reporting += 1;
    this.waiting.push(nexusEvent('nexus.searched', envelope, searchedOf(caller, spaceId, body, answer)));
    if (this.waiting.length >= REPORTS_TOGETHER_MAX) this.sendReports();
    else this.leaving ??= setTimeout(() => this.sendReports(), REPORTS_TOGETHER_MS);
  }

  /** After the last query was answered, and before the producer is closed. */
  onApplicationShutdown(): void {
    this.sendReports();
  }

  private sendReports(): void {
    clearTimeout(this.leaving);
    this.leaving = undefined;
    for (const event of this.waiting.splice(0)) {
      this.nexus
        .send(event)
        .catch(() => this.dropped.inc())
        .finally(() => (this.reporting -= 1));
    }
  }
}

/**
 * What was asked: all that decides the hits, so that it can be asked again of the same snapshot. A vector is kept as
 * 32-bit floats, little-endian, in base64; a part that is too large is named in `left_out`.
 */
function askedOf(body: QueryBody): Record<string, unknown> {
  const { query, mode, top_k, include_global, caps, fusion, rerank, depth, cursor, as_of, filter, vector } = body;
  const leftOut = filter !== undefined && jsonBytes(filter) > FILTER_BYTES_MAX ? ['filter'] : [];
  return {
    ...{ query, mode, top_k, include_global, caps, fusion, rerank, depth, cursor, as_of },
    ...(vector === undefined ? {} : { vector_f32: floatsText(vector as number[]) }),
    ...(filter === undefined || leftOut.length > 0 ? {} : { filter }),
    ...(leftOut.length > 0 ? { left_out: leftOut } : {}),
  };
}

function floatsText(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes.toString('base64');
}

/** Nexus has checked the query that it answered, so that its fields are what they should be. */
function searchedOf(
  caller: Identity,
  spaceId: string,
  body: QueryBody,
  { headers }: NexusResponse,
): NexusEventData<'nexus.searched'> {
  const space: SpaceRef = {
    scope: caller.tenantId === SYSTEM_TENANT ? 'global' : 'tenant',
    project: caller.projectId,
    surface: caller.surfaceId,
    space_id: spaceId,
  };
  const hits = Number(headers[ANSWER_HEADERS.hits] ?? Number.NaN);
  const tookMs = Number(headers[ANSWER_HEADERS.tookMs] ?? Number.NaN);
  const { mode, top_k, include_global, run_id, step_id } = body;
  return JSON.parse(
    JSON.stringify({
      space,
      mode,
      top_k,
      include_global,
      run_id,
      step_id,
      ...(Number.isInteger(hits) ? { hits } : {}),
      ...(Number.isFinite(tookMs) ? { took_ms: tookMs } : {}),
    }),
  ) as NexusEventData<'nexus.searched'>;
}
