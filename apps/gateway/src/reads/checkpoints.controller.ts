import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { CheckpointQuery, type RunResource } from '@runspine/contracts';
import { RunQueries } from '@runspine/projections';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { FINGERPRINT_PATTERN, fingerprintPipe } from './fingerprint.pipe.js';
import { parameterDocs } from './parameter-docs.js';
import { QueryPipe } from './query.pipe.js';

/** Runs whose work need not be done again. */
@Controller('v1/checkpoints')
export class CheckpointsController {
  constructor(@Inject(RunQueries) private readonly runs: RunQueries) {}

  @Get(':fingerprint')
  @Requires('reader')
  @ApiDoc({
    tag: 'runs',
    summary: 'The latest completed run that executed what a fingerprint stands for',
    params: {
      fingerprint: {
        description: '`sha256:` and 64 hexadecimal digits: input_fingerprint of the run.',
        schema: { type: 'string', pattern: FINGERPRINT_PATTERN },
      },
    },
    query: parameterDocs(CheckpointQuery),
    answers: { 200: { description: 'The run.', schema: schemaRef('Run') } },
    errors: ['checkpoint.not_found', 'store.unavailable'],
  })
  find(
    @Caller() caller: Identity,
    @Param('fingerprint', fingerprintPipe) value: string,
    @Query(new QueryPipe(CheckpointQuery)) query: CheckpointQuery,
  ): Promise<RunResource> {
    return this.runs.checkpoint(caller, value, query.stage);
  }
}
