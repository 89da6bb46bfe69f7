import type { TypedData } from './events.js';

/** The tenant, env, project and surface of those who name none. */
export const DEFAULT_NAME = 'default';

/** The CloudEvents version of every envelope. */
export const SPEC_VERSION = '1.0';

/**
 * CloudEvents 1.0 attributes around an event's data, with our extensions. Attribute names are CloudEvents' own form:
 * lower case, no separators.
 */
export interface Envelope {
  /** UUID, lower case. */
  id: string;
  /** Who says it: a URI reference, such as `/gateway`. */
  source: string;
  type: string;
  /** When it happened, by the producer's clock: RFC 3339, UTC, milliseconds. */
  time: string;
  /** The run (or space) that it is about. */
  subject: string;
  /** `…/{type}/v{version}`. */
  dataschema: string;
  tenantid: string;
  env: string;
  projectid: string;
  surfaceid: string;
  /** The Kafka key, `tenant/affinity`. */
  partitionkey: string;
  /** What this belongs to; the run's own is written over it when the event is applied. */
  correlationid?: string;
  causationid?: string;
  /** W3C trace context. */
  traceparent?: string;
  /** The run's version (run sequence) that the producer expects; otherwise the event is refused. */
  expectedversion?: number;
  /** The caller's idempotency key, and the hash of the route and body it stands for (hex SHA-256). */
  idempotencykey?: string;
  idempotencyhash?: string;
  /** `resource`: somebody waits; the outcome is to carry the resource as it is after the event. */
  reply?: 'resource';
  /**
   * A channel of PostgreSQL's on which somebody listens who waits: the outcome is told there as it is committed, ahead of
   * the feed. 1-63 lower-case letters, digits and underscores.
   */
  replyto?: string;
}

/** An event as it is submitted: envelope, type and data. */
export type SubmittedEvent = Omit<Envelope, 'type'> & TypedData;

/** An applied event: its type and data, and all that was recorded around them. */
export type RecordedEvent = RecordedAttributes & TypedData;

/** What stands around an applied event's type and data in the journal, the HTTP API, the feed and the streams. */
export interface RecordedAttributes {
  event_id: string;
  /** By the producer's clock, RFC 3339. */
  time: string;
  source: string;
  tenant_id: string;
  env: string;
  project_id: string;
  surface_id: string;
  run_id: string;
  step_id: string | null;
  room_id: string | null;
  /** Gapless from 1 in the run: the run's version after this event. */
  run_sequence: number;
  /** Gapless from 1 in the room; null without a room. */
  room_sequence: number | null;
  /** The run's own. */
  correlation_id: string;
  /** The event that led to this one. */
  causation_id: string | null;
  producer_correlation_id: string | null;
  producer_causation_id: string | null;
  traceparent: string | null;
  /** By the projector's clock, RFC 3339. */
  recorded_at: string;
}
