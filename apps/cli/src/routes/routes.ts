import { type Column, tableLines } from '../output/table.js';
import { usage } from '../failures.js';
import { confirm } from '../output/ask.js';
import type { Session } from '../session.js';

/** Which store serves whom. */
export interface Route {
  readonly kind: string;
  readonly tenant_id: string;
  readonly env: string;
  readonly project_id: string;
  readonly uri: string | null;
  readonly options?: Readonly<Record<string, string>>;
}

export interface RouteKeyOptions {
  readonly kind: string;
  readonly forTenant?: string;
  readonly forEnv: string;
  readonly forProject: string;
}

export interface PutRouteOptions extends RouteKeyOptions {
  readonly none?: boolean;
  readonly option?: Record<string, string>;
}

/** Options of either kind by a short name. */
const KINDS: Readonly<Record<string, string>> = {
  store: 'nexus_store',
  blobs: 'nexus_blob_store',
  nexus_store: 'nexus_store',
  nexus_blob_store: 'nexus_blob_store',
};

export async function listRoutes({ client, call, terminal, json }: Session): Promise<void> {
  const { body } = await client.request('GET', '/nexus/routes', call);
  const { items } = body as { items: Route[] };
  if (json) for (const route of items) terminal.printJsonLine(route);
  else if (items.length > 0) terminal.print(...tableLines(terminal, COLUMNS, items));
  else
    terminal.note(
      'There are no routes.',
      'To set one: runspine routes put --kind store file:///var/lib/runspine/spaces',
    );
}

export async function putRoute(session: Session, uri: string | undefined, options: PutRouteOptions): Promise<void> {
  const { client, call, terminal, json } = session;
  if ((uri === undefined) !== (options.none === true)) {
    throw usage(
      'Give an address, or --none to say that there is none.',
      'Such as s3://bucket/prefix or file:///folder',
    );
  }
  const route = {
    ...keyOf(session, options),
    uri: uri ?? null,
    ...(options.option ? { options: options.option } : {}),
  };
  const { body } = await client.request('PUT', '/nexus/routes', { ...call, body: route, keyless: true });
  if (json) terminal.printJson(body);
  else terminal.print(...tableLines(terminal, COLUMNS, [body as Route]));
}

export async function deleteRoute(session: Session, options: RouteKeyOptions & { yes?: boolean }): Promise<void> {
  const { client, call, terminal, json } = session;
  const key = keyOf(session, options);
  await confirm(session, `Delete the route of ${Object.values(key).join(' / ')}?`, options.yes);
  await client.request('DELETE', '/nexus/routes', { ...call, query: key, keyless: true });
  if (json) terminal.printJson({ deleted: key });
  else terminal.print(`There is no route of its own for ${Object.values(key).join(' / ')} now.`);
}

function keyOf({ settings }: Session, options: RouteKeyOptions) {
  return {
    kind: KINDS[options.kind] ?? options.kind,
    tenant_id: options.forTenant ?? settings.tenant,
    env: options.forEnv,
    project_id: options.forProject,
  };
}

const COLUMNS: readonly Column<Route>[] = [
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'TENANT', value: ({ tenant_id: id }) => id, min: 6 },
  { title: 'ENV', value: ({ env }) => env, min: 4 },
  { title: 'PROJECT', value: ({ project_id: id }) => id, min: 7 },
  { title: 'LEADS TO', value: ({ uri }) => uri ?? '(none)', min: 12 },
  { title: 'OPTIONS', value: ({ options }) => Object.keys(options ?? {}).join(', '), min: 8 },
];
