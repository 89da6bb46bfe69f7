import Type from 'typebox';
import { type DataOf, defineEvent, type EventDefinition } from './define-event.js';
import type { Envelope } from './envelope.js';
import { Count, described, DurationMs, Json, Label, Metadata, Title } from './fields.js';
import { RunId, StepId, TaskId } from './ids.js';
import {
  BlobRef,
  Chunking,
  DocumentId,
  EventDocument,
  INGEST_DOCUMENTS_MAX,
  SpaceRef,
  SpaceVersion,
  TaskError,
} from './nexus-fields.js';
import { type SpaceKey, spacePath, SYSTEM_TENANT } from './space-key.js';

const ofTask = { task_id: TaskId, space: SpaceRef };
const Documents = described(Count, 'Documents of the task that are done: indexed, removed or refused.');
const Chunks = described(Count, 'Chunks of the task that are indexed.');
const Errors = Type.Array(TaskError, { maxItems: INGEST_DOCUMENTS_MAX, description: 'Documents that were refused.' });

/** Documents are to be put into a space, or taken out of it. First of a task. */
export const nexusIngestRequested = defineEvent(
  'nexus.ingest_requested',
  1,
  'Documents are to be put into a space, or taken out of it. Replacing and removing a document are whole.',
  {
    ...ofTask,
    documents: Type.Optional(
      Type.Array(EventDocument, { maxItems: INGEST_DOCUMENTS_MAX, description: 'Each id once.' }),
    ),
    deletions: Type.Optional(
      Type.Array(DocumentId, { maxItems: INGEST_DOCUMENTS_MAX, description: 'Ids of documents to remove.' }),
    ),
    payload_blob: Type.Optional(
      described(BlobRef, 'In the place of documents and deletions: a blob with JSON `{documents, deletions}`.'),
    ),
    document_count: Type.Optional(
      described(Count, 'Documents and deletions together; to be given beside payload_blob.'),
    ),
    chunking: Type.Optional(Chunking),
  },
  ['documents'],
);

/** One commit of a space: progress of the tasks that it served. One event for each tenant that it served. */
export const nexusIndexed = defineEvent(
  'nexus.indexed',
  1,
  'A space has a new version. Progress of the tasks that it served; an event for each tenant whose tasks they are.',
  {
    space: SpaceRef,
    version: SpaceVersion,
    documents: described(Count, 'Documents that this commit put in or took out.'),
    chunks: described(Count, 'Chunks that this commit put in.'),
    model: Type.Optional(described(Label, "The space's embedding model.")),
    dimension: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_536 })),
    tasks: Type.Array(
      Type.Object({ task_id: TaskId, documents: Documents, chunks: Chunks }, { additionalProperties: true }),
      { maxItems: 10_000, description: 'Tasks that it served, with what is done of each so far.' },
    ),
  },
);

/** A task is done; documents that were refused are named. */
export const nexusIngestCompleted = defineEvent(
  'nexus.ingest_completed',
  1,
  'The task is done. Documents that were refused are named; the others can be found from `version` on.',
  {
    ...ofTask,
    documents: Documents,
    chunks: Chunks,
    version: Type.Optional(SpaceVersion),
    errors: Type.Optional(Errors),
  },
);

/** A task came to nothing, or was given up. */
export const nexusIngestFailed = defineEvent('nexus.ingest_failed', 1, 'The task was given up; errors say why.', {
  ...ofTask,
  errors: described(Errors, 'Why; at least one.'),
  documents: Type.Optional(Documents),
  chunks: Type.Optional(Chunks),
  version: Type.Optional(SpaceVersion),
});

/** A space was asked. Each query reports itself; none waits for it, so that some may be missing. */
export const nexusSearched = defineEvent('nexus.searched', 1, 'A space was asked.', {
  space: SpaceRef,
  mode: Type.Optional(Type.Enum(['auto', 'hybrid', 'vector', 'text'])),
  top_k: Type.Optional(Count),
  include_global: Type.Optional(Type.Boolean()),
  hits: Type.Optional(described(Count, 'How many came back.')),
  took_ms: Type.Optional(DurationMs),
  run_id: Type.Optional(described(RunId, 'The run that asked.')),
  step_id: Type.Optional(described(StepId, 'The step that asked.')),
});

