import { isRunspineError, type NexusHit, type NexusQuery, type RecordedEvent } from '@runspine/client';
import type { Session } from '../session.js';

/** A hit as a step keeps it. */
export type KeptHit = Pick<NexusHit, 'id' | 'score'> & { readonly source_scope?: NexusHit['source_scope'] };

/** What a step asked, and got, by its `step.retrieved`. */
export interface Retrieved {
  readonly space: string;
  /** As it was asked; its vector as 32-bit floats in base64, and what was too large to keep by name. */
  readonly query: NexusQuery & { readonly vector_f32?: string; readonly left_out?: readonly string[] };
  readonly hits: readonly KeptHit[];
  readonly snapshot: string;
}

/**
 * What became of a question that was asked again: the same hits, others, a snapshot that is no longer kept, or a
 * retrieval that cannot be asked again.
 */
export type Verdict = 'same' | 'different' | 'gone' | 'unanswerable';

/** A retrieval, and what the same question gives now. */
export interface Replayed {
  readonly event: RecordedEvent;
  readonly retrieved: Retrieved | undefined;
  readonly hits: readonly KeptHit[];
  readonly verdict: Verdict;
  /** Why there is no answer. */
  readonly reason?: string;
}

/** What is no longer kept: the versions of a snapshot, or of the cursor that led to a page. */
const GONE = new Set(['nexus.snapshot_expired', 'nexus.cursor_invalid']);

const GONE_REASON =
  'The data of then is no longer kept: nexus keeps versions of a space for RUNSPINE_NEXUS_KEEP_MS, 7 days by default.';

/** Asks what a step asked of the snapshot that it had, where it stood: its project and surface. */
export async function askAgain(session: Session, event: RecordedEvent): Promise<Replayed> {
  const retrieved = retrievedOf(event);
  const none = (verdict: Verdict, reason: string): Replayed => ({ event, retrieved, hits: [], verdict, reason });
  if (!retrieved) return none('unanswerable', 'It is no retrieval of Nexus, or its payload was erased.');
  const { space, query, hits: before, snapshot } = retrieved;
  if (query.left_out?.length) {
    return none('unanswerable', `The question was not kept whole: its ${query.left_out.join(' and ')} was too large.`);
  }
  const client = session.clientIn({ project: event.project_id, surface: event.surface_id });
  try {
    const { hits } = await client.nexus.query(space, questionOf(query, snapshot), session.call);
    const now = hits.map(({ id, score, source_scope }) => ({ id, score, source_scope }));
    return { event, retrieved, hits: now, verdict: sameHits(before, now) ? 'same' : 'different' };
  } catch (error) {
    if (!isRunspineError(error)) throw error;
    if (GONE.has(error.code)) return none('gone', GONE_REASON);
    if (error.code === 'nexus.snapshot_invalid') return none('gone', 'This installation does not know the snapshot.');
    if (error.status === 400) return none('unanswerable', error.message);
    throw error;
  }
}

/** Undefined for what another producer wrote in a form of its own, and for what was erased. */
function retrievedOf({ data }: RecordedEvent): Retrieved | undefined {
  const { space, query, hits, snapshot } = data;
  const asked = typeof query === 'object' && query !== null && !Array.isArray(query);
  const known = typeof space === 'string' && asked && Array.isArray(hits) && typeof snapshot === 'string';
  return known ? (data as unknown as Retrieved) : undefined;
}

/** A later page is asked for by its cursor, which has its snapshot itself. */
function questionOf(
  { vector_f32: floats, left_out: _none, ...query }: Retrieved['query'],
  snapshot: string,
): NexusQuery {
  const { as_of: _before, ...asked } = query;
  return {
    ...asked,
    ...(floats === undefined ? {} : { vector: vectorOf(floats) }),
    ...(asked.cursor === undefined ? { as_of: snapshot } : {}),
  };
}

function vectorOf(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: bytes.length >> 2 }, (_, index) => bytes.readFloatLE(index * 4));
}

function sameHits(before: readonly KeptHit[], after: readonly KeptHit[]): boolean {
  return before.length === after.length && before.every((hit, at) => sameHit(hit, after[at]));
}

/** The same chunk of the same source with the same score. */
export function sameHit(before: KeptHit | undefined, after: KeptHit | undefined): boolean {
  if (!before || !after) return before === after;
  const scope = before.source_scope ?? after.source_scope;
  return before.id === after.id && before.score === after.score && scope === after.source_scope;
}
