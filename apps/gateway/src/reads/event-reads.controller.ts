import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import { CorrelationQuery, PAGE_ITEMS_DEFAULT, type RejectionList, RejectionsQuery } from '@runspine/contracts';
import {
  type CorrelationPosition,
  eventText,
  JournalQueries,
  OutcomeQueries,
  type RejectionPosition,
} from '@runspine/projections';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import { Cursors } from '@runspine/service';
import type { FastifyReply } from 'fastify';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { eventIdPipe } from '../http/pipes.js';
import { sendEvents, sendJson } from './json-page.js';
import { parameterDocs } from './parameter-docs.js';
import { QueryPipe } from './query.pipe.js';

/** Events beyond one run: by correlation, by id, and those that were refused. */
@Controller('v1')
export class EventReadsController {
  constructor(
    @Inject(JournalQueries) private readonly journal: JournalQueries,
    @Inject(OutcomeQueries) private readonly outcomes: OutcomeQueries,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get('events')
  @Requires('reader')
  @ApiDoc({
    tag: 'events',
    summary: 'Events of a correlation over all runs, in the order of their recording',
    query: parameterDocs(CorrelationQuery),
    answers: { 200: { description: 'A page of events.', schema: schemaRef('EventList') } },
    errors: ['cursor.invalid', 'store.unavailable'],
  })
  async ofCorrelation(
    @Caller() caller: Identity,
    @Query(new QueryPipe(CorrelationQuery)) query: CorrelationQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { limit = PAGE_ITEMS_DEFAULT, cursor, ...filters } = query;
    const list = { name: 'correlation', scope: caller, filters };
    const after = this.cursors.position<CorrelationPosition>(list, cursor);
    const { items, next } = await this.journal.ofCorrelation(caller, query.correlation_id, { limit, after });
    sendEvents(reply, items, this.cursors.next(list, next));
  }

  @Get('events/:eventId')
  @Requires('reader')
  @ApiDoc({
    tag: 'events',
    summary: 'What became of an event: applied, rejected or parked',
    description: 'Where a 202 points to. Until the outcome is recorded, and for ids that nobody sent, 404.',
    params: { eventId: { description: 'Id of the event as it was submitted.', schema: schemaRef('EventId') } },
    answers: { 200: { description: 'The outcome.', schema: schemaRef('EventOutcome') } },
    errors: ['event.not_recorded', 'store.unavailable'],
  })
  async find(
    @Caller() caller: Identity,
    @Param('eventId', eventIdPipe) id: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { outcome, entry } = await this.outcomes.find(caller, id);
    const event = entry ? eventText(entry, entry.data) : 'null';
    sendJson(reply, `${JSON.stringify(outcome).slice(0, -1)},"event":${event}}`);
  }

  @Get('rejections')
  @Requires('reader')
  @ApiDoc({
    tag: 'events',
    summary: 'Events that the state machine refused, newest first',
    query: parameterDocs(RejectionsQuery),
    answers: { 200: { description: 'A page of rejections.', schema: schemaRef('RejectionList') } },
    errors: ['cursor.invalid', 'store.unavailable'],
  })
  async rejections(
    @Caller() caller: Identity,
    @Query(new QueryPipe(RejectionsQuery)) query: RejectionsQuery,
  ): Promise<RejectionList> {
    const { limit = PAGE_ITEMS_DEFAULT, cursor, ...filters } = query;
    const list = { name: 'rejections', scope: caller, filters };
    const after = this.cursors.position<RejectionPosition>(list, cursor);
    const { items, next } = await this.outcomes.rejections(caller, filters, { limit, after });
    return { items, next_cursor: this.cursors.next(list, next) };
  }
}
