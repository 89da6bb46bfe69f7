import { Body, Controller, Delete, Get, HttpCode, Inject, type PipeTransform, Put, Query } from '@nestjs/common';
import { faultsOf, findUnstorable, invalidRequest, ResourceRoute, RouteKey, type RouteList } from '@runspine/contracts';
import { hasRole, type Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import { RouteRecords, RouteTable, type RouteWriter, type StoredRoute } from '@runspine/routing';
import { Compile } from 'typebox/compile';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { parameterDocs } from '../reads/parameter-docs.js';
import { QueryPipe } from '../reads/query.pipe.js';

const resourceRoute = Compile(ResourceRoute);

const routePipe: PipeTransform<unknown, ResourceRoute> = {
  transform: (sent) => {
    const unstorable = findUnstorable(sent ?? {});
    if (unstorable) throw invalidRequest([unstorable]);
    if (!resourceRoute.Check(sent)) {
      throw invalidRequest(faultsOf(resourceRoute, sent).map(({ path, message }) => ({ path: path || '/', message })));
    }
    return sent;
  },
};

/** Which store and blob store serve whom. */
@Controller('nexus/routes')
export class RoutesController {
  constructor(
    @Inject(RouteRecords) private readonly records: RouteRecords,
    @Inject(RouteTable) private readonly table: RouteTable,
  ) {}

  @Get()
  @Requires('admin')
  @ApiDoc({
    tag: 'nexus',
    summary: "The tenant's routes; with the role system all",
    description: 'Options show references to secrets, never secrets.',
    answers: { 200: { description: 'Routes, by tenant, kind, env and project.', schema: schemaRef('RouteList') } },
    errors: ['store.unavailable'],
  })
  async list(@Caller() caller: Identity): Promise<RouteList> {
    return { items: (await this.records.list(writerOf(caller))).map(resourceOf) };
  }

  @Put()
  @Requires('admin')
  @ApiDoc({
    tag: 'nexus',
    summary: 'Sets a route, in the place of one with the same key',
    description:
      "An admin sets routes of the own tenant, the role system any. Of the routes that fit, the most specific serves: tenant before env before project. In force within 5 seconds. Secrets stand in the services' environment; options refer to them: `env:RUNSPINE_SECRET_…`. docs/operations.md says where a route may lead.",
    body: {
      schema: schemaRef('ResourceRoute'),
      examples: {
        S3: {
          value: {
            kind: 'nexus_blob_store',
            tenant_id: 'acme',
            env: '*',
            project_id: '*',
            uri: 's3://acme-documents/nexus',
            options: {
              region: 'eu-central-1',
              access_key_id: 'env:RUNSPINE_SECRET_acme_S3_ID',
              secret_access_key: 'env:RUNSPINE_SECRET_acme_S3_KEY',
            },
          },
        },
      },
    },
    answers: { 200: { description: 'The route as it is kept.', schema: schemaRef('ResourceRoute') } },
    errors: ['nexus_route.forbidden', 'nexus_route.too_many', 'store.unavailable'],
  })
  async put(@Caller() caller: Identity, @Body(routePipe) route: ResourceRoute): Promise<ResourceRoute> {
    const stored = await this.records.put(route, writerOf(caller));
    await this.refresh();
    return resourceOf(stored);
  }

  @Delete()
  @HttpCode(204)
  @Requires('admin')
  @ApiDoc({
    tag: 'nexus',
    summary: 'Deletes a route: a more general one serves then, if any',
    query: parameterDocs(RouteKey),
    answers: { 204: { description: 'It is deleted.' } },
    errors: ['nexus_route.not_found', 'store.unavailable'],
  })
  async remove(@Caller() caller: Identity, @Query(new QueryPipe(RouteKey)) key: RouteKey): Promise<void> {
    await this.records.remove(key, writerOf(caller));
    await this.refresh();
  }

  /** In force here at once; elsewhere with the next reading. What failed here is tried again with it, too. */
  private refresh(): Promise<void> {
    return this.table.refresh().catch(() => undefined);
  }
}

function writerOf(caller: Identity): RouteWriter {
  return { tenantId: caller.tenantId, system: hasRole(caller, 'system'), subject: caller.subject };
}

function resourceOf({ kind, tenant_id, env, project_id, uri, options }: StoredRoute): ResourceRoute {
  return { kind, tenant_id, env, project_id, uri, options };
}
