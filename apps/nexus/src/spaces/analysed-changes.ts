import { ServiceError } from '@runspine/contracts';
import type { RecordBatch } from 'apache-arrow';
import { addTo, encodeDelta, type StatisticsDelta } from './commit-chain.js';
import type { DocumentChange } from './document-change.js';
import { arrowRows, rowsOf } from './space-rows.js';
import { decodeTerms, type SpaceEmbedding } from './space-schema.js';
import { termsOfTexts, type TextTerms } from './text-terms.js';

/** Changes with the terms of their chunks. */
export interface AnalysedChanges {
  readonly embedding: SpaceEmbedding;
  readonly changes: readonly DocumentChange[];
  readonly terms: ReadonlyMap<DocumentChange, readonly TextTerms[]>;
  /** All of them, put together: what is written where none is left out. */
  readonly whole: Prepared;
}

/** Changes as they are written. */
export interface Prepared {
  readonly rows: RecordBatch;
  /** What the rows add to the statistics, and that as the commit row holds it. */
  readonly delta: StatisticsDelta;
  readonly statistics: string;
}

/**
 * Finds the terms of all chunks and puts their rows together: work that needs no turn of the space, and runs while
 * LanceDB writes what came before.
 * @throws ServiceError nexus.embedding_mismatch where a vector has not the embedding's dimension
 */
export async function analyse(embedding: SpaceEmbedding, changes: readonly DocumentChange[]): Promise<AnalysedChanges> {
  requireDimension(embedding, changes);
  const { texts, frequencies } = await termsOfTexts(changes.flatMap(({ chunks }) => chunks.map(({ text }) => text)));
  let from = 0;
  const terms = new Map(changes.map((change) => [change, texts.slice(from, (from += change.chunks.length))]));
  return { embedding, changes, terms, whole: prepared(embedding, changes, terms, frequencies) };
}

/** Changes put together; `terms` are their frequencies where they are known. */
export function prepared(
  embedding: SpaceEmbedding,
  changes: readonly DocumentChange[],
  termsOf: AnalysedChanges['terms'],
  terms?: ReadonlyMap<string, number>,
): Prepared {
  const texts = changes.flatMap((change) => termsOf.get(change) ?? []);
  const delta = {
    documents: changes.filter(({ chunks }) => chunks.length > 0).length,
    chunks: texts.length,
    tokens: texts.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    terms: terms ?? frequenciesOf(texts),
  };
  const rows = changes.flatMap((change) => rowsOf(change, termsOf.get(change) ?? []));
  return { rows: arrowRows(embedding, rows), delta, statistics: encodeDelta(delta) };
}

function frequenciesOf(texts: readonly TextTerms[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { encoded } of texts) {
    for (const [term] of decodeTerms(Buffer.from(encoded).toString())) addTo(counts, term, 1);
  }
  return counts;
}

function requireDimension({ dimension }: SpaceEmbedding, changes: readonly DocumentChange[]): void {
  for (const { documentId, chunks } of changes) {
    const wrong = chunks.find((chunk) => chunk.vector.length !== dimension);
    if (!wrong) continue;
    const details = { document_id: documentId, dimension, given: wrong.vector.length };
    throw new ServiceError(
      'nexus.embedding_mismatch',
      `a vector of ${documentId} has ${wrong.vector.length} dimensions, not ${dimension}`,
      details,
    );
  }
}
