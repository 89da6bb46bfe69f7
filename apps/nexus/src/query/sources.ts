import { globalTwin, type SpaceKey, SYSTEM_TENANT } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import type { PinnedSpace } from '../spaces/pinned-space.js';
import type { SourceScope } from './candidates.js';

/** Whoever opens spaces at a version; the store does. */
export interface SpaceOpener {
  /** undefined: the space does not exist. @throws VersionGone */
  open(space: SpaceKey, version?: number): Promise<PinnedSpace | undefined>;
}

/** The version of each source; null where there was no space; `global` is absent where it was not asked for. */
export interface SourceVersions {
  readonly own: number | null;
  readonly global?: number | null;
}

/** A space that is searched, under the name that its hits bear. */
export interface Source {
  readonly scope: SourceScope;
  readonly space: PinnedSpace;
}

export interface OpenSources {
  readonly versions: SourceVersions;
  /** Those that exist: the caller's own first. */
  readonly sources: readonly Source[];
  release(): void;
}

/** The space of this name that is the caller's own: nothing but the identity says whose. */
export function ownSpace(identity: Identity, spaceId: string): SpaceKey {
  const { tenantId, env, projectId, surfaceId } = identity;
  return { scope: tenantId === SYSTEM_TENANT ? 'global' : 'tenant', tenantId, env, projectId, surfaceId, spaceId };
}

/**
 * Opens the caller's space and, where wanted, its global twin (which for `t_system` is the same). Latest versions, or
 * those given: a source that had no space then has none now.
 * @throws VersionGone
 */
export async function openSources(
  opener: SpaceOpener,
  own: SpaceKey,
  includeGlobal: boolean,
  at: SourceVersions | undefined,
): Promise<OpenSources> {
  const withTwin = includeGlobal && own.tenantId !== SYSTEM_TENANT;
  const open = async (key: SpaceKey, version: number | null | undefined) =>
    version === null ? undefined : opener.open(key, version);
  const opened = await Promise.allSettled([
    open(own, at?.own),
    withTwin ? open(globalTwin(own), at?.global) : Promise.resolve(undefined),
  ]);
  const spaces = opened.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
  const release = () => spaces.forEach((space) => space?.release());
  const failed = opened.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    release();
    throw failed.reason;
  }
  const [ownOpened, twin] = spaces;
  const sources: Source[] = [];
  if (ownOpened !== undefined) sources.push({ scope: own.scope, space: ownOpened });
  if (twin !== undefined) sources.push({ scope: 'global', space: twin });
  const versions = { own: ownOpened?.version ?? null, ...(withTwin && { global: twin?.version ?? null }) };
  return { versions, sources, release };
}
