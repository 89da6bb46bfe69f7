import { Module } from '@nestjs/common';
import { ReadStore, ResearchQueries, TaskQueries } from '@runspine/projections';
import { ReadsModule } from '../reads/reads.module.js';
import { RunsModule } from '../runs/runs.module.js';
import { IngestCommands } from './ingest-commands.js';
import { IngestController } from './ingest.controller.js';
import { NexusClient } from './nexus-client.js';
import { NexusSender } from './nexus-sender.js';
import { QueryController } from './query.controller.js';
import { ResearchController } from './research.controller.js';
import { Retrievals } from './retrievals.js';
import { StoresModule } from './stores.module.js';
import { TaskReads } from './task-reads.js';

/** Nexus as callers see it: ingest and tasks through Kafka and PostgreSQL, questions through the nexus service. */
@Module({
  imports: [ReadsModule, RunsModule, StoresModule],
  controllers: [IngestController, QueryController, ResearchController],
  providers: [
    IngestCommands,
    NexusClient,
    NexusSender,
    Retrievals,
    TaskReads,
    { provide: TaskQueries, inject: [ReadStore], useFactory: (store: ReadStore) => new TaskQueries(store) },
    { provide: ResearchQueries, inject: [ReadStore], useFactory: (store: ReadStore) => new ResearchQueries(store) },
  ],
})
export class NexusModule {}
