import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { TOPICS } from '@runspine/contracts';
import { type PartitionBatch, PartitionHandler } from '@runspine/kafka';
import { ProjectorMetrics } from '../projector-metrics.js';
import { NexusProjector } from './nexus-projector.js';

/** Consumes the nexus topic, a batch of a partition at a time. */
@Controller()
export class NexusProjection {
  constructor(
    private readonly projector: NexusProjector,
    private readonly metrics: ProjectorMetrics,
  ) {}

  @PartitionHandler(TOPICS.nexus.name)
  async nexus(@Payload() batch: PartitionBatch): Promise<void> {
    const done = this.metrics.batchBegins(batch.records.length);
    await this.projector.apply(batch);
    done();
  }
}
