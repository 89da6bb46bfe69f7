import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Health } from '../health.js';
import { Metrics } from '../metrics.js';

/**
 * Whether the process lives and can do its work, and what it measures: `GET /health/live`, `/health/ready` (503 when
 * unready) and `/metrics`. Whoever has it provides `Health` and `Metrics`.
 */
@Controller()
export class ServiceController {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  live(): { status: 'ok' } {
    return this.health.live();
  }

  @Get('health/ready')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const readiness = await this.health.ready();
    reply.code(readiness.status === 'ok' ? 200 : 503).header('cache-control', 'no-store');
    reply.send(readiness);
  }

  @Get('metrics')
  async text(@Res() reply: FastifyReply): Promise<void> {
    reply.header('content-type', this.metrics.contentType).send(await this.metrics.text());
  }
}
