import type { PipeTransform } from '@nestjs/common';
import {
  type Fault,
  faultsOf,
  findUnstorable,
  INGEST_DOCUMENTS_MAX,
  type IngestDocument,
  IngestRequest,
  invalidRequest,
  normalizeTime,
  ServiceError,
} from '@runspine/contracts';
import { Compile } from 'typebox/compile';

const compiled = Compile(IngestRequest);
/** Most faults that an answer names. */
const FAULTS_MAX = 20;

/**
 * The body of an ingest: fits its schema, each document is said once and in one form, vectors have one length.
 * @throws ServiceError `request.too_large` for too many documents; `request.invalid` that names each fault.
 */
export const ingestBodyPipe: PipeTransform<unknown, IngestRequest> = {
  transform: (sent) => {
    const unstorable = findUnstorable(sent);
    if (unstorable) throw invalidRequest([unstorable]);
    const documents = (sent as { documents?: unknown } | null | undefined)?.documents;
    if (Array.isArray(documents) && documents.length > INGEST_DOCUMENTS_MAX) {
      const details = { documents_max: INGEST_DOCUMENTS_MAX, documents: documents.length };
      throw new ServiceError('request.too_large', `A request has ${INGEST_DOCUMENTS_MAX} documents at most.`, details);
    }
    if (!compiled.Check(sent)) {
      throw invalidRequest(faultsOf(compiled, sent).map(({ path, message }) => ({ path: path || '/', message })));
    }
    const faults = documentFaults(sent.documents);
    if (faults.length > 0) throw invalidRequest(faults);
    return sent;
  },
};

function documentFaults(documents: readonly IngestDocument[]): Fault[] {
  const faults: Fault[] = [];
  const places = new Map<string, number>();
  const dimension = new Dimension();
  for (const [index, document] of documents.entries()) {
    const path = `/documents/${index}`;
    const { document_id: id } = document;
    if (id !== undefined) {
      const before = places.get(id);
      if (before === undefined) places.set(id, index);
      else faults.push({ path: `${path}/document_id`, message: `is that of /documents/${before}, too` });
    }
    formFaults(document, path, faults);
    vectorFaults(document, path, dimension, faults);
    if (faults.length >= FAULTS_MAX) break;
  }
  return faults.slice(0, FAULTS_MAX);
}

function formFaults(document: IngestDocument, path: string, faults: Fault[]): void {
  const forms = (['text', 'chunks', 'blob_uri'] as const).filter((form) => document[form] !== undefined);
  if (forms.length !== 1) faults.push({ path, message: 'must have one of text, chunks and blob_uri' });
  if (document.text !== undefined && isBlank(document.text)) {
    faults.push({ path: `${path}/text`, message: 'must hold more than white space' });
  }
  for (const [index, { text }] of (document.chunks ?? []).entries()) {
    if (isBlank(text))
      faults.push({ path: `${path}/chunks/${index}/text`, message: 'must hold more than white space' });
  }
  if (document.vector !== undefined && document.text === undefined) {
    faults.push({ path: `${path}/vector`, message: 'goes with text; chunks have vectors of their own' });
  }
  if (document.occurred_at !== undefined) {
    const time = normalizeTime(document.occurred_at, Number.POSITIVE_INFINITY);
    if ('message' in time) faults.push({ path: `${path}/occurred_at`, message: time.message });
  }
}

/** The length of the first vector of a request, which all others must have. */
class Dimension {
  private first: { length: number; path: string } | undefined;

  check(vector: readonly number[] | undefined, path: string, faults: Fault[]): void {
    if (vector === undefined) return;
    this.first ??= { length: vector.length, path };
    const { length, path: firstPath } = this.first;
    if (vector.length === length) return;
    faults.push({ path, message: `must have ${length} numbers, as ${firstPath} has; it has ${vector.length}` });
  }
}

function vectorFaults(document: IngestDocument, path: string, dimension: Dimension, faults: Fault[]): void {
  dimension.check(document.vector, `${path}/vector`, faults);
  for (const [index, { vector }] of (document.chunks ?? []).entries()) {
    dimension.check(vector, `${path}/chunks/${index}/vector`, faults);
  }
}

function isBlank(text: string): boolean {
  return !/\S/.test(text);
}
