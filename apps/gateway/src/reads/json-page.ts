import { eventText, type JournalEntry } from '@runspine/projections';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';

/** Sends a list of events whose data stays the text that the journal has. */
export function sendEvents(reply: FastifyReply, entries: readonly JournalEntry[], nextCursor: string | null): void {
  const items = entries.map((entry) => eventText(entry, entry.data)).join(',');
  sendJson(reply, `{"items":[${items}],"next_cursor":${JSON.stringify(nextCursor)}}`);
}

/** Sends JSON text. */
export function sendJson(reply: FastifyReply, text: string): void {
  reply.header('content-type', 'application/json; charset=utf-8').send(text);
}

/**
 * Sends chunks of events as NDJSON, as fast as the reader takes them. What fails before the first chunk is thrown;
 * later the connection is cut, which tells the reader that it has not all.
 */
export async function sendNdjson(
  reply: FastifyReply,
  chunks: AsyncGenerator<JournalEntry[], void, void>,
): Promise<void> {
  const first = await chunks.next();
  const lines = Readable.from(linesOf(first.done ? [] : first.value, chunks), { objectMode: false });
  await reply.header('content-type', 'application/x-ndjson; charset=utf-8').send(lines);
}

async function* linesOf(first: JournalEntry[], rest: AsyncIterable<JournalEntry[]>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield textOf(first);
  for await (const entries of rest) if (entries.length > 0) yield textOf(entries);
}

function textOf(entries: readonly JournalEntry[]): Buffer {
  return Buffer.from(entries.map((entry) => `${eventText(entry, entry.data)}\n`).join(''));
}

/** Says that the answer depends on a header of the request too, beside what CORS said. */
export function varyBy(reply: FastifyReply, header: string): void {
  const before = reply.getHeader('vary');
  reply.header('vary', before === undefined ? header : `${String(before)}, ${header}`);
}
