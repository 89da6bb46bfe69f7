import Type, { type Static } from 'typebox';
import { Count, described } from './fields.js';
import { NameId } from './ids.js';
import type { NexusEventType } from './nexus-events.js';

/** Kinds of research runs, the least telling first: a run is of the last that one of its events is of. */
export const RESEARCH_KINDS = ['search', 'asset', 'ingest', 'pack'] as const;

/** What a research run came to so far: of what its events are, the last of search, asset, ingest, pack. */
export const ResearchKind = Type.Enum(RESEARCH_KINDS, {
  description: 'What it came to so far: of what its events are, the last in the order search, asset, ingest, pack.',
});
export type ResearchKind = Static<typeof ResearchKind>;

/** `running` while a task of the run is open, then `failed` where one failed, else `completed`. */
export const ResearchStatus = Type.Enum(['running', 'completed', 'failed'], {
  description: '`running` while a task of it is open; then `failed` where one failed, else `completed`.',
});
export type ResearchStatus = Static<typeof ResearchStatus>;

/** How much of each a research run has. */
export const ResearchCounts = Type.Object({
  cards: described(Count, 'Documents that were put in or taken out; refused ones do not count.'),
  atoms: described(Count, 'Chunks that were indexed.'),
  searches: described(Count, 'Questions that were asked.'),
  packs: described(Count, 'Packs that were made.'),
  assets: described(Count, 'Raw assets that were kept.'),
});
export type ResearchCounts = Static<typeof ResearchCounts>;

/** What belonged together in Nexus: events of one trace, else of one correlation, in a tenant, env and project. */
export const ResearchRunResource = Type.Object({
  id: Type.String({
    description: 'The trace id of its events; else their correlation id; else the run that asked, or the task.',
  }),
  tenant: NameId,
  env: NameId,
  project: NameId,
  kind: ResearchKind,
  status: ResearchStatus,
  started_at: Type.String({ format: 'date-time', description: 'Time of its first event.' }),
  last_event_at: Type.String({ format: 'date-time', description: 'Time of its last event.' }),
  counts: ResearchCounts,
});
export type ResearchRunResource = Static<typeof ResearchRunResource>;

/** What an event of Nexus does to its research run. */
export interface ResearchEffect {
  /** Who sends it. */
  readonly emitter: string;
  /** The least kind that the run has from then on. */
  readonly kind: ResearchKind;
  /** What it adds to. */
  readonly counts: readonly (keyof ResearchCounts)[];
  /** What becomes of the run's status. */
  readonly status: string;
}

/** Of each event of `runspine.nexus.v1`; the projector is tested to agree. */
export const RESEARCH_EFFECTS: Record<NexusEventType, ResearchEffect> = {
  'nexus.ingest_requested': {
    emitter: 'the gateway; any producer',
    kind: 'ingest',
    counts: [],
    status: 'The task is open: `running`.',
  },
  'nexus.indexed': {
    emitter: 'the nexus service',
    kind: 'ingest',
    counts: ['cards', 'atoms'],
    status: 'None: the tasks that it names stay open. It counts for the run of each of them.',
  },
  'nexus.ingest_completed': {
    emitter: 'the nexus service',
    kind: 'ingest',
    counts: ['cards', 'atoms'],
    status: 'The task ends. When it was the last open one: `completed`, or `failed` where another task failed.',
  },
  'nexus.ingest_failed': {
    emitter: 'the nexus service',
    kind: 'ingest',
    counts: ['cards', 'atoms'],
    status:
      'The task ends as failed. When it was the last open one: `failed`. A later completion of it takes that back.',
  },
  'nexus.searched': {
    emitter: 'the gateway, of every query that it answered; any producer',
    kind: 'search',
    counts: ['searches'],
    status: 'None: `completed` where no task is open and none failed.',
  },
  'nexus.pack_created': {
    emitter: 'producers of packs',
    kind: 'pack',
    counts: ['packs'],
    status: 'None: `completed` where no task is open and none failed.',
  },
  'nexus.raw_asset_created': {
    emitter: 'crawlers, and who else keeps raw assets',
    kind: 'asset',
    counts: ['assets'],
    status: 'None: `completed` where no task is open and none failed.',
  },
};
