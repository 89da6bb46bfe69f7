import { pathToFileURL } from 'node:url';
import { type Fault, invalidRequest, type ResourceRoute, ServiceError } from '@runspine/contracts';
import { ANY } from './route.js';
import { bringsCredentials, optionFaults, type RouteOptions, SECRET_PREFIX, secretNames } from './route-options.js';
import { foldersBelow, parseStoreUri, type StoreUri } from './route-uri.js';

/** What the operator allows routes to lead to. */
export interface RoutePolicy {
  /** Folders of this machine below which routes may lead, as absolute paths or file:// addresses. None: no files. */
  readonly fileRoots: readonly string[];
  /** `s3://bucket/prefix`, …: where tenants' admins may lead a route with the services' own credentials. */
  readonly cloudRoots: readonly string[];
  /** `https://host:port` of servers other than the providers' own that tenants' admins may name. */
  readonly endpoints: readonly string[];
}

/** Who writes a route: with the role system anybody's, else only their own tenant's. */
export interface RouteWriter {
  readonly tenantId: string;
  readonly system: boolean;
  /** For the record. */
  readonly subject: string;
}

/**
 * Refuses what a writer may not write. An admin of a tenant is trusted with the tenant's own data and nothing else, so
 * that a route of theirs may use
 * - folders of the machine below an operator's root, there not inside another tenant's folder;
 * - the services' own credentials likewise, only below an operator's cloud root;
 * - credentials that the operator gave to that tenant, `RUNSPINE_SECRET_{tenant}_{NAME}`;
 * - servers that the operator named: any other could be one inside the operator's network, or collect signatures.
 * The role system may use any secret and any server, but files only below the roots.
 * @throws ServiceError `request.invalid`, `auth.forbidden`, `nexus_route.forbidden`
 */
export function checkRoute(route: ResourceRoute, writer: RouteWriter, policy: RoutePolicy): Required<ResourceRoute> {
  requireOwner(route.tenant_id, writer);
  const { uri, options = {} } = route;
  if (uri === null) {
    if (Object.keys(options).length > 0) throw fault('/options', 'must be absent where there is no uri');
    return { ...route, options };
  }
  const address = parseStoreUri(uri);
  if ('fault' in address) throw fault('/uri', address.fault);
  const faults = optionFaults(address.scheme, options);
  if (faults.length > 0) throw invalidRequest(faults);
  if (address.scheme === 'file' && !isBelowRoots(address, policy.fileRoots)) {
    throw forbidden('Files may be kept only below the folders of RUNSPINE_ROUTE_FILE_ROOTS.');
  }
  if (!writer.system) holdToTenant(address, options, writer.tenantId, policy);
  return { ...route, uri: address.uri, options };
}

/** @throws ServiceError `auth.forbidden` */
export function requireOwner(tenantId: string, writer: RouteWriter): void {
  if (writer.system || (tenantId === writer.tenantId && tenantId !== ANY)) return;
  throw new ServiceError('auth.forbidden', 'Routes of other tenants, and of any tenant, need the role system.', {
    required: 'system',
  });
}

/** Looked at where a route is used, too: the folders of this process count, not those of who wrote it. */
export function isAllowedHere(uri: string, { fileRoots }: Pick<RoutePolicy, 'fileRoots'>): boolean {
  const address = parseStoreUri(uri);
  return !('fault' in address) && (address.scheme !== 'file' || isBelowRoots(address, fileRoots));
}

function holdToTenant(address: StoreUri, options: RouteOptions, tenantId: string, policy: RoutePolicy): void {
  const foreign = secretNames(options).filter((name) => !isSecretOf(tenantId, name));
  if (foreign.length > 0) {
    throw forbidden(`A tenant's secrets are those named ${SECRET_PREFIX}${tenantId}_ and capital letters.`);
  }
  if (options.endpoint !== undefined && !policy.endpoints.includes(new URL(options.endpoint).origin)) {
    throw forbidden('The endpoint is none of RUNSPINE_ROUTE_ENDPOINTS.');
  }
  if (address.scheme !== 'file' && bringsCredentials(options)) return;
  const roots = address.scheme === 'file' ? policy.fileRoots : policy.cloudRoots;
  const belongs = rootsOf(roots).some((root) => {
    const folders = foldersBelow(root, address);
    return folders !== undefined && (folders.length === 0 || folders[0] === tenantId);
  });
  if (belongs) return;
  throw forbidden(
    address.scheme === 'file'
      ? "Below a root of RUNSPINE_ROUTE_FILE_ROOTS only the root itself and the tenant's own folder may be named."
      : "Without credentials of its own a tenant may name a root of RUNSPINE_ROUTE_CLOUD_ROOTS, or the tenant's own folder there.",
  );
}

/** `RUNSPINE_SECRET_acme_S3_KEY` is acme's: ids have no capitals, so the first capital begins the name. */
function isSecretOf(tenantId: string, name: string): boolean {
  const own = `${SECRET_PREFIX}${tenantId}_`;
  return name.startsWith(own) && /^[A-Z][A-Z0-9_]*$/.test(name.slice(own.length));
}

function isBelowRoots(address: StoreUri, roots: readonly string[]): boolean {
  return rootsOf(roots).some((root) => foldersBelow(root, address) !== undefined);
}

function rootsOf(roots: readonly string[]): StoreUri[] {
  return roots.map((root) => {
    const parsed = parseStoreUri(root.startsWith('/') ? fileUri(root) : root);
    if ('fault' in parsed) throw new Error(`The root ${root} of a setting ${parsed.fault}.`);
    return parsed;
  });
}

const fileUri = (path: string) => pathToFileURL(path).href;

const fault = (path: string, message: string) => invalidRequest([{ path, message }] satisfies Fault[]);
const forbidden = (reason: string) => new ServiceError('nexus_route.forbidden', reason, { reason });
