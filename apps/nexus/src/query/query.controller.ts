import { Body, Controller, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { ANSWER_HEADERS, invalidRequest, isNameId, NAME_PATTERN, type NexusAnswer } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import type { FastifyReply } from 'fastify';
import { whileCallerWaits } from '../http/gone.js';
import { QueryEngine } from './query-engine.js';

/** Questions to spaces, as the gateway passes them on. */
@Controller('nexus/spaces/:spaceId/query')
export class QueryController {
  constructor(@Inject(QueryEngine) private readonly engine: QueryEngine) {}

  @Post()
  @HttpCode(200)
  @Requires('reader')
  async query(
    @Caller() caller: Identity,
    @Param('spaceId') spaceId: string,
    @Body() body: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkSpaceId(spaceId);
    const answer = await whileCallerWaits(reply, (signal) => this.engine.query(caller, spaceId, body, signal));
    send(reply, answer);
  }

  @Post('explain')
  @HttpCode(200)
  @Requires('reader')
  async explain(
    @Caller() caller: Identity,
    @Param('spaceId') spaceId: string,
    @Body() body: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkSpaceId(spaceId);
    const answer = await whileCallerWaits(reply, (signal) => this.engine.explain(caller, spaceId, body, signal));
    send(reply, answer);
  }
}

/** @throws ServiceError `request.invalid` */
export function checkSpaceId(spaceId: string): void {
  if (!isNameId(spaceId)) throw invalidRequest([{ path: 'spaceId', message: `must match ${NAME_PATTERN}` }]);
}

/** As text: what the gateway has to know stands in headers, so that it need not read the body. */
function send(reply: FastifyReply, answer: Pick<NexusAnswer, 'searched'> & { hits: readonly unknown[] }): void {
  reply
    .header('content-type', 'application/json; charset=utf-8')
    .header(ANSWER_HEADERS.hits, String(answer.hits.length))
    .header(ANSWER_HEADERS.tookMs, String(answer.searched.took_ms))
    .header(ANSWER_HEADERS.mode, answer.searched.mode)
    .send(JSON.stringify(answer));
}
