import type { RESOURCE_KINDS, ResourceRoute } from '@runspine/contracts';

/** What is routed: the store of spaces, or the store of blobs. */
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

/** Stands for any tenant, env or project. */
export const ANY = '*';

/** Who is to be served. */
export interface Place {
  readonly tenantId: string;
  readonly env: string;
  readonly projectId: string;
}

/** A route that serves somebody, ready for use. */
export interface Route {
  /** `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`, without a slash at the end. */
  readonly uri: string;
  /** Storage options by the names that LanceDB takes, secrets resolved: never to be logged or answered. */
  readonly options: Readonly<Record<string, string>>;
}

/** A route as it is kept: options refer to secrets. */
export interface StoredRoute extends Required<ResourceRoute> {
  readonly updated_at: string;
  /** Subject of who wrote it. */
  readonly updated_by: string;
}

/** Keys of all routes that may serve a place, most specific first: tenant before env before project. */
export function candidateKeys(kind: ResourceKind, { tenantId, env, projectId }: Place): string[] {
  const keys: string[] = [];
  for (const tenant of [tenantId, ANY]) {
    for (const oneEnv of [env, ANY]) {
      for (const project of [projectId, ANY]) keys.push(`${kind}/${tenant}/${oneEnv}/${project}`);
    }
  }
  return keys;
}

export function keyOf({ kind, tenant_id, env, project_id }: Omit<ResourceRoute, 'uri' | 'options'>): string {
  return `${kind}/${tenant_id}/${env}/${project_id}`;
}
