import { ChunkSize, type JournalEntry, type StreamTarget } from '@runspine/projections';
import { type Frame, frameOfEntry } from './frame.js';
import { FrameBuffer } from './frame-buffer.js';

/** Frames and bytes that a channel keeps of what it sent last. */
const RECENT_FRAMES_MAX = 512;
const RECENT_BYTES_MAX = 256 * 1024;
/** Frames and bytes that may wait for one that is missing before them. */
const WAITING_FRAMES_MAX = 1024;
const WAITING_BYTES_MAX = 1024 * 1024;
/** How long a missing frame may take before the journal is read: the feed tells runs of one room apart. */
const GAP_MS = 20;

/** Reads the journal of one target after a sequence. */
export type ReadEntries = (range: { after: number; limit: number }) => Promise<JournalEntry[]>;

/** Who is told each frame, in order. */
export interface Listener {
  tell(frame: Frame): void;
}

/**
 * One room or run while somebody streams it. It sends each sequence once and in order: the next one as the feed brings
 * it, and from the journal whatever the feed left out. Since the journal is read in order and each frame moves `tip`
 * before anybody else may, it does not matter which of the two brings a frame first.
 */
export class Channel {
  readonly listeners = new Set<Listener>();
  /** Streams that are open or opening: without any, the hub lets go of the channel. */
  users = 0;
  /** The last sequence sent; undefined until it is known where to begin. */
  private tip: number | undefined;
  private readonly recent = new FrameBuffer(RECENT_FRAMES_MAX, RECENT_BYTES_MAX);
  private waiting = new Map<number, Frame>();
  private waitingBytes = 0;
  /** The highest sequence that is known to exist. */
  private expected = 0;
  private reading = false;
  private again = false;
  private gapTimer: NodeJS.Timeout | undefined;

  constructor(
    readonly tenantId: string,
    readonly target: StreamTarget,
    readonly read: ReadEntries,
    /** Is told of reads that failed; they are tried again. */
    private readonly onReadFailed: (error: unknown) => void,
  ) {}

  /** Learns how far PostgreSQL is: the first time, where to begin; later, what should be here by now. */
  see(head: number): void {
    if (this.tip === undefined) {
      this.tip = head;
      for (const frame of this.waiting.values()) if (frame.sequence <= head) this.forget(frame);
      this.sendWaiting();
    }
    this.expect(head);
  }

  /** Takes a frame of the feed. */
  offer(frame: Frame): void {
    if (this.tip !== undefined && frame.sequence <= this.tip) return;
    if (this.tip !== undefined && frame.sequence === this.tip + 1) {
      this.send(frame);
      this.sendWaiting();
      return;
    }
    this.hold(frame);
  }

  /** What follows a position up to now, where it is still in memory; at the tip or past it nothing. */
  recentAfter(position: number): readonly Frame[] | undefined {
    return this.recent.after(position, this.tip ?? 0);
  }

  close(): void {
    clearTimeout(this.gapTimer);
    this.listeners.clear();
    this.waiting.clear();
  }

  private send(frame: Frame): void {
    this.tip = frame.sequence;
    this.recent.add(frame);
    for (const listener of this.listeners) listener.tell(frame);
  }

  /** Keeps a frame until those before it are there. Past the bound all are dropped: the journal has them. */
  private hold(frame: Frame): void {
    if (!this.waiting.has(frame.sequence)) {
      this.waiting.set(frame.sequence, frame);
      this.waitingBytes += frame.bytes.length;
    }
    if (this.waiting.size > WAITING_FRAMES_MAX || this.waitingBytes > WAITING_BYTES_MAX) this.dropWaiting();
    this.expect(frame.sequence);
  }

  /** An event of this sequence exists: if it was not sent after a moment, the journal is read. */
  private expect(sequence: number): void {
    this.expected = Math.max(this.expected, sequence);
    if (this.tip === undefined || this.tip >= this.expected) return;
    this.gapTimer ??= setTimeout(() => {
      this.gapTimer = undefined;
      if (this.tip! < this.expected) this.readJournal();
    }, GAP_MS);
  }

  private sendWaiting(): void {
    for (let next = this.takeWaiting(); next; next = this.takeWaiting()) this.send(next);
  }

  private takeWaiting(): Frame | undefined {
    const next = this.waiting.get(this.tip! + 1);
    if (next) this.forget(next);
    return next;
  }

  private forget(frame: Frame): void {
    this.waiting.delete(frame.sequence);
    this.waitingBytes -= frame.bytes.length;
  }

  private dropWaiting(): void {
    this.waiting.clear();
    this.waitingBytes = 0;
  }

  /** Reads what is missing, one read at a time; what fails is tried again at the next look. */
  private readJournal(): void {
    this.again = true;
    if (this.reading) return;
    this.reading = true;
    this.readToEnd().catch(this.onReadFailed);
  }

  private async readToEnd(): Promise<void> {
    const size = new ChunkSize();
    try {
      while (this.again && this.users > 0) {
        this.again = false;
        const limit = size.entries;
        const entries = await this.read({ after: this.tip!, limit });
        for (const entry of entries) this.take(frameOfEntry(this.target.kind, entry));
        this.sendWaiting();
        size.learn(entries);
        if (entries.length === limit) this.again = true;
      }
    } finally {
      // In the same step as the last look at `again`: nobody may ask in between and be forgotten.
      this.reading = false;
    }
  }

  private take(frame: Frame): void {
    if (frame.sequence > this.tip!) this.send(frame);
    const held = this.waiting.get(frame.sequence);
    if (held) this.forget(held);
  }
}
