import { Body, Controller, Delete, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { type ErrorCode, type IngestRequest, ScopeQuery } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AnswerDoc, ApiDoc, type ParameterDoc, schemaRef } from '../http/api-doc.js';
import { Write, type WriteRequest } from '../http/write-headers.js';
import { sendJson } from '../reads/json-page.js';
import { parameterDocs } from '../reads/parameter-docs.js';
import { QueryPipe } from '../reads/query.pipe.js';
import { ingestBodyPipe } from './ingest-body.js';
import { type AcceptedTask, IngestCommands } from './ingest-commands.js';
import { documentIdPipe, spaceIdPipe, taskIdPipe } from './path-ids.js';
import { TaskReads } from './task-reads.js';

export const SPACE_ID_PARAM: ParameterDoc = { description: 'Space id.', schema: schemaRef('NameId') };
const WRITE_HEADERS: Record<string, ParameterDoc> = {
  'Idempotency-Key': { description: 'The same key with the same path and body gives the same task.' },
  'X-Correlation-Id': { description: 'What it belongs to; the task id when absent.' },
};
const ACCEPTED: AnswerDoc = {
  description: 'Kafka has it. Ask at Location how far it is, or query with `after_task`.',
  schema: schemaRef('TaskAccepted'),
  headers: { Location: '/nexus/tasks/{task_id}', 'Idempotency-Replayed': '`true`: the request came before.' },
};
const WRITE_ERRORS: readonly ErrorCode[] = [
  'nexus.global_write_forbidden',
  'idempotency.key_reused',
  'event_spine.unavailable',
  'event_spine.overloaded',
];

/** Documents into spaces and out of them, as tasks. */
@Controller('nexus')
export class IngestController {
  constructor(
    @Inject(IngestCommands) private readonly commands: IngestCommands,
    @Inject(TaskReads) private readonly tasks: TaskReads,
  ) {}

  @Post('spaces/:spaceId/ingest')
  @Requires('ingester')
  @ApiDoc({
    tag: 'nexus',
    summary: 'Put documents into a space',
    description:
      'A document of an id that is there is replaced whole. The first ingest makes the space. A body may have 16 MiB ' +
      'and 1,000 documents. What is wrong with the shape is answered here; what is wrong with single documents, such ' +
      'as a blob that is no text, stands in the task.',
    params: { spaceId: SPACE_ID_PARAM },
    headers: WRITE_HEADERS,
    body: { schema: schemaRef('IngestRequest') },
    answers: { 202: ACCEPTED },
    errors: [
      'request.malformed',
      'request.too_large',
      'request.unsupported_media_type',
      ...WRITE_ERRORS,
      'nexus.blob_not_found',
      'nexus_blob_store.missing_route',
      'nexus_blob_store.unavailable',
    ],
  })
  async ingest(
    @Caller() caller: Identity,
    @Param('spaceId', spaceIdPipe) spaceId: string,
    @Body(ingestBodyPipe) body: IngestRequest,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    sendAccepted(reply, await this.commands.ingest(caller, spaceId, body, request));
  }

  @Delete('spaces/:spaceId/documents/:documentId')
  @Requires('ingester')
  @ApiDoc({
    tag: 'nexus',
    summary: 'Remove a document from a space',
    description: 'As a task. A document that is not there is removed all the same.',
    params: { spaceId: SPACE_ID_PARAM, documentId: { description: 'Document id, percent-encoded.' } },
    query: parameterDocs(ScopeQuery),
    headers: WRITE_HEADERS,
    answers: { 202: ACCEPTED },
    errors: WRITE_ERRORS,
  })
  async remove(
    @Caller() caller: Identity,
    @Param('spaceId', spaceIdPipe) spaceId: string,
    @Param('documentId', documentIdPipe) documentId: string,
    @Query(new QueryPipe(ScopeQuery)) { scope }: ScopeQuery,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    sendAccepted(reply, await this.commands.remove(caller, spaceId, documentId, scope, request));
  }

  @Get('tasks/:taskId')
  @Requires('reader')
  @ApiDoc({
    tag: 'nexus',
    summary: 'How far a task is',
    params: { taskId: { description: 'Task id.', schema: schemaRef('TaskId') } },
    answers: { 200: { description: 'The task.', schema: schemaRef('Task') } },
    errors: ['nexus.task_not_found', 'store.unavailable'],
  })
  async task(
    @Caller() caller: Identity,
    @Param('taskId', taskIdPipe) taskId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const task = await this.tasks.find(caller, taskId, () => request.raw.socket.destroyed);
    sendJson(reply, JSON.stringify(task));
  }
}

function sendAccepted(reply: FastifyReply, { taskId, repeated }: AcceptedTask): void {
  if (repeated) reply.header('idempotency-replayed', 'true');
  reply.code(202).header('location', `/nexus/tasks/${taskId}`);
  sendJson(reply, JSON.stringify({ task_id: taskId }));
}
