import { type DynamicModule, Module } from '@nestjs/common';
import { BatchProjector } from './batch-projector.js';
import { NexusProjection } from './nexus/nexus.projection.js';
import { NexusProjector } from './nexus/nexus-projector.js';
import { ProjectorMetrics } from './projector-metrics.js';
import { RunsProjection } from './runs/runs.projection.js';

/** The projections; what they need is made in main and given. */
@Module({})
export class ProjectorModule {
  static with(projector: BatchProjector, nexus: NexusProjector, metrics: ProjectorMetrics): DynamicModule {
    return {
      module: ProjectorModule,
      controllers: [RunsProjection, NexusProjection],
      providers: [
        { provide: BatchProjector, useValue: projector },
        { provide: NexusProjector, useValue: nexus },
        { provide: ProjectorMetrics, useValue: metrics },
      ],
    };
  }
}
