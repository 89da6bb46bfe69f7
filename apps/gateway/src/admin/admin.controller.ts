import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { AuditQuery, DeadLettersQuery, type ErrorCode, invalidRequest, redriveFaults } from '@runspine/contracts';
import { Requires } from '@runspine/request-context/requires';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { passOn } from '../http/passed-service.js';
import { runIdPipe } from '../http/pipes.js';
import { parameterDocs } from '../reads/parameter-docs.js';
import { QueryPipe } from '../reads/query.pipe.js';
import { ProjectorClient } from './projector-client.js';

const ERRORS: readonly ErrorCode[] = ['projector.unavailable', 'store.unavailable'];
const JOB_ERRORS: readonly ErrorCode[] = ['admin.job_running', ...ERRORS];
const JOB_STARTED = {
  description: 'The job has begun; ask for it at /v1/admin/jobs.',
  schema: schemaRef('JobAccepted'),
};
const JOB_PARAM = { jobId: { description: 'Id of the job.' } };
const ONE_AT_A_TIME = 'One job of a kind runs at a time.';

/**
 * Audits, projections made anew, dead letters: what a projector does. Requests are passed on with their caller's
 * identity, which the projector checks again.
 */
@Controller('v1')
export class AdminController {
  constructor(@Inject(ProjectorClient) private readonly projector: ProjectorClient) {}

  @Get('runs/:runId/audit')
  @Requires('reader')
  @ApiDoc({
    tag: 'admin',
    summary: "Verify a run's journal",
    description:
      'Every row, its data, its place in the chain, its end, and the heads that were signed, in PostgreSQL and in the ' +
      'audit topic. Names each row that was changed, is missing or was inserted. An erased run verifies.',
    params: { runId: { description: 'Id of the run.', schema: schemaRef('RunId') } },
    answers: { 200: { description: 'What was found.', schema: schemaRef('AuditReport') } },
    errors: ['run.not_found', ...ERRORS],
  })
  auditRun(
    @Param('runId', runIdPipe) _runId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.pass(request, reply, 'GET');
  }

  @Get('admin/audit')
  @HttpCode(202)
  @Requires('admin')
  @ApiDoc({
    tag: 'admin',
    summary: "Begin to verify all journals of a tenant: its runs' and Nexus's",
    description: `${ONE_AT_A_TIME} The result of the job is an AuditReport.`,
    query: parameterDocs(AuditQuery),
    answers: { 202: JOB_STARTED },
    errors: JOB_ERRORS,
  })
  auditTenant(
    @Query(new QueryPipe(AuditQuery)) _query: AuditQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.pass(request, reply, 'GET');
  }

  @Post('admin/projections/verify')
  @HttpCode(202)
  @Requires('admin')
  @ApiDoc({
    tag: 'admin',
    summary: 'Begin to fold the journal again, and compare with the projections',
    description: `Of the own tenant, with the role system of all. Changes nothing; writes go on. ${ONE_AT_A_TIME}`,
    answers: { 202: JOB_STARTED },
    errors: JOB_ERRORS,
  })
  verify(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pass(request, reply, 'POST');
  }

  @Post('admin/projections/rebuild')
  @HttpCode(202)
  @Requires('admin')
  @ApiDoc({
    tag: 'admin',
    summary: 'Begin to fold the journal into the next version of the projections, which takes the place of this one',
    description:
      'Of all tenants, beside the live tables, and swapped in one transaction; services go on meanwhile. Differences ' +
      `of other tenants are counted and not named, unless with the role system. ${ONE_AT_A_TIME}`,
    answers: { 202: JOB_STARTED },
    errors: JOB_ERRORS,
  })
  rebuild(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pass(request, reply, 'POST');
  }

  @Get('admin/jobs')
  @Requires('admin')
  @ApiDoc({
    tag: 'admin',
    summary: "The tenant's latest jobs; with the role system all",
    answers: { 200: { description: 'At most 50, newest first.', schema: schemaRef('JobList') } },
    errors: ERRORS,
  })
  jobs(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pass(request, reply, 'GET');
  }

  @Get('admin/jobs/:jobId')
  @Requires('admin')
  @ApiDoc({
    tag: 'admin',
    summary: 'A job: how far it is, and what it came to',
    params: JOB_PARAM,
    answers: { 200: { description: 'The job.', schema: schemaRef('Job') } },
    errors: ['admin.job_not_found', ...ERRORS],
  })
  job(@Param('jobId') _jobId: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pass(request, reply, 'GET');
  }

  @Post('admin/jobs/:jobId/cancel')
  @HttpCode(200)
  @Requires('admin')
  @ApiDoc({
    tag: 'admin',
    summary: 'Cancel a job',
    description: 'It ends within seconds, with nothing half done. A job that ended stays as it is.',
    params: JOB_PARAM,
    answers: { 200: { description: 'The job.', schema: schemaRef('Job') } },
    errors: ['admin.job_not_found', ...ERRORS],
  })
  cancel(@Param('jobId') _jobId: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pass(request, reply, 'POST');
  }

  @Get('admin/dead-letters')
  @Requires('system')
  @ApiDoc({
    tag: 'admin',
    summary: 'Dead letters, by partition and offset',
    query: parameterDocs(DeadLettersQuery),
    answers: { 200: { description: 'A page of letters.', schema: schemaRef('DeadLetterList') } },
    errors: ['cursor.invalid', ...ERRORS],
  })
  deadLetters(
    @Query(new QueryPipe(DeadLettersQuery)) _query: DeadLettersQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.pass(request, reply, 'GET');
  }

  @Get('admin/dead-letters/:partition/:offset')
  @Requires('system')
  @ApiDoc({
    tag: 'admin',
    summary: 'A dead letter, with its record',
    params: { partition: { description: 'Of the dead letter topic.' }, offset: { description: 'In that partition.' } },
    answers: { 200: { description: 'The letter.', schema: schemaRef('DeadLetter') } },
    errors: ['dead_letter.not_found', ...ERRORS],
  })
  deadLetter(
    @Param('partition') _partition: string,
    @Param('offset') _offset: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.pass(request, reply, 'GET');
  }

  @Post('admin/dead-letters/redrive')
  @HttpCode(202)
  @Requires('system')
  @ApiDoc({
    tag: 'admin',
    summary: 'Begin to send dead letters to where they came from',
    description:
      'Raw, under their own ids: what was applied meanwhile is a repeat. The header rs_redrive says which job sent ' +
      `them. A letter that is \`cut\` is skipped, and ends the job with \`dead_letter.cut\` where \`letters\` names it. The ` +
      `result has {dry_run, matched, redriven, skipped, letters}. ${ONE_AT_A_TIME}`,
    body: { schema: schemaRef('RedriveRequest') },
    answers: { 202: JOB_STARTED },
    errors: ['request.malformed', 'request.unsupported_media_type', ...JOB_ERRORS],
  })
  async redrive(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const faults = redriveFaults(request.body);
    if (faults.length > 0) throw invalidRequest(faults.map(({ path, message }) => ({ path: path || '/', message })));
    await this.pass(request, reply, 'POST', JSON.stringify(request.body));
  }

  /** The address goes on as it stands: it was checked here, and is again there. */
  private async pass(
    request: FastifyRequest,
    reply: FastifyReply,
    method: 'GET' | 'POST',
    body?: string,
  ): Promise<void> {
    const passed = { method, path: request.url, ...(body === undefined ? {} : { body }) };
    const answer = await this.projector.ask(request, reply, passed);
    if (answer) passOn(reply, answer);
  }
}
