import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { TOPICS } from '@runspine/contracts';
import { type PartitionBatch, PartitionHandler } from '@runspine/kafka';
import { BatchProjector } from '../batch-projector.js';
import { ProjectorMetrics } from '../projector-metrics.js';

/** Consumes the runs topic, a batch of a partition at a time. */
@Controller()
export class RunsProjection {
  constructor(
    private readonly projector: BatchProjector,
    private readonly metrics: ProjectorMetrics,
  ) {}

  @PartitionHandler(TOPICS.runs.name)
  async runs(@Payload() batch: PartitionBatch): Promise<void> {
    const done = this.metrics.batchBegins(batch.records.length);
    await this.projector.apply(batch);
    done();
  }
}
