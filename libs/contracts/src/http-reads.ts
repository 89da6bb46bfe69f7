import Type, { type Static, type TSchema } from 'typebox';
import { DateTime, Label, orNull } from './fields.js';
import { CorrelationId, EventId, NameId, RunId, StepId } from './ids.js';
import { Scope } from './nexus-fields.js';
import { ResearchKind, ResearchRunResource, ResearchStatus } from './research-runs.js';
import { EventResource, RejectionResource, RunResource, RunStatus, StepResource } from './resources.js';

/** Most items that a page of a list has. */
export const PAGE_ITEMS_MAX = 200;
/** Items of a page when the caller names no number. */
export const PAGE_ITEMS_DEFAULT = 50;

/** A position in a run or a room. */
const position = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description }));

/** A page of a list; `next_cursor` is null on the last one. */
const listOf = <T extends TSchema>(items: T) =>
  Type.Object({
    items: Type.Array(items),
    next_cursor: orNull(Type.String({ description: 'Give it as ?cursor= to go on; null at the end.' })),
  });

const paging = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: PAGE_ITEMS_MAX,
      description: `Items of a page, ${PAGE_ITEMS_DEFAULT} unless said.`,
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2048,
      description: 'next_cursor of the page before, with the same filters.',
    }),
  ),
};

/** A tag's name, or `name:value`; the name ends at the first colon. */
const TagFilter = Type.String({ minLength: 1, maxLength: 641, description: 'A tag: key, or key:value.' });

/** Filters of `GET /v1/runs`; newest first. */
export const RunsQuery = Type.Object({
  status: Type.Optional(RunStatus),
  stage: Type.Optional(Label),
  kind: Type.Optional(Label),
  room: Type.Optional(NameId),
  tag: Type.Optional(TagFilter),
  parent: Type.Optional(RunId),
  project: Type.Optional(NameId),
  surface: Type.Optional(NameId),
  since: Type.Optional(Type.String({ format: 'date-time', description: 'Created at or after (RFC 3339).' })),
  until: Type.Optional(Type.String({ format: 'date-time', description: 'Created before (RFC 3339).' })),
  stalled: Type.Optional(Type.Boolean({ description: 'Open runs without a sign of life for their stale_after_s.' })),
  ...paging,
});
export type RunsQuery = Static<typeof RunsQuery>;

/** Parameters of `GET /v1/runs/:runId/steps`. */
export const StepsQuery = Type.Object({ ...paging });
export type StepsQuery = Static<typeof StepsQuery>;

/** Filters of `GET /v1/runs/:runId/events`; in order. NDJSON takes no cursor, and is whole unless a limit is given. */
export const RunEventsQuery = Type.Object({
  step: Type.Optional(StepId),
  type: Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, description: 'Type of event, such as run.started.' }),
  ),
  after: position('Only events after this run sequence.'),
  ...paging,
});
export type RunEventsQuery = Static<typeof RunEventsQuery>;

/** Parameters of `GET /v1/runs/:runId/state`. */
export const RunStateQuery = Type.Object({
  at: position('A run sequence from 1 to the last; the latest unless said.'),
});
export type RunStateQuery = Static<typeof RunStateQuery>;

/** Parameters of `GET /v1/events`: the events of a correlation, in order of recording. */
export const CorrelationQuery = Type.Object({ correlation_id: CorrelationId, ...paging });
export type CorrelationQuery = Static<typeof CorrelationQuery>;

/** Filters of `GET /v1/rejections`; newest first. */
export const RejectionsQuery = Type.Object({
  run_id: Type.Optional(RunId),
  reason: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Code, such as run.exists.' })),
  ...paging,
});
export type RejectionsQuery = Static<typeof RejectionsQuery>;

/** Parameters of `GET /v1/checkpoints/:fingerprint`. */
export const CheckpointQuery = Type.Object({ stage: Type.Optional(Label) });
export type CheckpointQuery = Static<typeof CheckpointQuery>;

