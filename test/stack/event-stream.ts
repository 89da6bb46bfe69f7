import { until } from './until.js';

/** One event of a stream, as its lines had it. */
export interface StreamedEvent {
  id: string;
  event: string;
  data: string;
}

/** A reader of server-sent events (WHATWG HTML, 9.2), which keeps all that it was sent. */
export class EventStream {
  readonly received: StreamedEvent[] = [];
  readonly comments: string[] = [];
  /** True once the server ended it. */
  ended = false;
  private failure: unknown;
  private readonly abort = new AbortController();

  private constructor(readonly status: number) {}

  /** Opens a stream. One that is answered without a body (204, errors) is ended from the beginning. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const abort = new AbortController();
    const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: abort.signal });
    const stream = new EventStream(response.status);
    abort.signal.addEventListener('abort', () => (stream.ended = true));
    stream.abort.signal.addEventListener('abort', () => abort.abort());
    if (response.status === 200 && response.body) void stream.read(response.body);
    else stream.ended = true;
    return stream;
  }

  /** Ids so far, as numbers. */
  get ids(): number[] {
    return this.received.map(({ id }) => Number(id));
  }

  /** Event data so far, parsed. */
  get events(): Record<string, unknown>[] {
    return this.received.map(({ data }) => JSON.parse(data) as Record<string, unknown>);
  }

  /** Resolves when `count` events have come. */
  async count(count: number, timeoutMs = 20_000): Promise<StreamedEvent[]> {
    await until(
      `${count} events of the stream`,
      () => {
        if (this.received.length < count && this.failure) throw this.failure as Error;
        return this.received.length >= count;
      },
      { timeoutMs, everyMs: 5 },
    );
    return this.received;
  }

  /** Resolves when the server ended the stream. */
  async end(): Promise<void> {
    await until('the end of the stream', () => this.ended);
  }

  close(): void {
    this.abort.abort();
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.take(block);
      }
    } catch (error) {
      if (!this.abort.signal.aborted) this.failure = error;
    }
    this.ended = true;
  }

  private take(block: string): void {
    const event: StreamedEvent = { id: '', event: 'message', data: '' };
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) this.comments.push(line.slice(1).trim());
      const [, field, value] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
      if (field === 'data') event.data = event.data === '' ? value! : `${event.data}\n${value}`;
      else if (field === 'id' || field === 'event') event[field] = value!;
    }
    if (event.data !== '') this.received.push(event);
  }
}
