import { Controller, Get, Inject, Query } from '@nestjs/common';
import { PAGE_ITEMS_DEFAULT, RESEARCH_WINDOW_DAYS, type ResearchRunList, ResearchRunsQuery } from '@runspine/contracts';
import { type ResearchPosition, ResearchQueries } from '@runspine/projections';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import { Cursors } from '@runspine/service';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { parameterDocs } from '../reads/parameter-docs.js';
import { QueryPipe } from '../reads/query.pipe.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Where a page ends, and where the window of the first one began: paging does not move it. */
interface Position extends ResearchPosition {
  since: string;
}

/** What belonged together in Nexus. */
@Controller('nexus/runs')
export class ResearchController {
  constructor(
    @Inject(ResearchQueries) private readonly research: ResearchQueries,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get()
  @Requires('reader')
  @ApiDoc({
    tag: 'research',
    summary: 'Research runs: what was ingested, asked and made, by what belonged together; the last begun first',
    description:
      'Events of Nexus of one trace, else of one correlation (`X-Correlation-Id`), are a run: of the tenant, env and ' +
      'project. docs/events.md has what each event does to it.',
    query: parameterDocs(ResearchRunsQuery),
    answers: { 200: { description: 'A page of research runs.', schema: schemaRef('ResearchRunList') } },
    errors: ['cursor.invalid', 'store.unavailable'],
  })
  async list(
    @Caller() caller: Identity,
    @Query(new QueryPipe(ResearchRunsQuery)) query: ResearchRunsQuery,
  ): Promise<ResearchRunList> {
    const { limit = PAGE_ITEMS_DEFAULT, cursor, window_days = RESEARCH_WINDOW_DAYS.default, ...filters } = query;
    const list = { name: 'research', scope: caller, filters: { ...filters, window_days } };
    const after = this.cursors.position<Position>(list, cursor);
    const since = after?.since ?? new Date(Date.now() - window_days * DAY_MS).toISOString();
    const { items, next } = await this.research.list(caller, since, filters, { limit, after });
    return { items, next_cursor: this.cursors.next(list, next && { ...next, since }) };
  }
}
