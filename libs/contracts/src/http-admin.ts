import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { faultsOf } from './define-event.js';
import { DateTime, orNull } from './fields.js';
import { EventId, NameId, RunId } from './ids.js';
import type { Fault } from './json.js';

const Count = Type.Integer({ minimum: 0 });

/** The kinds of jobs; one of a kind runs at a time. */
export const JOB_KINDS = ['audit', 'projections_verify', 'projections_rebuild', 'redrive'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** One thing that does not verify. */
export const AuditFinding = Type.Object({
  chain: Type.Enum(['run', 'nexus', 'tenant']),
  id: Type.String({ description: 'Run id, stream or tenant.' }),
  sequence: orNull(Type.Integer({ description: 'The row; null where it is the chain as a whole.' })),
  to_sequence: Type.Optional(Type.Integer({ description: 'The last of several missing rows.' })),
  fault: Type.Enum(['changed', 'missing', 'inserted', 'head']),
  detail: Type.String(),
});

/** What an audit came to. */
export const AuditReport = Type.Object({
  tenant_id: NameId,
  run_id: Type.Optional(RunId),
  verified: Type.Boolean({ description: 'No finding.' }),
  checked_at: DateTime,
  runs: Count,
  events: Type.Integer({ minimum: 0, description: 'Rows of the journal that were walked.' }),
  streams: Type.Integer({ minimum: 0, description: 'Streams of Nexus that were walked.' }),
  stored_heads: Type.Integer({ minimum: 0, description: 'Heads in PostgreSQL that the journal was held against.' }),
  published_heads: orNull(
    Type.Integer({ description: 'Heads in the audit topic, likewise; null where the topic could not be read whole.' }),
  ),
  tenant_head: orNull(DateTime),
  public_key: Type.String({ description: 'Ed25519, PEM: what published heads are checked with.' }),
  findings: Type.Array(AuditFinding, { description: 'At most 1,000.' }),
  findings_total: Count,
});
export type AuditReport = Static<typeof AuditReport>;

/** A job, as it is. */
export const JobResource = Type.Object({
  job_id: Type.String({ pattern: '^job_[0-9a-f]{32}$' }),
  kind: Type.Enum([...JOB_KINDS]),
  tenant_id: orNull(NameId),
  status: Type.Enum(['running', 'completed', 'failed', 'cancelled']),
  progress: Type.Object({
    done: Count,
    total: orNull(Type.Integer({ description: 'An estimate; null while it is not known.' })),
  }),
  result: orNull(Type.Record(Type.String(), Type.Unknown(), { description: 'By kind; of an audit an AuditReport.' })),
  error: orNull(Type.Object({ code: Type.String(), message: Type.String() })),
  created_at: DateTime,
  updated_at: DateTime,
  ended_at: orNull(DateTime),
});
export type JobResource = Static<typeof JobResource>;

/** The latest jobs. */
export const JobList = Type.Object({ items: Type.Array(JobResource) });
export type JobList = Static<typeof JobList>;

/** The answer 202. */
export const JobAccepted = Type.Object({ job_id: JobResource.properties.job_id });
export type JobAccepted = Static<typeof JobAccepted>;

/** Parameters of `GET /v1/admin/audit`. */
export const AuditQuery = Type.Object({
  tenant: Type.Optional(Type.String({ ...NameId, description: "The caller's own unless said; another's for system." })),
});
export type AuditQuery = Static<typeof AuditQuery>;

const letterFilters = {
  topic: Type.Optional(Type.String({ minLength: 1, maxLength: 249, description: 'Source topic, in full.' })),
  code: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Such as event.malformed.' })),
};

/** Parameters of `GET /v1/admin/dead-letters`. */
export const DeadLettersQuery = Type.Object({
  ...letterFilters,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Letters of a page, 50 unless said.' })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: 'next_cursor of the page before.' })),
});
export type DeadLettersQuery = Static<typeof DeadLettersQuery>;

/** A dead letter: where it lies, where it came from, why. */
export const DeadLetterResource = Type.Object({
  partition: Count,
  offset: Count,
  source: Type.Object({ topic: Type.String(), partition: Count, offset: Count, group: orNull(Type.String()) }),
  code: Type.String(),
  detail: orNull(Type.String()),
  time: orNull(Type.String()),
  event_id: orNull(Type.String({ description: 'What the record says of itself, where it says it.' })),
  type: orNull(Type.String()),
  tenant_id: orNull(Type.String()),
  key: orNull(Type.String()),
  bytes: Type.Integer({ minimum: 0, description: 'Of the value as it was.' }),
  cut: orNull(
    Type.String({ description: 'What of the record is not kept whole: key, headers, value; null where all is.' }),
  ),
  redriven: orNull(Type.String({ description: 'Of a letter that came back: which redrive sent it.' })),
});
export type DeadLetterResource = Static<typeof DeadLetterResource>;

export const DeadLetterList = Type.Object({
  items: Type.Array(DeadLetterResource),
  next_cursor: orNull(Type.String()),
});
export type DeadLetterList = Static<typeof DeadLetterList>;

/** A dead letter with what it holds. Text, or base64 where it is none. */
export const DeadLetterContent = Type.Object({
  ...DeadLetterResource.properties,
  headers: Type.Record(Type.String(), Type.String()),
  value: orNull(Type.String()),
  encoding: Type.Enum(['utf8', 'base64']),
});
export type DeadLetterContent = Static<typeof DeadLetterContent>;

/** Which letters are sent again, and how fast. */
export const RedriveRequest = Type.Object(
  {
    selection: Type.Object(
      {
        ...letterFilters,
        event_id: Type.Optional(EventId),
        letters: Type.Optional(
          Type.Array(Type.Object({ partition: Count, offset: Count }, { additionalProperties: false }), {
            minItems: 1,
            maxItems: 1000,
          }),
        ),
      },
      { additionalProperties: false, minProperties: 1, description: 'All that is given must fit.' },
    ),
    dry_run: Type.Optional(Type.Boolean({ description: 'Only count, and name the first.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: '1,000 unless said.' })),
    rate: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'A second; 100 unless said.' })),
  },
  { additionalProperties: false },
);
export type RedriveRequest = Static<typeof RedriveRequest>;

const compiledRedrive = Compile(RedriveRequest);

/** Every fault of a redrive's shape. */
export function redriveFaults(body: unknown): Fault[] {
  return compiledRedrive.Check(body) ? [] : faultsOf(compiledRedrive, body);
}
