import type { NexusEvent, SpaceKey } from '@runspine/contracts';
import type { Logger } from '@runspine/service';
import type { Embedder } from '../embedding/embedder.js';
import type { Gate } from '../remote/gate.js';
import type { SpaceStore } from '../spaces/space-store.js';
import type { Decisions } from './decisions.js';
import type { DocumentBounds } from './document-cutter.js';
import type { RequestBlobs } from './request-blobs.js';

/** Bounds and times of ingest. */
export interface IngestLimits extends DocumentBounds {
  /** A space is committed no more often than that, unless a group is full. */
  readonly windowMs: number;
  /** Bytes of a group that are committed without waiting. */
  readonly groupBytes: number;
  /** Bytes of all groups of the process; beyond, each is committed as soon as it has something. */
  readonly heldBytesMax: number;
  /** How long what fails is tried again before its tasks fail. */
  readonly retryMs: number;
}

/** What the work on all spaces shares. */
export interface IngestParts {
  readonly store: Pick<SpaceStore, 'commit' | 'open'>;
  readonly embedderOf: (space: SpaceKey) => Embedder;
  readonly blobs: RequestBlobs;
  readonly decisions: Decisions;
  /** Resolves once Kafka has acknowledged it. */
  readonly publish: (event: NexusEvent) => Promise<void>;
  /** How many documents are fetched, cut and embedded at once, and how many commits are written at once. */
  readonly preparing: Gate;
  readonly committing: Gate;
  readonly held: { bytes: number };
  readonly limits: IngestLimits;
  readonly logger: Logger;
  /** Tells of a commit and of ended tasks, for metrics. */
  readonly onCommitted?: (commit: { documents: number; chunks: number; tasks: number; seconds: number }) => void;
  readonly onEnded?: (status: 'completed' | 'failed') => void;
}
