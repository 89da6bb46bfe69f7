import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { Authenticator } from '@runspine/request-context';
import { AUTHENTICATOR } from '@runspine/request-context/requires';
import { Cursors, Health, type Logger, Metrics } from '@runspine/service';
import { ServiceController } from '@runspine/service/http';
import { ErrorFilter } from './http/error.filter.js';
import { LOGGER } from './http/tokens.js';
import { QueryController } from './query/query.controller.js';
import { QueryEngine } from './query/query-engine.js';
import { SpaceStore } from './spaces/space-store.js';
import { SpacesController } from './spaces/spaces.controller.js';

/** What the HTTP side needs of the process. */
export interface NexusParts {
  readonly logger: Logger;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly authenticator: Authenticator;
  readonly store: SpaceStore;
  readonly engine: QueryEngine;
  readonly cursors: Cursors;
}

/** Queries and spaces over HTTP; what they need is made in nexus.ts and given. */
@Module({})
export class NexusModule {
  static with(parts: NexusParts): DynamicModule {
    return {
      module: NexusModule,
      controllers: [QueryController, SpacesController, ServiceController],
      providers: [
        { provide: LOGGER, useValue: parts.logger },
        { provide: AUTHENTICATOR, useValue: parts.authenticator },
        { provide: Health, useValue: parts.health },
        { provide: Metrics, useValue: parts.metrics },
        { provide: SpaceStore, useValue: parts.store },
        { provide: QueryEngine, useValue: parts.engine },
        { provide: Cursors, useValue: parts.cursors },
        { provide: APP_FILTER, useClass: ErrorFilter },
      ],
    };
  }
}