/** Days back that research runs are listed from. */
export const RESEARCH_WINDOW_DAYS = { min: 1, max: 90, default: 7 } as const;

/** Filters of `GET /nexus/runs`; the last begun first. */
export const ResearchRunsQuery = Type.Object({
  window_days: Type.Optional(
    Type.Integer({
      minimum: RESEARCH_WINDOW_DAYS.min,
      maximum: RESEARCH_WINDOW_DAYS.max,
      description: `Runs with an event in so many days back, ${RESEARCH_WINDOW_DAYS.default} unless said.`,
    }),
  ),
  kind: Type.Optional(ResearchKind),
  status: Type.Optional(ResearchStatus),
  project: Type.Optional(NameId),
  ...paging,
});
export type ResearchRunsQuery = Static<typeof ResearchRunsQuery>;

/** Parameters of `GET /nexus/spaces`; by name. */
export const SpacesQuery = Type.Object({ scope: Type.Optional(Scope), ...paging });
export type SpacesQuery = Static<typeof SpacesQuery>;

/** Parameters of the streams. A position may come as header `Last-Event-ID` too, which wins: it is the later one. */
export const StreamQuery = Type.Object({
  after: position('Only events after this sequence; 0 for all; from now unless said.'),
  ticket: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2048,
      description: 'In place of identity, for those who cannot send headers.',
    }),
  ),
});
export type StreamQuery = Static<typeof StreamQuery>;

/** A ticket is of one stream: of a room, or of a run. */
export const StreamTicketRequest = Type.Object(
  { room_id: Type.Optional(NameId), run_id: Type.Optional(RunId) },
  { additionalProperties: false, minProperties: 1, maxProperties: 1 },
);
export type StreamTicketRequest = Static<typeof StreamTicketRequest>;

/** Opens its stream, for as long as it is valid, as `?ticket=`. */
export const StreamTicket = Type.Object({ ticket: Type.String(), expires_at: DateTime });
export type StreamTicket = Static<typeof StreamTicket>;

export const RunList = listOf(RunResource);
export type RunList = Static<typeof RunList>;
export const StepList = listOf(StepResource);
export type StepList = Static<typeof StepList>;
export const EventList = listOf(EventResource);
export type EventList = Static<typeof EventList>;
export const RejectionList = listOf(RejectionResource);
export type RejectionList = Static<typeof RejectionList>;

export const ResearchRunList = listOf(ResearchRunResource);
export type ResearchRunList = Static<typeof ResearchRunList>;

/** A run and its steps, in order of creation, as of one of its events. */
export const RunStateResource = Type.Object({
  sequence: Type.Integer({ minimum: 1 }),
  run: RunResource,
  steps: Type.Array(StepResource),
});
export type RunStateResource = Static<typeof RunStateResource>;

/** What became of an event, as PostgreSQL has it. What does not belong to its outcome is null. */
export const EventOutcomeResource = Type.Object({
  event_id: EventId,
  outcome: Type.Enum(['applied', 'rejected', 'parked']),
  /** The event whose outcome this is: another one for a repeat by idempotency key. */
  first_event_id: EventId,
  run_id: RunId,
  step_id: orNull(StepId),
  /** Applied: its place; a heartbeat names the run's sequence then. */
  run_sequence: orNull(Type.Integer()),
  room_sequence: orNull(Type.Integer()),
  /** Rejected: why. */
  reason: orNull(Type.String()),
  /** Rejected: the state that refused it. */
  current: orNull(Type.String()),
  /** Rejected: the run's version then. */
  version: orNull(Type.Integer()),
  /** Parked: what PostgreSQL answered. */
  sqlstate: orNull(Type.String()),
  recorded_at: DateTime,
  /** Applied, and journalled: the event. */
  event: orNull(EventResource),
});
export type EventOutcomeResource = Static<typeof EventOutcomeResource>;
