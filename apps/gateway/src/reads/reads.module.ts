import { Inject, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import {
  JournalQueries,
  OutcomeQueries,
  ReadStore,
  RunQueries,
  StateQueries,
  StepQueries,
  StreamHeads,
} from '@runspine/projections';
import { Cursors, Signer } from '@runspine/service';
import type { GatewaySettings } from '../config.js';
import { SETTINGS } from '../tokens.js';
import { CheckpointsController } from './checkpoints.controller.js';
import { EventReadsController } from './event-reads.controller.js';
import { RunReadsController } from './run-reads.controller.js';

const QUERIES = [RunQueries, StepQueries, JournalQueries, StateQueries, OutcomeQueries, StreamHeads];

const store: Provider = {
  provide: ReadStore,
  inject: [SETTINGS],
  useFactory: (settings: GatewaySettings) =>
    new ReadStore({
      databaseUrl: settings.databaseUrl,
      role: 'runspine_gateway',
      connectionsMax: settings.connectionsMax,
      applicationName: `runspine-gateway-reads-${settings.instance}`,
    }),
};
const queries: Provider[] = QUERIES.map((Query) => ({
  provide: Query,
  inject: [ReadStore],
  useFactory: (from: ReadStore) => new Query(from),
}));
const signer: Provider = {
  provide: Signer,
  inject: [SETTINGS],
  useFactory: (settings: GatewaySettings) => new Signer(settings.signingKey),
};
const cursors: Provider = { provide: Cursors, inject: [Signer], useFactory: (by: Signer) => new Cursors(by) };

/** Reads of runs, events and rejections, from PostgreSQL. */
@Module({
  controllers: [RunReadsController, EventReadsController, CheckpointsController],
  providers: [store, signer, cursors, ...queries],
  exports: [Signer, Cursors, ReadStore, ...QUERIES],
})
export class ReadsModule implements OnApplicationShutdown {
  constructor(@Inject(ReadStore) private readonly readStore: ReadStore) {}

  /** After the last request was answered. */
  onApplicationShutdown(): Promise<void> {
    return this.readStore.close();
  }
}
