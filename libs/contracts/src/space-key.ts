/** Tenant of the spaces that everybody of a surface may read: its spaces are the global ones. */
export const SYSTEM_TENANT = 't_system';

/** `tenant` spaces are one tenant's own; `global` ones belong to `t_system` and serve their surface. */
export type SpaceScope = 'tenant' | 'global';

/** Names one space. Each part matches `[a-z0-9][a-z0-9_-]{0,63}`. Of scope `global` the tenant is `t_system`. */
export interface SpaceKey {
  readonly scope: SpaceScope;
  readonly tenantId: string;
  readonly env: string;
  readonly projectId: string;
  readonly surfaceId: string;
  readonly spaceId: string;
}

const PART = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/**
 * The one path of a space: `tenant/env/project/surface/space`. It is the Kafka key of its events and, below a store's
 * root, where it is stored: both scopes of `t_system` are the same space, so that one table has one writer.
 * @throws RangeError where a part has another form, or a global key is not of `t_system`: callers check input first.
 */
export function spacePath(key: SpaceKey): string {
  const parts = [key.tenantId, key.env, key.projectId, key.surfaceId, key.spaceId];
  for (const part of parts) if (!PART.test(part)) throw new RangeError(`not a part of a space's path: ${part}`);
  if (key.scope === 'global' && key.tenantId !== SYSTEM_TENANT)
    throw new RangeError(`a global space belongs to ${SYSTEM_TENANT}`);
  return parts.join('/');
}

/** The key of a path, or undefined where it is none. Spaces of `t_system` are global. */
export function parseSpacePath(path: string): SpaceKey | undefined {
  const parts = path.split('/');
  if (parts.length !== 5 || !parts.every((part) => PART.test(part))) return undefined;
  const [tenantId, env, projectId, surfaceId, spaceId] = parts as [string, string, string, string, string];
  return { scope: tenantId === SYSTEM_TENANT ? 'global' : 'tenant', tenantId, env, projectId, surfaceId, spaceId };
}

/** The global space of the same name, env, project and surface: what `include_global` adds. */
export function globalTwin(key: SpaceKey): SpaceKey {
  return { ...key, scope: 'global', tenantId: SYSTEM_TENANT };
}
