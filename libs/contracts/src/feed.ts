import type { RecordedEvent } from './envelope.js';
import type { RejectionReason } from './errors.js';
import type { Run, StepResource } from './resources.js';

/** The CloudEvents type of every record of the feed. */
export const OUTCOMES_TYPE = 'runspine.outcomes';

/** What became of an event. A repeat (same event id, or same idempotency key) is told the first outcome again. */
export type Outcome = AppliedOutcome | RejectedOutcome | ParkedOutcome;

/** What every outcome says. */
export interface OutcomeBase {
  /** The id of the event that was submitted. For a repeat by idempotency key, not the id of the first. */
  event_id: string;
  tenant_id: string;
  env: string;
  run_id: string;
  step_id: string | null;
  /** True for an outcome told again: nothing happened this time. */
  repeat: boolean;
  /** The event whose outcome this is: the first of its idempotency key; equal to event_id otherwise. */
  first_event_id: string;
}

/** The event took its place in the run, and the room. */
export interface AppliedOutcome extends OutcomeBase {
  outcome: 'applied';
  /** A heartbeat names the run's current sequence. */
  run_sequence: number;
  room_sequence: number | null;
}

/** The state machine refused the event. */
export interface RejectedOutcome extends OutcomeBase {
  outcome: 'rejected';
  reason: RejectionReason;
  /** The state that refused it: the run's or the step's status; null where there was neither. */
  current: string | null;
  /** The run's version then; null without a run. */
  version: number | null;
}

/** PostgreSQL refused the event. It lies in the dead letter topic. */
export interface ParkedOutcome extends OutcomeBase {
  outcome: 'parked';
  sqlstate: string;
}

/**
 * The value of a feed record: outcomes of events of one run (`ce_subject`), in the order of the log. They travel together
 * since a record costs more than an outcome. The headers `ce_tenantid` and `ce_env` are those of the events.
 */
export interface FeedBatch {
  outcomes: FeedValue[];
}

/** What the feed tells of one event. */
export interface FeedValue {
  outcome: Outcome;
  /** Hex SHA-256 of type and data of the event that was submitted: of two with one id, which one this is about. */
  hash: string;
  /** The event with its sequences; only when it was applied now, and not for heartbeats. */
  event?: RecordedEvent;
  /** The commit told whoever waits (`replyto`). */
  noticed?: true;
  /**
   * What the event is about, after it: its step, or else the run; only where the event asked for it (`reply`), and unless
   * it was noticed.
   */
  resource?: { run: Run } | { step: StepResource };
}

/** Most bytes of a notification, which PostgreSQL bounds. */
export const NOTIFICATION_BYTES_MAX = 7999;

/**
 * What a notification on an event's `replyto` tells, in a JSON array of them. It is part of the transaction that applied the
 * event, and reaches whoever listens at that moment, once or never: the feed and PostgreSQL tell the same.
 */
export type OutcomeNotice = Pick<FeedValue, 'outcome' | 'hash' | 'resource'>;
