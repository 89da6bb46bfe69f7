import { readEnvironment } from './environment.js';
import { type RetryOptions, RETRIES_DEFAULT } from './http/backoff.js';
import { readStream, type StreamedEvent, type StreamOptions } from './http/event-stream.js';
import { Pages } from './http/pages.js';
import { type Answer, type CallOptions, type RequestOptions, Transport } from './http/transport.js';
import { Nexus } from './resources/nexus.js';
import type { EventOutcome, RecordedEvent, Rejection } from './resources/run-types.js';
import { Runs } from './resources/runs.js';
import { Steps } from './resources/steps.js';
import { objectOf } from './resources/writes.js';

/** Where the gateway is and who asks. What is absent comes from the environment (RUNSPINE_ADDRESS, …). */
export interface ClientOptions {
  /** @default RUNSPINE_ADDRESS, else http://127.0.0.1:8080 */
  readonly address?: string;
  /** @default RUNSPINE_TENANT, else default */
  readonly tenant?: string;
  /** @default RUNSPINE_ENV, else default */
  readonly env?: string;
  /** @default RUNSPINE_PROJECT, else default */
  readonly project?: string;
  /** @default RUNSPINE_SURFACE, else default */
  readonly surface?: string;
  /** A bearer token, or what gives one for each request. @default RUNSPINE_TOKEN, else none */
  readonly token?: string | (() => string | Promise<string>);
  /** Roles, which count in development mode only. @default the gateway's */
  readonly roles?: readonly string[];
  /** Milliseconds that one try of a request may take. @default 30_000 */
  readonly timeoutMs?: number;
  readonly retries?: RetryOptions;
  /** Another fetch, such as one with a proxy or certificates of its own. @default the global one */
  readonly fetch?: typeof fetch;
}

/** Who the client speaks for. */
export interface ClientIdentity {
  readonly address: string;
  readonly tenant: string;
  readonly env: string;
  readonly project: string;
  readonly surface: string;
}

/** A client of one gateway, for one tenant, env, project and surface. Holds nothing open: it need not be closed. */
export class RunspineClient {
  readonly identity: ClientIdentity;
  readonly runs: Runs;
  readonly steps: Steps;
  readonly nexus: Nexus;
  /** The requests beneath, for what is built upon this client. */
  readonly transport: Transport;

  constructor(options: ClientOptions = {}) {
    const environment = readEnvironment();
    const identity = {
      address: addressOf(options.address ?? environment.address ?? 'http://127.0.0.1:8080'),
      tenant: options.tenant ?? environment.tenant ?? 'default',
      env: options.env ?? environment.env ?? 'default',
      project: options.project ?? environment.project ?? 'default',
      surface: options.surface ?? environment.surface ?? 'default',
    };
    this.identity = identity;
    this.transport = new Transport({
      address: identity.address,
      headers: {
        'x-tenant-id': identity.tenant,
        'x-env': identity.env,
        'x-project-id': identity.project,
        'x-surface-id': identity.surface,
        ...(options.roles ? { 'x-roles': options.roles.join(',') } : {}),
      },
      token: options.token ?? environment.token,
      timeoutMs: options.timeoutMs ?? 30_000,
      retries: { ...RETRIES_DEFAULT, ...options.retries },
      // Looked up at each request, so that what replaces the global one later counts.
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    });
    this.runs = new Runs(this.transport);
    this.steps = new Steps(this.transport);
    this.nexus = new Nexus(this.transport);
  }

  /** The events of a room as they are applied, from now or after a room sequence; ends with `signal`. */
  roomStream(roomId: string, options: StreamOptions = {}): AsyncGenerator<StreamedEvent, void, void> {
    return readStream(this.transport, `/v1/streams/rooms/${encodeURIComponent(roomId)}`, options);
  }

  /** Events of a correlation, in order of recording. */
  correlated(correlationId: string, options: CallOptions = {}): Pages<RecordedEvent> {
    return new Pages(this.transport, '/v1/events', { correlation_id: correlationId }, options);
  }

  /** What became of an event. @throws RunspineError `event.not_recorded` */
  async outcome(eventId: string, options: CallOptions = {}): Promise<EventOutcome> {
    const { status, body } = await this.transport.request('GET', `/v1/events/${encodeURIComponent(eventId)}`, options);
    return objectOf(status, body) as unknown as EventOutcome;
  }

  /** Events that were refused, newest first. */
  rejections(filter: { run_id?: string; reason?: string; limit?: number } = {}): Pages<Rejection> {
    return new Pages(this.transport, '/v1/rejections', { ...filter });
  }

  /** Any request of the API: identity, retries, timeouts and typed errors as everywhere. */
  request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.transport.request(method, path, options);
  }
}

/** A client of the gateway at `address`. */
export function createClient(options: ClientOptions = {}): RunspineClient {
  return new RunspineClient(options);
}

/** @throws TypeError where it is no http(s) address. */
function addressOf(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new TypeError(`${given} is no http(s) address`);
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
