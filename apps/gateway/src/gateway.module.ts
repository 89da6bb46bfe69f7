import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ServiceController } from '@runspine/service/http';
import { AdminModule } from './admin/admin.module.js';
import { type CoreParts, CoreModule } from './core.module.js';
import { ErrorFilter } from './http/error.filter.js';
import { RouteTable } from './http/route-table.js';
import { documentServiceRoutes } from './http/service-docs.js';
import { NexusModule } from './nexus/nexus.module.js';
import { ReadsModule } from './reads/reads.module.js';
import { RunsModule } from './runs/runs.module.js';
import { StreamsModule } from './streams/streams.module.js';

// Once a process: documentation adds to what is there.
documentServiceRoutes();

/** The HTTP API, over the parts that the process holds open. */
@Module({})
export class GatewayModule {
  static of(parts: CoreParts, routes: RouteTable): DynamicModule {
    return {
      module: GatewayModule,
      imports: [CoreModule.of(parts), RunsModule, ReadsModule, StreamsModule, NexusModule, AdminModule],
      controllers: [ServiceController],
      providers: [
        { provide: RouteTable, useValue: routes },
        { provide: APP_FILTER, useClass: ErrorFilter },
      ],
    };
  }
}
