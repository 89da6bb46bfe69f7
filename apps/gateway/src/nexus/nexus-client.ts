import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from '@runspine/service';
import type { GatewaySettings } from '../config.js';
import { PassedService } from '../http/passed-service.js';
import { LOGGER, SETTINGS } from '../tokens.js';

export {
  passOn,
  type PassedRequest as NexusRequest,
  type PassedResponse as NexusResponse,
} from '../http/passed-service.js';

/** Passes requests on to the nexus service. */
@Injectable()
export class NexusClient extends PassedService implements OnApplicationShutdown {
  constructor(@Inject(SETTINGS) settings: GatewaySettings, @Inject(LOGGER) logger: Logger) {
    super({
      name: 'nexus',
      url: settings.nexusUrl,
      answerMs: settings.nexusAnswerMs,
      connectionsMax: settings.nexusConnectionsMax,
      requestsMax: settings.nexusRequestsMax,
      unavailable: 'nexus.unavailable',
      logger,
    });
  }

  /** After the last request was answered. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }
}
