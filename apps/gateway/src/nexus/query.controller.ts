import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { type ErrorCode, invalidRequest, ScopeQuery, SpacesQuery } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { readWriteHeaders } from '../http/write-headers.js';
import { parameterDocs } from '../reads/parameter-docs.js';
import { QueryPipe } from '../reads/query.pipe.js';
import { SPACE_ID_PARAM } from './ingest.controller.js';
import { NexusClient, passOn } from './nexus-client.js';
import { spaceIdPipe } from './path-ids.js';
import { type QueryBody, queryBodyPipe } from './query-body.js';
import { Retrievals } from './retrievals.js';
import { TaskReads } from './task-reads.js';

const QUERY_ERRORS: readonly ErrorCode[] = [
  'request.malformed',
  'request.too_large',
  'request.unsupported_media_type',
  'nexus.task_not_found',
  'nexus.task_failed',
  'nexus.task_pending',
  'nexus.dimension_mismatch',
  'nexus.cursor_invalid',
  'nexus.snapshot_invalid',
  'nexus.snapshot_expired',
  'nexus.embedding_mismatch',
  'nexus.embedder_unavailable',
  'nexus.reranker_unavailable',
  'nexus_store.missing_route',
  'nexus_store.unavailable',
  'nexus.unavailable',
  'event_spine.unavailable',
];

/** Questions to spaces. The nexus service answers; its answers are passed on as they are. */
@Controller('nexus')
export class QueryController {
  constructor(
    @Inject(NexusClient) private readonly nexus: NexusClient,
    @Inject(TaskReads) private readonly tasks: TaskReads,
    @Inject(Retrievals) private readonly retrievals: Retrievals,
  ) {}

  @Post('spaces/:spaceId/query')
  @HttpCode(200)
  @Requires('reader')
  @ApiDoc({
    tag: 'nexus',
    summary: 'Ask a space',
    description:
      "One ranking over the tenant's own space and, with include_global, the global one of its surface. With run_id " +
      'and step_id the retrieval is recorded as `step.retrieved`. With after_task it waits, at most 10 s, until that ' +
      'task is completed.',
    params: { spaceId: SPACE_ID_PARAM },
    headers: { 'X-Correlation-Id': { description: 'What the question belongs to: it counts for that research run.' } },
    body: { schema: schemaRef('NexusQuery') },
    answers: {
      200: {
        description: 'A page of hits; a space that does not exist has none.',
        schema: schemaRef('NexusAnswer'),
        headers: { 'X-Event-Id': 'Of a query with run_id and step_id: the id of its step.retrieved.' },
      },
    },
    errors: QUERY_ERRORS,
  })
  async query(
    @Caller() caller: Identity,
    @Param('spaceId', spaceIdPipe) spaceId: string,
    @Body(queryBodyPipe) body: QueryBody,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const headers = readWriteHeaders(request.headers);
    if (body.after_task !== undefined) await this.after(caller, body.after_task, request);
    const path = `/nexus/spaces/${spaceId}/query`;
    const answer = await this.nexus.ask(request, reply, { method: 'POST', path, body: JSON.stringify(body) });
    if (!answer) return;
    const answered = { caller, spaceId, body, headers, answer };
    if (answer.status === 200 && body.run_id !== undefined) {
      reply.header('x-event-id', await this.retrievals.record(answered));
    }
    passOn(reply, answer);
    if (answer.status === 200) this.retrievals.report(answered);
  }

  @Post('spaces/:spaceId/query/explain')
  @HttpCode(200)
  @Requires('reader')
  @ApiDoc({
    tag: 'nexus',
    summary: 'Ask a space, and be told how each hit came to its place',
    description: 'Takes a query; is not recorded, whatever run_id and step_id it has.',
    params: { spaceId: SPACE_ID_PARAM },
    body: { schema: schemaRef('NexusQuery') },
    answers: {
      200: { description: 'Hits with rank and score by modality and source.', schema: schemaRef('ExplainAnswer') },
    },
    errors: QUERY_ERRORS,
  })
  async explain(
    @Caller() caller: Identity,
    @Param('spaceId', spaceIdPipe) spaceId: string,
    @Body(queryBodyPipe) body: QueryBody,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (body.after_task !== undefined) await this.after(caller, body.after_task, request);
    const path = `/nexus/spaces/${spaceId}/query/explain`;
    const answer = await this.nexus.ask(request, reply, { method: 'POST', path, body: JSON.stringify(body) });
    if (answer) passOn(reply, answer);
  }

  @Post('query/explain')
  @HttpCode(200)
  @Requires('reader')
  @ApiDoc({
    tag: 'nexus',
    summary: 'Ask a space, and be told how each hit came to its place; the space is in the body',
    body: { schema: schemaRef('NexusExplainQuery') },
    answers: {
      200: { description: 'Hits with rank and score by modality and source.', schema: schemaRef('ExplainAnswer') },
    },
    errors: QUERY_ERRORS,
  })
  async explainSpace(
    @Caller() caller: Identity,
    @Body(queryBodyPipe) sent: QueryBody,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { space_id, ...body } = sent;
    if (typeof space_id !== 'string') throw invalidRequest([{ path: '/space_id', message: 'is required' }]);
    await this.explain(caller, spaceIdPipe.transform(space_id, { type: 'body' }), body, request, reply);
  }

  @Get('spaces')
  @Requires('reader')
  @ApiDoc({
    tag: 'nexus',
    summary: 'Spaces of the tenant in this env, project and surface, by name',
    query: parameterDocs(SpacesQuery),
    answers: { 200: { description: 'A page of spaces.', schema: schemaRef('SpaceList') } },
    errors: ['cursor.invalid', 'nexus_store.missing_route', 'nexus_store.unavailable', 'nexus.unavailable'],
  })
  async spaces(
    @Query(new QueryPipe(SpacesQuery)) _query: SpacesQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.read(request, reply, '/nexus/spaces');
  }

  @Get('spaces/:spaceId')
  @Requires('reader')
  @ApiDoc({
    tag: 'nexus',
    summary: 'A space: rows, documents, bytes, version, embedding',
    params: { spaceId: SPACE_ID_PARAM },
    query: parameterDocs(ScopeQuery),
    answers: { 200: { description: 'The space.', schema: schemaRef('Space') } },
    errors: ['nexus.space_not_found', 'nexus_store.missing_route', 'nexus_store.unavailable', 'nexus.unavailable'],
  })
  async space(
    @Param('spaceId', spaceIdPipe) spaceId: string,
    @Query(new QueryPipe(ScopeQuery)) _query: ScopeQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.read(request, reply, `/nexus/spaces/${spaceId}`);
  }

  /** Parameters that fit go on as they stand. */
  private async read(request: FastifyRequest, reply: FastifyReply, path: string): Promise<void> {
    const query = request.url.indexOf('?');
    const search = query < 0 ? '' : request.url.slice(query);
    const answer = await this.nexus.ask(request, reply, { method: 'GET', path: path + search });
    if (answer) passOn(reply, answer);
  }

  private after(caller: Identity, taskId: string, request: FastifyRequest): Promise<void> {
    return this.tasks.completed(caller, taskId, () => request.raw.socket.destroyed);
  }
}
