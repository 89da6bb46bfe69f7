import { Controller, Get, Headers, Inject, Param, Query, Res } from '@nestjs/common';
import {
  invalidRequest,
  PAGE_ITEMS_DEFAULT,
  RunEventsQuery,
  type RunList,
  RunsQuery,
  RunStateQuery,
  type RunStateResource,
  type StepList,
  StepsQuery,
} from '@runspine/contracts';
import { JournalQueries, RunQueries, type RunPosition, StateQueries, StepQueries } from '@runspine/projections';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import { isFinished } from '@runspine/run-model';
import { Cursors } from '@runspine/service';
import type { FastifyReply } from 'fastify';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { runIdPipe } from '../http/pipes.js';
import { prefersNdjson } from './accept.js';
import { etagMatches } from './etag.js';
import { sendEvents, sendNdjson, varyBy } from './json-page.js';
import { parameterDocs } from './parameter-docs.js';
import { QueryPipe } from './query.pipe.js';

const runId = { runId: { description: 'Id of the run.', schema: schemaRef('RunId') } };

/** Runs as they are, how they became so, and as they were. */
@Controller('v1/runs')
export class RunReadsController {
  constructor(
    @Inject(RunQueries) private readonly runs: RunQueries,
    @Inject(StepQueries) private readonly steps: StepQueries,
    @Inject(JournalQueries) private readonly journal: JournalQueries,
    @Inject(StateQueries) private readonly states: StateQueries,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get()
  @Requires('reader')
  @ApiDoc({
    tag: 'runs',
    summary: 'Runs, newest first',
    query: parameterDocs(RunsQuery),
    answers: { 200: { description: 'A page of runs.', schema: schemaRef('RunList') } },
    errors: ['cursor.invalid', 'store.unavailable'],
  })
  async list(@Caller() caller: Identity, @Query(new QueryPipe(RunsQuery)) query: RunsQuery): Promise<RunList> {
    const { limit = PAGE_ITEMS_DEFAULT, cursor, ...filters } = query;
    const list = { name: 'runs', scope: caller, filters };
    const after = this.cursors.position<RunPosition>(list, cursor);
    const { items, next } = await this.runs.list(caller, filters, { limit, after });
    return { items, next_cursor: this.cursors.next(list, next) };
  }

  /**
   * 304 where If-None-Match has the version of a finished run. An open one is always sent: silence and heartbeats change
   * `stalled` and `last_seen_at`, and no version.
   */
  @Get(':runId')
  @Requires('reader')
  @ApiDoc({
    tag: 'runs',
    summary: 'A run as it is',
    params: runId,
    headers: {
      'If-None-Match': {
        description:
          'A version that is known: 304 where it is the current one of a finished run. An open run is always sent, since ' +
          '`stalled` and `last_seen_at` change within a version.',
      },
    },
    answers: {
      200: { description: 'The run.', schema: schemaRef('Run'), headers: { ETag: 'The version of the run.' } },
      304: { description: 'The run is finished, and its version the one that If-None-Match names.' },
    },
    errors: ['run.not_found', 'store.unavailable'],
  })
  async find(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) id: string,
    @Headers('if-none-match') known: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const run = await this.runs.find(caller, id);
    const etag = `"${run.version}"`;
    reply.header('etag', etag).header('cache-control', 'no-cache');
    if (isFinished(run) && etagMatches(known, etag)) return void reply.code(304).send();
    reply.send(run);
  }

  @Get(':runId/steps')
  @Requires('reader')
  @ApiDoc({
    tag: 'steps',
    summary: 'Steps of a run, in the order of their creation',
    params: runId,
    query: parameterDocs(StepsQuery),
    answers: { 200: { description: 'A page of steps.', schema: schemaRef('StepList') } },
    errors: ['run.not_found', 'cursor.invalid', 'store.unavailable'],
  })
  async listSteps(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) id: string,
    @Query(new QueryPipe(StepsQuery)) query: StepsQuery,
  ): Promise<StepList> {
    const list = { name: 'steps', scope: caller, filters: { run_id: id } };
    const after = this.cursors.position<number>(list, query.cursor);
    const { items, next } = await this.steps.list(caller, id, { limit: query.limit ?? PAGE_ITEMS_DEFAULT, after });
    return { items, next_cursor: this.cursors.next(list, next) };
  }

  @Get(':runId/events')
  @Requires('reader')
  @ApiDoc({
    tag: 'events',
    summary: 'Events of a run, in order',
    description: 'As JSON a page; with `Accept: application/x-ndjson` whole, an event a line.',
    params: runId,
    query: parameterDocs(RunEventsQuery),
    headers: {
      Accept: {
        description: 'application/json, or application/x-ndjson: NDJSON where it is named and no less preferred.',
      },
    },
    answers: {
      200: {
        description: 'Events.',
        schema: schemaRef('EventList'),
        content: { 'application/x-ndjson': schemaRef('Event') },
      },
    },
    errors: ['run.not_found', 'cursor.invalid', 'store.unavailable'],
  })
  async listEvents(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) id: string,
    @Query(new QueryPipe(RunEventsQuery)) query: RunEventsQuery,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { limit, cursor, after = 0, ...filters } = query;
    varyBy(reply, 'Accept');
    if (prefersNdjson(accept)) {
      if (cursor !== undefined) throw invalidRequest([{ path: 'cursor', message: 'is for JSON; NDJSON takes after' }]);
      return sendNdjson(reply, this.journal.chunksOfRun(caller, id, filters, { after, limit }));
    }
    const list = { name: 'events', scope: caller, filters: { ...filters, after, run_id: id } };
    const position = this.cursors.position<number>(list, cursor) ?? after;
    const page = { limit: limit ?? PAGE_ITEMS_DEFAULT, after: position };
    const { items, next } = await this.journal.ofRun(caller, id, filters, page);
    sendEvents(reply, items, this.cursors.next(list, next));
  }

  @Get(':runId/state')
  @Requires('reader')
  @ApiDoc({
    tag: 'runs',
    summary: 'A run and its steps as of one of its events',
    params: runId,
    query: parameterDocs(RunStateQuery),
    answers: { 200: { description: 'Run and steps.', schema: schemaRef('RunState') } },
    errors: ['run.not_found', 'store.unavailable'],
  })
  state(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) id: string,
    @Query(new QueryPipe(RunStateQuery)) query: RunStateQuery,
  ): Promise<RunStateResource> {
    return this.states.state(caller, id, query.at);
  }
}
