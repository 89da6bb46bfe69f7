import {
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { BlobStores } from '@runspine/blobs';
import { openPool } from '@runspine/projections';
import { RouteRecords, RouteTable, SECRET_PREFIX } from '@runspine/routing';
import { Health, type Logger, variablesWith } from '@runspine/service';
import type { GatewaySettings } from '../config.js';
import { LOGGER, SETTINGS } from '../tokens.js';
import { BlobsController } from './blobs.controller.js';
import { OwnersBlobs } from './owners-blobs.js';
import { PAYLOAD_BLOBS } from './payload-blobs.js';
import { RoutesController } from './routes.controller.js';

type Pool = ReturnType<typeof openPool>;
const ROUTES_POOL = Symbol('pool of routes');

const providers: Provider[] = [
  {
    provide: ROUTES_POOL,
    inject: [SETTINGS],
    useFactory: ({ databaseUrl, instance }: GatewaySettings) =>
      openPool({
        databaseUrl,
        role: 'runspine_gateway',
        connectionsMax: 2,
        applicationName: `runspine-gateway-routes-${instance}`,
      }),
  },
  {
    provide: RouteTable,
    inject: [ROUTES_POOL, SETTINGS, LOGGER],
    useFactory: (pool: Pool, settings: GatewaySettings, logger: Logger) =>
      new RouteTable({
        pool,
        refreshMs: settings.routesRefreshMs,
        policy: { fileRoots: settings.routeFileRoots },
        secrets: variablesWith(SECRET_PREFIX),
        onFault: (err) => logger.warn({ err }, 'routes could not be read; those last known stay in force'),
      }),
  },
  {
    provide: RouteRecords,
    inject: [ROUTES_POOL, SETTINGS],
    useFactory: (pool: Pool, { routeFileRoots, routeCloudRoots, routeEndpoints }: GatewaySettings) =>
      new RouteRecords(pool, { fileRoots: routeFileRoots, cloudRoots: routeCloudRoots, endpoints: routeEndpoints }),
  },
  { provide: BlobStores, useFactory: () => new BlobStores() },
  OwnersBlobs,
  { provide: PAYLOAD_BLOBS, useExisting: OwnersBlobs },
];

/** Begins to read routes with the gateway, and lets go of what is open with it. */
@Injectable()
class StoresLife implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(RouteTable) private readonly routes: RouteTable,
    @Inject(BlobStores) private readonly blobs: BlobStores,
    @Inject(ROUTES_POOL) private readonly pool: Pool,
    @Inject(Health) private readonly health: Health,
  ) {}

  onModuleInit(): void {
    this.health.add('routes', () => ({ ok: this.routes.ready }));
    this.routes.start();
  }

  /** After the last request was answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.routes.stop();
    await this.blobs.close();
    await this.pool.end();
  }
}

/** Which store serves whom, and the blobs that callers send. */
@Module({
  controllers: [RoutesController, BlobsController],
  providers: [...providers, StoresLife],
  exports: [RouteTable, PAYLOAD_BLOBS],
})
export class StoresModule {}
