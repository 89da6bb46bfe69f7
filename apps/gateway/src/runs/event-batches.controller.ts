import { Body, Controller, Inject, Param, Post, Res } from '@nestjs/common';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import type { FastifyReply } from 'fastify';
import { runIdPipe } from '../http/pipes.js';
import { Write, type WriteRequest } from '../http/write-headers.js';
import { EventBatches } from './event-batches.js';
import { BatchDoc } from './write-doc.js';

/** Many typed events at once, for SDKs. */
@Controller('v1/runs/:runId/events')
export class EventBatchesController {
  constructor(@Inject(EventBatches) private readonly batches: EventBatches) {}

  @Post()
  @Requires('writer')
  @BatchDoc()
  async submit(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body() body: unknown,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { results, complete, preferenceApplied } = await this.batches.submit(caller, runId, body, request);
    if (preferenceApplied !== undefined) reply.header('preference-applied', preferenceApplied);
    reply.code(complete ? 200 : 202).header('content-type', 'application/json; charset=utf-8');
    reply.send(JSON.stringify({ results }));
  }
}