/** A pack, a bundle of documents for one purpose, was made. Counts for research runs. */
export const nexusPackCreated = defineEvent(
  'nexus.pack_created',
  1,
  'A bundle of documents was made for a purpose.',
  {
    pack_id: described(Label, 'Its id.'),
    space: Type.Optional(SpaceRef),
    name: Type.Optional(Title),
    documents: Type.Optional(described(Count, 'How many it holds.')),
    metadata: Type.Optional(Metadata),
  },
  ['name', 'metadata'],
);

/** A raw asset, such as a page or a recording, was kept before it became documents. Counts for research runs. */
export const nexusRawAssetCreated = defineEvent(
  'nexus.raw_asset_created',
  1,
  'A page, file or recording was kept, before documents are made of it.',
  {
    asset_id: described(Label, 'Its id.'),
    space: Type.Optional(SpaceRef),
    source_uri: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: 'Where it came from.' })),
    media_type: Type.Optional(Label),
    bytes: Type.Optional(Count),
    metadata: Type.Optional(Metadata),
    detail: Type.Optional(Json),
  },
  ['source_uri', 'metadata', 'detail'],
);

/** Every event of `runspine.nexus.v1`. */
export const NEXUS_EVENT_DEFINITIONS = [
  nexusIngestRequested,
  nexusIndexed,
  nexusIngestCompleted,
  nexusIngestFailed,
  nexusSearched,
  nexusPackCreated,
  nexusRawAssetCreated,
] as const;

type AnyDefinition = (typeof NEXUS_EVENT_DEFINITIONS)[number];

/** The name of a nexus event's type, such as `nexus.indexed`. */
export type NexusEventType = AnyDefinition['type'];
/** The data of a nexus event of one type. */
export type NexusEventData<T extends NexusEventType> = DataOf<Extract<AnyDefinition, { type: T }>>;
/** An event of `runspine.nexus.v1` in its envelope: a union that narrows by `type`. */
export type NexusEvent = {
  [T in NexusEventType]: Omit<Envelope, 'type'> & { type: T; data: NexusEventData<T> };
}[NexusEventType];

const byType = new Map<string, EventDefinition>(NEXUS_EVENT_DEFINITIONS.map((one) => [one.type, one]));

/** The definition of a nexus event's type, or undefined for a type that is none. */
export function nexusDefinitionOf(type: string): EventDefinition | undefined {
  return byType.get(type);
}

/** The key of a space that an event of this tenant and env names. */
export function spaceKeyOf(tenantId: string, env: string, space: SpaceRef): SpaceKey {
  return {
    scope: space.scope,
    tenantId: space.scope === 'global' ? SYSTEM_TENANT : tenantId,
    env,
    projectId: space.project,
    surfaceId: space.surface,
    spaceId: space.space_id,
  };
}

/**
 * Subject and Kafka key of a nexus event: its space's path, or `tenant/env/correlation` where its data names none.
 * Undefined where it has neither.
 */
export function nexusKeyOf(event: {
  tenantid: string;
  env: string;
  correlationid?: string;
  data: object;
}): string | undefined {
  const { space } = event.data as { space?: SpaceRef };
  if (space) return spacePath(spaceKeyOf(event.tenantid, event.env, space));
  return event.correlationid === undefined ? undefined : `${event.tenantid}/${event.env}/${event.correlationid}`;
}

/** A nexus event in its envelope, subject and key made from it. @throws RangeError where it has no key. */
export function nexusEvent<T extends NexusEventType>(
  type: T,
  envelope: Omit<Envelope, 'type' | 'subject' | 'partitionkey' | 'dataschema'>,
  data: NexusEventData<T>,
): NexusEvent {
  const key = nexusKeyOf({ ...envelope, data });
  if (key === undefined) throw new RangeError(`${type} needs a space or a correlation id`);
  const { dataschema } = byType.get(type)!;
  return { ...envelope, type, subject: key, partitionkey: key, dataschema, data } as NexusEvent;
}
