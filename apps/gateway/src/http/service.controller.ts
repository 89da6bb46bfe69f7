import { Controller, Get, Inject, Res } from '@nestjs/common';
import { Health, Metrics } from '@runspine/service';
import type { FastifyReply } from 'fastify';
import { ApiDoc } from './api-doc.js';

/** Whether the process lives and can do its work, and what it measures. */
@Controller()
export class ServiceController {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  @ApiDoc({
    tag: 'service',
    summary: 'Whether the process lives',
    answers: { 200: { description: 'It does.', schema: { type: 'object' } } },
  })
  live(): { status: 'ok' } {
    return this.health.live();
  }

  @Get('health/ready')
  @ApiDoc({
    tag: 'service',
    summary: 'Whether the gateway can do its work, part by part',
    answers: {
      200: { description: 'It can.', schema: { type: 'object' } },
      503: { description: 'A part is away, or the gateway drains; `checks` says which.', schema: { type: 'object' } },
    },
  })
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const readiness = await this.health.ready();
    reply.code(readiness.status === 'ok' ? 200 : 503).header('cache-control', 'no-store');
    reply.send(readiness);
  }

  @Get('metrics')
  @ApiDoc({
    tag: 'service',
    summary: 'Metrics of the process, for Prometheus',
    answers: { 200: { description: 'Text exposition format.', content: { 'text/plain': { type: 'string' } } } },
  })
  async text(@Res() reply: FastifyReply): Promise<void> {
    reply.header('content-type', this.metrics.contentType).send(await this.metrics.text());
  }
}
