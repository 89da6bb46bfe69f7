import { canonicalize, ServiceError, type SpaceKey, spacePath } from '@runspine/contracts';
import type { Signer } from '@runspine/service';
import { digest } from './digest.js';
import type { Mode, QueryPlan } from './query-plan.js';
import type { SourceVersions } from './sources.js';

/** The data that a query is asked of, and what it was decided by there: what a snapshot and a cursor hold. */
export interface AskedAt {
  readonly versions: SourceVersions;
  readonly mode: Mode;
  readonly depth: number;
  /** Names the record of what cannot be worked out again. */
  readonly record?: string;
}

/** Where a page begins, or begins anew. */
export interface Resumed extends AskedAt {
  /** Hits before the page. */
  readonly offset: number;
}

interface Sealed {
  /** Versions: own, global. */
  readonly o: number | null;
  readonly g?: number | null;
  readonly m: Mode;
  readonly d: number;
  readonly r?: string;
  /** Of snapshots: which query. Of cursors: hits before the next page. */
  readonly q?: string;
  readonly n?: number;
}

/**
 * Cursors and snapshots. A cursor is good for the same query of the same space alone; a snapshot for any query of the
 * space, and for the same query also with what was decided and kept then.
 */
export class Positions {
  constructor(private readonly signer: Signer) {}

  /** Undefined for a new query. @throws ServiceError `nexus.cursor_invalid`, `nexus.snapshot_invalid` */
  resume(space: SpaceKey, plan: QueryPlan): Resumed | Pick<Resumed, 'versions'> | undefined {
    if (plan.cursor !== undefined) {
      const sealed = this.signer.open(cursorContext(space, plan), plan.cursor) as Sealed | undefined;
      if (sealed === undefined) throw new ServiceError('nexus.cursor_invalid');
      return { ...askedAt(sealed), offset: sealed.n ?? 0 };
    }
    if (plan.asOf === undefined) return undefined;
    const sealed = this.signer.open(snapshotContext(space), plan.asOf) as Sealed | undefined;
    if (sealed === undefined) throw new ServiceError('nexus.snapshot_invalid');
    const { versions, ...decided } = askedAt(sealed);
    if (plan.includeGlobal && versions.global === undefined && space.scope === 'tenant') {
      throw new ServiceError(
        'nexus.snapshot_invalid',
        'The snapshot is of a query that did not include the global space.',
      );
    }
    return sealed.q === queryDigest(plan, sealed.d) && sealed.d === plan.depth
      ? { versions, ...decided, offset: 0 }
      : { versions };
  }

  cursor(space: SpaceKey, plan: QueryPlan, at: AskedAt, offset: number): string {
    return this.signer.seal(cursorContext(space, plan), { ...sealedOf(at), n: offset } satisfies Sealed);
  }

  snapshot(space: SpaceKey, plan: QueryPlan, at: AskedAt): string {
    const sealed: Sealed = { ...sealedOf(at), q: queryDigest(plan, at.depth) };
    return this.signer.seal(snapshotContext(space), sealed);
  }
}

function cursorContext(space: SpaceKey, plan: QueryPlan): string[] {
  return ['nexus.cursor', spacePath(space), queryDigest(plan, undefined)];
}

function snapshotContext(space: SpaceKey): string[] {
  return ['nexus.snapshot', spacePath(space)];
}

/** All that decides the list and its order. The size of a page is among it where caps count by page. */
function queryDigest(plan: QueryPlan, depth: number | undefined): string {
  const { text, vector, mode, filter, includeGlobal, caps, rrfK, weights, rerank, topK } = plan;
  const parts = { text, mode, filter, includeGlobal, caps, rrfK, weights, rerank, pageSize: caps && topK, depth };
  const bytes = vector && Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
  return digest(canonicalize(JSON.parse(JSON.stringify({ ...parts, vector: bytes }))));
}

function sealedOf({ versions, mode, depth, record }: AskedAt): Sealed {
  return {
    o: versions.own,
    ...(versions.global !== undefined && { g: versions.global }),
    m: mode,
    d: depth,
    ...(record !== undefined && { r: record }),
  };
}

function askedAt({ o, g, m, d, r }: Sealed): AskedAt {
  return {
    versions: { own: o, ...(g !== undefined && { global: g }) },
    mode: m,
    depth: d,
    ...(r !== undefined && { record: r }),
  };
}
