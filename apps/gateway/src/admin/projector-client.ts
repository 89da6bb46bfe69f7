import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from '@runspine/service';
import type { GatewaySettings } from '../config.js';
import { PassedService } from '../http/passed-service.js';
import { LOGGER, SETTINGS } from '../tokens.js';

/** Administration is rare: few connections, and a bound that says so. */
const CONNECTIONS_MAX = 8;
const REQUESTS_MAX = 64;

/** Passes requests of administration on to a projector. */
@Injectable()
export class ProjectorClient extends PassedService implements OnApplicationShutdown {
  constructor(@Inject(SETTINGS) settings: GatewaySettings, @Inject(LOGGER) logger: Logger) {
    super({
      name: 'the projector',
      url: settings.projectorUrl,
      answerMs: settings.projectorAnswerMs,
      connectionsMax: CONNECTIONS_MAX,
      requestsMax: REQUESTS_MAX,
      unavailable: 'projector.unavailable',
      logger,
    });
  }

  /** After the last request was answered. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }
}
