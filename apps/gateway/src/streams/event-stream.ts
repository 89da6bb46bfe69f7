import { ChunkSize, type JournalEntry } from '@runspine/projections';
import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, Listener } from './channel.js';
import { type Frame, frameOfEntry } from './frame.js';
import type { ReadSlots } from './read-slots.js';

/** How long a reader that lags behind in old events may take nothing before it is cut off, milliseconds. */
const STALL_MS = 30_000;
/** Pause after a read of the journal that failed or brought nothing new, milliseconds. */
const RETRY_MS = 500;

const COMMENT = Buffer.from(': alive\n\n');

export interface EventStreamOptions {
  channel: Channel;
  /** Where the answer goes; its head is sent. */
  response: ServerResponse;
  /** The sequence after which the reader wants events. */
  position: number;
  /** Reads of old events, of all streams together, wait for each other here. */
  slots: ReadSlots;
  bufferBytesMax: number;
  commentMs: number;
  onSent: () => void;
  /** A read of old events failed; it is tried again. */
  onReadFailed: (error: unknown) => void;
  /** Called once, however it ended; `slow` for a reader that was cut off. */
  onClosed: (how: 'ended' | 'left' | 'slow') => void;
}

/**
 * One reader of a channel. First it is given what is old, as fast as it reads; once it has what the channel sent last,
 * it is told each new frame as it comes. Both go by `position`, which only ever moves by one.
 */
export class EventStream implements Listener {
  private position: number;
  private live = false;
  private closed = false;
  private readonly leaving = new AbortController();
  private comments: NodeJS.Timeout | undefined;

  constructor(private readonly options: EventStreamOptions) {
    this.position = options.position;
  }

  /** Begins to write, and goes on until the reader leaves, is too slow, or has all there will be. */
  begin(): void {
    const { response, channel, commentMs } = this.options;
    response.once('close', () => this.close('left'));
    response.on('error', () => this.close('left'));
    if (response.destroyed || response.closed) return this.close('left');
    this.comments = setInterval(() => this.write(COMMENT), commentMs);
    channel.listeners.add(this);
    void this.catchUp();
  }

  tell(frame: Frame): void {
    if (!this.live || frame.sequence <= this.position) return;
    if (frame.sequence === this.position + 1) return this.give(frame);
    void this.catchUp();
  }

  /** Ends the answer properly: the reader comes back by itself. */
  end(): void {
    if (this.closed) return;
    this.options.response.end();
    this.close('ended');
  }

  /** Gives what is old, then goes live. From memory where it is there: that is one step, and nothing can come between. */
  private async catchUp(): Promise<void> {
    this.live = false;
    const size = new ChunkSize();
    while (await this.drained()) {
      const recent = this.options.channel.recentAfter(this.position);
      if (!recent) {
        await this.giveFromJournal(size);
        continue;
      }
      this.live = true;
      for (const frame of recent) this.give(frame);
      return;
    }
  }

  private async giveFromJournal(size: ChunkSize): Promise<void> {
    const { channel, slots, onReadFailed } = this.options;
    const range = { after: this.position, limit: size.entries };
    let entries: JournalEntry[] = [];
    try {
      entries = await slots.run(() => (this.closed ? Promise.resolve([]) : channel.read(range)));
    } catch (error) {
      onReadFailed(error);
    }
    if (entries.length === 0) return this.wait();
    size.learn(entries);
    for (const entry of entries) {
      if (!(await this.drained())) return;
      this.give(frameOfEntry(channel.target.kind, entry));
    }
  }

  private give(frame: Frame): void {
    if (this.closed || frame.sequence <= this.position) return;
    this.position = frame.sequence;
    this.write(frame.bytes);
    this.options.onSent();
    if (frame.ends) this.end();
  }

  /** Writes, and cuts off a reader for whom too much waits already. */
  private write(bytes: Buffer): void {
    const { response, bufferBytesMax } = this.options;
    if (this.closed) return;
    if (response.writableLength > bufferBytesMax) {
      this.close('slow');
      response.destroy();
      return;
    }
    response.write(bytes);
  }

  /** True once the reader took what was written; it is cut off when it takes nothing for too long. */
  private async drained(): Promise<boolean> {
    const { response } = this.options;
    if (!response.writableNeedDrain) return !this.closed;
    const late = setTimeout(() => {
      this.close('slow');
      response.destroy();
    }, STALL_MS);
    await once(response, 'drain', { signal: this.leaving.signal }).catch(() => undefined);
    clearTimeout(late);
    return !this.closed;
  }

  private async wait(): Promise<void> {
    await pause(RETRY_MS, undefined, { signal: this.leaving.signal }).catch(() => undefined);
  }

  private close(how: 'ended' | 'left' | 'slow'): void {
    if (this.closed) return;
    this.closed = true;
    this.live = false;
    clearInterval(this.comments);
    this.options.channel.listeners.delete(this);
    this.leaving.abort();
    this.options.onClosed(how);
  }
}
