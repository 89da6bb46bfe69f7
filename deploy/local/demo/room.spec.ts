import { describe, expect, it } from '@jest/globals';
import { messagesOf } from './room.ts';

async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('reading server-sent events', () => {
  it.each([1, 3, 1000])('gives each message once, cut into pieces of %i bytes', async (size) => {
    const stream =
      ': hello\n\nretry: 500\n\nid: 1\nevent: run.created\ndata: {"a":"ü"}\n\nid: 2\r\ndata: x\r\ndata: y\r\n\r\n: ping\n\ndata: unfinished';
    const messages: { id?: string; data: string }[] = [];
    for await (const message of messagesOf(chunksOf(stream, size))) messages.push(message);
    expect(messages).toEqual([
      { id: '1', data: '{"a":"ü"}' },
      { id: '2', data: 'x\ny' },
    ]);
  });
});
