import { type Chunking, type EventDocument, ServiceError } from '@runspine/contracts';
import { chunksOf } from './chunker.js';

/** A chunk before it is embedded. */
export interface CutChunk {
  readonly text: string;
  /** The caller's own; without it the space's embedder makes one. */
  readonly vector?: Float32Array;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Bounds of one document. */
export interface DocumentBounds {
  readonly textBytesMax: number;
  readonly chunksMax: number;
}

const CHUNK_CHARS_MAX = 1024 * 1024;
/** So many chunks are cut before others may work. */
const CHUNKS_A_TURN = 500;

/**
 * Cuts a document into chunks, or takes the caller's own. What we know of a chunk's place (heading_path, char_start,
 * char_end) stands in its metadata, unless the document's own metadata has that name.
 * @throws ServiceError `request.invalid`, `nexus.document_too_large`, `nexus.embedding_mismatch`
 */
export async function cutDocument(
  document: EventDocument,
  text: string | undefined,
  chunking: Chunking | undefined,
  bounds: DocumentBounds,
): Promise<CutChunk[]> {
  const own = document.metadata ?? {};
  if (document.chunks) return ownChunks(document.chunks, own, bounds);
  if (text === undefined) throw new ServiceError('request.invalid', 'The document has no text, chunks or blob.');
  if (text.length > bounds.textBytesMax || Buffer.byteLength(text) > bounds.textBytesMax) {
    throw tooLarge('text', { bytes_max: bounds.textBytesMax });
  }
  const vector = document.vector && Float32Array.from(document.vector);
  const chunks: CutChunk[] = [];
  for (const chunk of chunksOf(text, vector ? { strategy: 'none' } : chunking)) {
    if (chunk.text.length > CHUNK_CHARS_MAX) throw tooLarge('chunk', { chars_max: CHUNK_CHARS_MAX });
    if (chunks.length >= bounds.chunksMax) throw tooLarge('number of chunks', { chunks_max: bounds.chunksMax });
    const path = chunk.headings.length > 0 ? { heading_path: chunk.headings } : {};
    const metadata = { ...path, char_start: chunk.start, char_end: chunk.end, ...own };
    chunks.push({ text: chunk.text, metadata, ...(vector ? { vector } : {}) });
    if (chunks.length % CHUNKS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (chunks.length === 0) throw new ServiceError('request.invalid', 'The document has no text: nothing but space.');
  return chunks;
}

function ownChunks(
  given: NonNullable<EventDocument['chunks']>,
  own: Readonly<Record<string, unknown>>,
  bounds: DocumentBounds,
): CutChunk[] {
  const [first] = given;
  if (!first) throw new ServiceError('request.invalid', 'The document has no chunks.');
  if (given.length > bounds.chunksMax) throw tooLarge('number of chunks', { chunks_max: bounds.chunksMax });
  return given.map(({ text, vector, metadata }) => {
    if (text.length > CHUNK_CHARS_MAX) throw tooLarge('chunk', { chars_max: CHUNK_CHARS_MAX });
    if (vector?.length !== first.vector?.length) {
      throw new ServiceError(
        'nexus.embedding_mismatch',
        'The chunks of a document have vectors of one dimension each, or none of them has one.',
      );
    }
    const merged = { ...own, ...metadata };
    return vector ? { text, metadata: merged, vector: Float32Array.from(vector) } : { text, metadata: merged };
  });
}

function tooLarge(what: string, details: Record<string, unknown>): ServiceError {
  const [limit] = Object.values(details);
  return new ServiceError(
    'nexus.document_too_large',
    `The document's ${what} is over the limit of ${String(limit)}.`,
    details,
  );
}
