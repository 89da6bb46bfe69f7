import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Param,
  type PipeTransform,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import {
  faultsOf,
  invalidRequest,
  isNameId,
  NAME_PATTERN,
  StreamQuery,
  type StreamTicket,
  StreamTicketRequest,
} from '@runspine/contracts';
import { StreamHeads, type StreamTarget } from '@runspine/projections';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Compile } from 'typebox/compile';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { runIdPipe } from '../http/pipes.js';
import { parameterDocs } from '../reads/parameter-docs.js';
import { QueryPipe } from '../reads/query.pipe.js';
import type { StreamSettings } from './settings.js';
import { SETTINGS } from '../tokens.js';
import { StreamHub } from './stream-hub.js';
import { positionOf, StreamAccess } from './stream-request.js';
import { Tickets } from './tickets.js';

const ticketRequest = Compile(StreamTicketRequest);

const roomIdPipe: PipeTransform<string, string> = {
  transform(value) {
    if (isNameId(value)) return value;
    throw invalidRequest([{ path: 'roomId', message: `must match ${NAME_PATTERN}` }]);
  },
};

const streamDoc = {
  tag: 'streams' as const,
  query: parameterDocs(StreamQuery),
  headers: { 'Last-Event-ID': { description: 'As `after`, which it overrules: readers that come back send it.' } },
  answers: {
    200: {
      description: 'Server-sent events: `id` is the sequence, `event` the type, `data` the event as JSON on one line.',
      content: { 'text/event-stream': schemaRef('Event') },
    },
  },
};
const ERRORS = ['auth.ticket_invalid', 'stream.position_invalid', 'stream.too_many', 'store.unavailable'] as const;

/** Events as they are applied, as server-sent events that resume without loss or repeat. */
@Controller('v1')
export class StreamsController {
  constructor(
    @Inject(StreamHub) private readonly hub: StreamHub,
    @Inject(StreamHeads) private readonly heads: StreamHeads,
    @Inject(StreamAccess) private readonly access: StreamAccess,
    @Inject(Tickets) private readonly tickets: Tickets,
    @Inject(SETTINGS) private readonly settings: StreamSettings,
  ) {}

  @Get('streams/rooms/:roomId')
  @ApiDoc({
    ...streamDoc,
    summary: 'Events of a room, live',
    description: 'From now, or after a room sequence. A room without events is an open, empty stream.',
    params: { roomId: { description: 'Id of the room.', schema: schemaRef('NameId') } },
    errors: ERRORS,
  })
  room(
    @Req() request: FastifyRequest,
    @Param('roomId', roomIdPipe) id: string,
    @Query(new QueryPipe(StreamQuery)) query: StreamQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.stream(request, { kind: 'room', id }, query, reply);
  }

  @Get('runs/:runId/stream')
  @ApiDoc({
    ...streamDoc,
    summary: 'Events of a run, live until it ends',
    description: 'From now, or after a run sequence.',
    params: { runId: { description: 'Id of the run.', schema: schemaRef('RunId') } },
    answers: {
      ...streamDoc.answers,
      204: { description: 'The run ended and nothing follows the position: do not come back.' },
    },
    errors: [...ERRORS, 'run.not_found'],
  })
  run(
    @Req() request: FastifyRequest,
    @Param('runId', runIdPipe) id: string,
    @Query(new QueryPipe(StreamQuery)) query: StreamQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.stream(request, { kind: 'run', id }, query, reply);
  }

  @Post('streams/tickets')
  @Requires('reader')
  @HttpCode(201)
  @ApiDoc({
    tag: 'streams',
    summary: 'A ticket that opens one stream for a minute',
    description: 'For EventSource, which cannot send headers: give it as `?ticket=`.',
    body: { schema: schemaRef('StreamTicketRequest') },
    answers: { 201: { description: 'The ticket.', schema: schemaRef('StreamTicket') } },
    errors: ['run.not_found', 'store.unavailable'],
  })
  async ticket(@Caller() caller: Identity, @Body() body: unknown): Promise<StreamTicket> {
    const { tenantId, env } = caller;
    const { room_id: roomId, run_id: runId } = checkedRequest(body);
    if (roomId !== undefined) return this.tickets.issue({ tenantId, env, kind: 'room', id: roomId });
    await this.heads.ofRun(caller, runId!);
    return this.tickets.issue({ tenantId, env, kind: 'run', id: runId! });
  }

  private async stream(
    request: FastifyRequest,
    target: Pick<StreamTarget, 'kind' | 'id'>,
    query: StreamQuery,
    reply: FastifyReply,
  ): Promise<void> {
    const scope = await this.access.scopeOf(request, query, target);
    const opened = await this.hub.open(scope, target.kind, target.id, positionOf(request, query));
    if (!opened) return void reply.code(204).send();
    if (request.method === 'HEAD') {
      opened.release();
      return void reply.header('content-type', 'text/event-stream; charset=utf-8').send();
    }
    const response = reply.hijack().raw;
    response.writeHead(200, { ...headersOf(reply), ...STREAM_HEADERS });
    response.write(`retry: ${this.settings.streamRetryMs}\n\n`);
    opened.into(response);
  }
}

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Tells nginx not to collect the stream.
  'x-accel-buffering': 'no',
};

/** What hooks set already: request id and CORS. */
function headersOf(reply: FastifyReply): Record<string, string | number | string[]> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined)) as Record<
    string,
    string | number | string[]
  >;
}

function checkedRequest(body: unknown): StreamTicketRequest {
  const value = body ?? {};
  if (ticketRequest.Check(value)) return value;
  const faults = faultsOf(ticketRequest, value).map(({ path, message }) => ({ path: path || '/', message }));
  throw invalidRequest(faults);
}
