import {
  invalidRequest,
  isNameId,
  isRunId,
  type JobAccepted,
  type RedriveRequest,
  redriveFaults,
  ServiceError,
} from '@runspine/contracts';
import type { BatchingProducer } from '@runspine/kafka';
import { type Authenticator, hasRole, type Identity, requireRole, type Role } from '@runspine/request-context';
import type { AdminHandler, AdminRequest } from '@runspine/service';
import type { Audits } from '../audit/audits.js';
import type { DeadLetters } from '../dead-letters/dead-letters.js';
import { redrive } from '../dead-letters/redrive.js';
import type { Rebuilds } from '../rebuild/rebuilds.js';
import type { AdminJobs } from './admin-jobs.js';

export interface AdminParts {
  authenticator: Authenticator;
  jobs: AdminJobs;
  audits: Audits;
  rebuilds: Rebuilds;
  deadLetters: DeadLetters;
  producer: BatchingProducer;
  /** Full names of the topics that dead letters may go back to. */
  sources: ReadonlySet<string>;
}

interface Asked {
  caller: Identity;
  /** What the path's groups hold. */
  path: string[];
  request: AdminRequest;
}

interface Route {
  method: string;
  path: RegExp;
  role: Role;
  answer: (asked: Asked) => Promise<{ status: number; body: unknown }>;
}

const LETTERS_DEFAULT = 50;
const LETTERS_MAX = 200;

/** The projector's own HTTP: the gateway passes these routes on, with the caller's identity, which is checked again. */
export function adminRoutes(parts: AdminParts): AdminHandler {
  const routes = routesOf(parts);
  return async (request) => {
    const atPath = routes.filter(({ path }) => path.test(request.path));
    if (atPath.length === 0) return undefined;
    const route = atPath.find(({ method }) => method === request.method);
    if (!route) throw new ServiceError('request.method_not_allowed');
    const caller = await parts.authenticator.identify(request);
    requireRole(caller, route.role);
    const [, ...path] = route.path.exec(request.path) ?? [];
    return route.answer({ caller, path, request });
  };
}

function routesOf({ jobs, audits, rebuilds, deadLetters, producer, sources }: AdminParts): Route[] {
  const startAudit = async ({ caller, request }: Asked) => {
    const tenantId = tenantOf(caller, request);
    const start = { kind: 'audit', tenantId, request: { tenant: tenantId }, subject: caller.subject } as const;
    return accepted(await jobs.start(start, (job) => audits.ofTenant(tenantId, job)));
  };
  return [
    route('GET', '/v1/runs/([^/]+)/audit', 'reader', async ({ caller, path: [runId = ''] }) => {
      if (!isRunId(runId)) throw invalidRequest([{ path: 'runId', message: 'is no run id' }]);
      return ok(await audits.ofRun(caller.tenantId, caller.env, runId));
    }),
    route('GET', '/v1/admin/audit', 'admin', startAudit),
    route('POST', '/v1/admin/audit', 'admin', startAudit),
    route('GET', '/v1/admin/jobs', 'admin', async ({ caller }) => ok(await jobs.list(scopeOf(caller)))),
    route('GET', '/v1/admin/jobs/([^/]+)', 'admin', async ({ caller, path: [id = ''] }) =>
      ok(await jobs.find(id, scopeOf(caller))),
    ),
    route('POST', '/v1/admin/jobs/([^/]+)/cancel', 'admin', async ({ caller, path: [id = ''] }) =>
      ok(await jobs.cancel(id, scopeOf(caller))),
    ),
    route('POST', '/v1/admin/projections/verify', 'admin', async ({ caller }) => {
      const tenantId = scopeOf(caller) ?? null;
      const start = { kind: 'projections_verify', tenantId, request: {}, subject: caller.subject } as const;
      return accepted(await jobs.start(start, (job) => rebuilds.verify(job, tenantId)));
    }),
    route('POST', '/v1/admin/projections/rebuild', 'admin', async ({ caller }) => {
      const tenantId = scopeOf(caller) ?? null;
      const start = { kind: 'projections_rebuild', tenantId, request: {}, subject: caller.subject } as const;
      return accepted(await jobs.start(start, (job) => rebuilds.rebuild(job, tenantId)));
    }),
    route('GET', '/v1/admin/dead-letters', 'system', async ({ request: { query } }) => {
      const filters = { topic: query.get('topic') ?? undefined, code: query.get('code') ?? undefined };
      const limit = numberOf(query.get('limit'), 'limit', 1, LETTERS_MAX) ?? LETTERS_DEFAULT;
      return ok(await deadLetters.list(filters, { limit, cursor: query.get('cursor') ?? undefined }));
    }),
    route('GET', '/v1/admin/dead-letters/([^/]+)/([^/]+)', 'system', async ({ path: [partition = '', offset = ''] }) =>
      ok(
        await deadLetters.find(
          numberOf(partition, 'partition', 0, 99_999) ?? 0,
          numberOf(offset, 'offset', 0, Number.MAX_SAFE_INTEGER) ?? 0,
        ),
      ),
    ),
    route('POST', '/v1/admin/dead-letters/redrive', 'system', async ({ caller, request: { body } }) => {
      const faults = redriveFaults(body);
      if (faults.length > 0) throw invalidRequest(faults.map(({ path, message }) => ({ path: path || '/', message })));
      const asked = body as RedriveRequest;
      const start = { kind: 'redrive', tenantId: null, request: asked, subject: caller.subject } as const;
      return accepted(await jobs.start(start, (job) => redrive(deadLetters, producer, sources, asked, job)));
    }),
  ];
}

function route(method: string, path: string, role: Role, answer: Route['answer']): Route {
  return { method, path: new RegExp(`^${path}$`), role, answer };
}

const ok = (body: unknown) => ({ status: 200, body });
const accepted = (jobId: string) => ({ status: 202, body: { job_id: jobId } satisfies JobAccepted });

/** Whose jobs and findings the caller may see; undefined for all. */
function scopeOf(caller: Identity): string | undefined {
  return hasRole(caller, 'system') ? undefined : caller.tenantId;
}

function tenantOf(caller: Identity, { query }: AdminRequest): string {
  const asked = query.get('tenant') ?? caller.tenantId;
  if (!isNameId(asked)) throw invalidRequest([{ path: 'tenant', message: 'is no tenant id' }]);
  if (asked !== caller.tenantId) requireRole(caller, 'system');
  return asked;
}

function numberOf(text: string | null, path: string, min: number, max: number): number | undefined {
  if (text === null) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw invalidRequest([{ path, message: `must be a whole number from ${min} to ${max}` }]);
  }
  return value;
}
