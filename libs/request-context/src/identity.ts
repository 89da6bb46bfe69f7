import { type Fault, invalidRequest, isNameId, NAME_PATTERN, ServiceError } from '@runspine/contracts';
import { isLoopback, isNameOfHere } from './loopback.js';

/** What a caller may be allowed. */
export const ROLES = ['reader', 'writer', 'ingester', 'admin', 'system'] as const;
export type Role = (typeof ROLES)[number];

/** Who calls, and in which corner of their tenant. */
export interface Identity {
  readonly tenantId: string;
  readonly env: string;
  readonly projectId: string;
  readonly surfaceId: string;
  /** Who acts inside the tenant, for logs and records. */
  readonly subject: string;
  readonly roles: ReadonlySet<Role>;
}

/** Request headers as Node has them: names in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What an authenticator sees of a request. */
export interface IdentifiableRequest {
  headers: RequestHeaders;
  /** Address of the peer; undefined once its socket is gone. */
  remoteAddress: string | undefined;
}

/** Tells who calls. Development headers today; bearer tokens are another implementation of the same method. */
export interface Authenticator {
  /** @throws ServiceError `request.invalid`, `auth.forbidden`. */
  identify(request: IdentifiableRequest): Identity | Promise<Identity>;
}

/** Believes the headers of callers on this machine. For development only: see `assertLoopback`. */
export const developmentAuthenticator: Authenticator = {
  identify: (request) => identifyDevelopment(request.headers, request.remoteAddress),
};

const DEFAULT_ID = 'default';
const DEFAULT_ROLES: readonly Role[] = ['reader', 'writer', 'ingester'];

/**
 * The identity that development headers claim: `X-Tenant-Id`, `X-Env`, `X-Project-Id`, `X-Surface-Id` (each `default`
 * when absent) and `X-Roles` (with commas; reader, writer, ingester when absent, none when empty).
 * @throws ServiceError `request.invalid` that names each wrong header; `auth.forbidden` for a caller elsewhere, and for
 * one that calls this machine by another name.
 */
export function identifyDevelopment(headers: RequestHeaders, remoteAddress: string | undefined): Identity {
  if (remoteAddress !== undefined && !isLoopback(remoteAddress)) {
    throw new ServiceError('auth.forbidden', 'Development identity is for callers on this machine only.', {
      required: 'loopback',
    });
  }
  // A page of another site that gives its own name this machine's address would be believed, too.
  if (typeof headers.host === 'string' && !isNameOfHere(headers.host)) {
    throw new ServiceError('auth.forbidden', 'Development identity is for requests to localhost or 127.0.0.1 only.', {
      required: 'loopback',
    });
  }
  const faults: Fault[] = [];
  const identity: Identity = {
    tenantId: readName(headers, 'X-Tenant-Id', faults),
    env: readName(headers, 'X-Env', faults),
    projectId: readName(headers, 'X-Project-Id', faults),
    surfaceId: readName(headers, 'X-Surface-Id', faults),
    subject: 'developer',
    roles: readRoles(headers, faults),
  };
  if (faults.length > 0) throw invalidRequest(faults);
  return identity;
}

/** What holding a role allows: system everything, admin everything of its tenant. */
const IMPLIED: Record<Role, readonly Role[]> = {
  reader: ['reader'],
  writer: ['writer'],
  ingester: ['ingester'],
  admin: ['admin', 'reader', 'writer', 'ingester'],
  system: ROLES,
};

/** True when the identity holds the role, or one that implies it. */
export function hasRole(identity: Pick<Identity, 'roles'>, role: Role): boolean {
  for (const held of identity.roles) if (IMPLIED[held].includes(role)) return true;
  return false;
}

/** @throws ServiceError `auth.forbidden`, with the role in `details.required`. */
export function requireRole(identity: Pick<Identity, 'roles'>, role: Role): void {
  if (!hasRole(identity, role)) {
    throw new ServiceError('auth.forbidden', `This needs the role ${role}.`, { required: role });
  }
}

function readName(headers: RequestHeaders, name: string, faults: Fault[]): string {
  const value = headerOf(headers, name);
  if (value === undefined) return DEFAULT_ID;
  if (!isNameId(value)) faults.push({ path: name, message: `must match ${NAME_PATTERN}` });
  return value;
}

function readRoles(headers: RequestHeaders, faults: Fault[]): ReadonlySet<Role> {
  const text = headerOf(headers, 'X-Roles');
  if (text === undefined) return new Set(DEFAULT_ROLES);
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.some((name) => !isRole(name))) {
    faults.push({ path: 'X-Roles', message: `must be some of ${ROLES.join(', ')}, with commas between` });
  }
  return new Set(names.filter(isRole));
}

function isRole(name: string): name is Role {
  return (ROLES as readonly string[]).includes(name);
}

function headerOf(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(',') : value;
}
