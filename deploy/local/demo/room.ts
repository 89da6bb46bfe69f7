import { setTimeout as sleep } from 'node:timers/promises';

/** An event as a room's stream gives it. */
export interface RoomEvent {
  type: string;
  time: string;
  run_id: string;
  step_id: string | null;
  run_sequence: number;
  room_sequence: number | null;
  data: Record<string, unknown>;
}

const RECONNECTS_MAX = 5;
const RECONNECT_MS = 300;

/**
 * Follows a room from now on: resolves once the stream is open, and hands each event to `onEvent` until `signal`
 * aborts. A stream that breaks is taken up again after the last event seen.
 */
export async function followRoom(
  gateway: string,
  room: string,
  onEvent: (event: RoomEvent) => void,
  signal: AbortSignal,
): Promise<{ ended: Promise<void> }> {
  const url = `${gateway}/v1/streams/rooms/${room}`;
  const open = async (after?: string) => {
    const headers = { accept: 'text/event-stream', ...(after !== undefined && { 'last-event-id': after }) };
    const response = await fetch(url, { headers, signal });
    if (!response.ok || !response.body)
      throw new Error(`The room's stream answered ${response.status}: ${await response.text()}`);
    return response.body;
  };
  const first = await open();
  return { ended: follow(first) };

  async function follow(body: ReadableStream<Uint8Array>): Promise<void> {
    let last: string | undefined;
    let from = body;
    for (let reconnects = 0; ; reconnects++) {
      try {
        for await (const { id, data } of messagesOf(from)) {
          last = id ?? last;
          reconnects = 0;
          onEvent(JSON.parse(data) as RoomEvent);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (reconnects >= RECONNECTS_MAX) throw error;
      }
      if (signal.aborted) return;
      await sleep(RECONNECT_MS);
      from = await open(last);
    }
  }
}

/** The messages of a stream of server-sent events; comments and retry times are passed over. */
export async function* messagesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<{ id?: string; data: string }> {
  const decoder = new TextDecoder();
  let rest = '';
  let id: string | undefined;
  let data: string[] = [];
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.map((text) => text.replace(/\r$/, ''))) {
      if (line === '') {
        if (data.length > 0) yield { ...(id !== undefined && { id }), data: data.join('\n') };
        data = [];
      } else if (line.startsWith('id:')) id = line.slice(3).trim();
      else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
    }
  }
}
