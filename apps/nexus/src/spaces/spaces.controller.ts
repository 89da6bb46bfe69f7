import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import {
  globalTwin,
  invalidRequest,
  PAGE_ITEMS_DEFAULT,
  PAGE_ITEMS_MAX,
  ServiceError,
  type SpaceKey,
  type SpaceList,
  type SpaceResource,
  SYSTEM_TENANT,
} from '@runspine/contracts';
import { type Identity, requireRole } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import { Cursors } from '@runspine/service';
import { checkSpaceId } from '../query/query.controller.js';
import { type SpaceInfo, SpaceStore } from './space-store.js';

/** What spaces a caller has. Global ones are shown to those who may write them. */
@Controller('nexus/spaces')
export class SpacesController {
  constructor(
    @Inject(SpaceStore) private readonly store: SpaceStore,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get()
  @Requires('reader')
  async list(
    @Caller() caller: Identity,
    @Query('scope') scope?: string,
    @Query('limit') limit?: string,
    @Query('cursor') cursor?: string,
  ): Promise<SpaceList> {
    const folder = keyOf(caller, 'any', scope);
    const { projectId, surfaceId } = folder;
    const list = { name: 'spaces', scope: caller, filters: { projectId, surfaceId, scope: folder.scope } };
    const after = this.cursors.position<string>(list, cursor);
    const { spaces, next } = await this.store.list(folder, { limit: limitOf(limit), after });
    return { items: spaces.map(resourceOf), next_cursor: this.cursors.next(list, next) };
  }

  @Get(':spaceId')
  @Requires('reader')
  async describe(
    @Caller() caller: Identity,
    @Param('spaceId') spaceId: string,
    @Query('scope') scope?: string,
  ): Promise<SpaceResource> {
    checkSpaceId(spaceId);
    const info = await this.store.describe(keyOf(caller, spaceId, scope));
    if (!info) throw new ServiceError('nexus.space_not_found');
    return resourceOf(info);
  }
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return PAGE_ITEMS_DEFAULT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= PAGE_ITEMS_MAX) return limit;
  throw invalidRequest([{ path: 'limit', message: `must be from 1 to ${PAGE_ITEMS_MAX}` }]);
}

function keyOf(caller: Identity, spaceId: string, scope: string | undefined): SpaceKey {
  const { tenantId, env, projectId, surfaceId } = caller;
  const own: SpaceKey = {
    scope: tenantId === SYSTEM_TENANT ? 'global' : 'tenant',
    tenantId,
    env,
    projectId,
    surfaceId,
    spaceId,
  };
  if (scope === undefined || scope === 'tenant') return own;
  if (scope !== 'global') throw invalidRequest([{ path: 'scope', message: 'must be tenant or global' }]);
  if (tenantId !== SYSTEM_TENANT) requireRole(caller, 'admin');
  return globalTwin(own);
}

function resourceOf({ key, rows, documents, bytes, version, embedding }: SpaceInfo): SpaceResource {
  const { model, dimension } = embedding;
  return {
    space_id: key.spaceId,
    scope: key.scope,
    rows,
    documents,
    bytes,
    version,
    embedding: { model, dimension },
  };
}
