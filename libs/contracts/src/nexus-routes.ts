import Type, { type Static } from 'typebox';
import { CLOSED, orNull } from './fields.js';

/** What is routed: where spaces are stored, and where blobs are. */
export const RESOURCE_KINDS = ['nexus_store', 'nexus_blob_store'] as const;
const Kind = Type.Enum([...RESOURCE_KINDS]);
const OrAny = Type.String({ pattern: '^(\\*|[a-z0-9][a-z0-9_-]{0,63})$', description: 'One, or * for any.' });

/** A route's key, and the parameters of `DELETE /nexus/routes`. */
export const RouteKey = Type.Object({ kind: Kind, tenant_id: OrAny, env: OrAny, project_id: OrAny }, CLOSED);
export type RouteKey = Static<typeof RouteKey>;

/** A route: which store serves whom. The most specific of tenant, env, project wins. The body of `PUT /nexus/routes`. */
export const ResourceRoute = Type.Object(
  {
    kind: Kind,
    tenant_id: OrAny,
    env: OrAny,
    project_id: OrAny,
    uri: orNull(
      Type.String({ minLength: 1, maxLength: 2048, description: 'Where; null says that there is none, here.' }),
    ),
    options: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z0-9_.-]{1,128}$' }), Type.String({ maxLength: 4096 }), {
        additionalProperties: false,
        description: 'Storage options; secrets by reference only: `env:NAME`.',
      }),
    ),
  },
  CLOSED,
);
export type ResourceRoute = Static<typeof ResourceRoute>;

export const RouteList = Type.Object({ items: Type.Array(ResourceRoute) });
export type RouteList = Static<typeof RouteList>;
