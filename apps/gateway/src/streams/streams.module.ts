import { type BeforeApplicationShutdown, Inject, Module, type Provider } from '@nestjs/common';
import { JournalQueries, StreamHeads } from '@runspine/projections';
import type { Authenticator } from '@runspine/request-context';
import { AUTHENTICATOR } from '@runspine/request-context/requires';
import { type Logger, Metrics, Signer } from '@runspine/service';
import { FeedReader } from '../outcomes/feed-reader.js';
import { ReadsModule } from '../reads/reads.module.js';
import { LOGGER, SETTINGS } from '../tokens.js';
import type { StreamSettings } from './settings.js';
import { StreamHub } from './stream-hub.js';
import { StreamMetrics } from './stream-metrics.js';
import { StreamAccess } from './stream-request.js';
import { StreamsController } from './streams.controller.js';
import { Tickets } from './tickets.js';

const PROVIDERS: Provider[] = [
  {
    provide: StreamHub,
    inject: [FeedReader, JournalQueries, StreamHeads, SETTINGS, Metrics, LOGGER],
    useFactory: (
      feed: FeedReader,
      journal: JournalQueries,
      heads: StreamHeads,
      settings: StreamSettings,
      metrics: Metrics,
      logger: Logger,
    ) => new StreamHub({ feed, journal, heads, settings, metrics: new StreamMetrics(metrics), logger }),
  },
  { provide: Tickets, inject: [Signer], useFactory: (signer: Signer) => new Tickets(signer) },
  {
    provide: StreamAccess,
    inject: [AUTHENTICATOR, Tickets],
    useFactory: (authenticator: Authenticator, tickets: Tickets) => new StreamAccess(authenticator, tickets),
  },
];

/** Live streams of rooms and runs. */
@Module({ imports: [ReadsModule], controllers: [StreamsController], providers: PROVIDERS })
export class StreamsModule implements BeforeApplicationShutdown {
  constructor(@Inject(StreamHub) private readonly hub: StreamHub) {}

  /** Before the server closes: it waits for its connections, and streams never end by themselves. */
  beforeApplicationShutdown(): void {
    this.hub.close();
  }
}
