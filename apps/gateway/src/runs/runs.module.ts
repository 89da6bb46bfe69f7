import { Module } from '@nestjs/common';
import { Metrics } from '@runspine/service';
import type { GatewaySettings } from '../config.js';
import { FeedReader } from '../outcomes/feed-reader.js';
import { NoticeReader } from '../outcomes/notice-reader.js';
import { StoredOutcomes } from '../outcomes/stored-outcomes.js';
import { Waits } from '../outcomes/waits.js';
import { ReadsModule } from '../reads/reads.module.js';
import { SETTINGS } from '../tokens.js';
import { EventBatches } from './event-batches.js';
import { EventBatchesController } from './event-batches.controller.js';
import { EventSender } from './event-sender.js';
import { KnownRuns } from './known-runs.js';
import { RunCommands } from './run-commands.js';
import { RunWritesController } from './run-writes.controller.js';
import { StepWritesController } from './step-writes.controller.js';

/** The write side: commands become events, and their outcomes answers. */
@Module({
  imports: [ReadsModule],
  controllers: [RunWritesController, StepWritesController, EventBatchesController],
  providers: [
    RunCommands,
    EventBatches,
    EventSender,
    KnownRuns,
    StoredOutcomes,
    {
      provide: Waits,
      inject: [FeedReader, NoticeReader, StoredOutcomes, Metrics, SETTINGS],
      useFactory: (
        feed: FeedReader,
        notices: NoticeReader,
        stored: StoredOutcomes,
        metrics: Metrics,
        settings: GatewaySettings,
      ) =>
        new Waits({
          feed,
          notices,
          outcomesOf: (tenantId, eventIds) => stored.outcomesOf(tenantId, eventIds),
          metrics,
          waitsMax: settings.waitsMax,
          outcomeReadMs: settings.outcomeReadMs,
        }),
    },
  ],
  exports: [EventSender],
})
export class RunsModule {}
