import type { NexusDocument, NexusTask, Scope } from '@runspine/client';
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, isAbsolute, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { usage } from '../failures.js';
import { bytesText, countText } from '../output/units.js';
import type { Session } from '../session.js';

export interface IngestOptions {
  readonly text?: string;
  readonly id?: string;
  readonly type?: string;
  readonly metadata?: Record<string, string>;
  readonly scope: Scope;
  readonly correlation?: string;
  readonly wait: boolean;
}

/** What goes into one request; the gateway takes 1,000 documents and 16 MiB. */
const REQUEST = { documents: 500, bytes: 8 * 1024 * 1024 };
/** Texts from here on travel as blobs. */
const BLOB_BYTES = 1024 * 1024;

/** Puts files, lines of documents, or a text into a space. */
export async function ingest(
  session: Session,
  space: string,
  files: readonly string[],
  options: IngestOptions,
): Promise<void> {
  const { client, call, terminal, json } = session;
  const documents = await documentsOf(session, files, options);
  const tasks: Partial<NexusTask>[] = [];
  for (const batch of batchesOf(documents)) {
    const request = { documents: batch, scope: options.scope };
    const { correlation: correlationId } = options;
    tasks.push(
      await client.nexus.ingest(space, request, {
        ...call,
        ...(correlationId === undefined ? {} : { correlationId }),
        ...(options.wait ? { wait: { ...call } } : {}),
      }),
    );
  }
  if (json) {
    for (const task of tasks) terminal.printJsonLine(task);
    return;
  }
  for (const task of tasks) {
    const done =
      task.status === undefined
        ? 'accepted'
        : `${countText(task.documents_done)} documents, ${countText(task.chunks)} chunks, version ${task.version}`;
    terminal.print(`${task.task_id}  ${done}`);
    for (const { document_id: id, code, message } of task.errors ?? [])
      terminal.note(`  ${id ?? 'all of it'}: ${code}: ${message}`);
  }
  if (!options.wait) terminal.note(terminal.colours.dim(`How far it is: runspine nexus task ${tasks[0]!.task_id}`));
}

async function documentsOf(
  session: Session,
  files: readonly string[],
  options: IngestOptions,
): Promise<NexusDocument[]> {
  const { text, id, type, metadata } = options;
  const more = { ...(type === undefined ? {} : { type }), ...(metadata === undefined ? {} : { metadata }) };
  const given: NexusDocument[] =
    text === undefined ? [] : [{ text, ...(id === undefined ? {} : { document_id: id }), ...more }];
  for (const file of files) {
    const read = await documentsOfFile(session, file);
    given.push(...read.map((document) => ({ ...more, ...document })));
  }
  if (given.length === 0) {
    throw usage('There is nothing to ingest.', 'Give files, - for lines of JSON on stdin, or --text TEXT');
  }
  if (id !== undefined && given.length === 1) given[0]!.document_id = id;
  if (id !== undefined && given.length > 1) throw usage(`--id names one document; here are ${given.length}.`);
  return given;
}

/** A file of text is a document; each line of .ndjson and .jsonl, and each item of .json, is one. */
async function documentsOfFile({ client, call, io }: Session, file: string): Promise<NexusDocument[]> {
  if (file === '-') return lines(await textOf(io.stdin), 'stdin');
  const path = resolve(io.cwd, file);
  if ((await stat(path)).isDirectory()) throw usage(`${file} is a folder.`, `Its files: ${file}/*`);
  const bytes = await readFile(path);
  const kind = extname(path).toLowerCase();
  if (kind === '.ndjson' || kind === '.jsonl') return lines(bytes.toString('utf8'), file);
  if (kind === '.json') return items(bytes.toString('utf8'), file);
  const inside = relative(io.cwd, path);
  const document = {
    document_id: inside.startsWith('..') || isAbsolute(inside) ? basename(path) : inside,
    source_uri: pathToFileURL(path).href,
  };
  if (bytes.length < BLOB_BYTES) return [{ ...document, text: bytes.toString('utf8') }];
  const { blob_uri } = await client.nexus.uploadBlob(bytes, call);
  return [{ ...document, blob_uri }];
}

function lines(text: string, file: string): NexusDocument[] {
  return text
    .split('\n')
    .map((line, at) => ({ line, at }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, at }) => documentOf(line, `${file}, line ${at + 1}`));
}

function documentOf(line: string, where: string): NexusDocument {
  try {
    const read = JSON.parse(line) as NexusDocument;
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read;
  } catch {
    // Said below.
  }
  throw usage(`${where} is not a JSON object.`, 'A document: {"document_id":"…","text":"…","metadata":{…}}');
}

function items(text: string, file: string): NexusDocument[] {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw usage(`${file} is not JSON.`);
  }
  const { documents } = (read ?? {}) as { documents?: unknown };
  const list = Array.isArray(read) ? (read as unknown[]) : Array.isArray(documents) ? (documents as unknown[]) : [read];
  return list.map((item, at) => documentOf(JSON.stringify(item), `${file}, document ${at + 1}`));
}

async function textOf(source: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk as string | Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}

function batchesOf(documents: readonly NexusDocument[]): NexusDocument[][] {
  const batches: NexusDocument[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const document of documents) {
    const size = Buffer.byteLength(JSON.stringify(document));
    if (size > 2 * REQUEST.bytes)
      throw usage(`A document has ${bytesText(size)}, which is too large for a line of JSON.`);
    if (bytes + size > REQUEST.bytes || batches.at(-1)!.length >= REQUEST.documents) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)!.push(document);
    bytes += size;
  }
  return batches;
}
