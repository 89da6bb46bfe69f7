import { type FeedValue, ServiceError } from '@runspine/contracts';
import type { JournalQueries, Scope, StreamHead, StreamHeads, StreamTarget } from '@runspine/projections';
import type { Logger } from '@runspine/service';
import type { ServerResponse } from 'node:http';
import type { FeedReader } from '../outcomes/feed-reader.js';
import { Channel } from './channel.js';
import { EventStream } from './event-stream.js';
import { frame, textOfEvent } from './frame.js';
import { ReadSlots } from './read-slots.js';
import type { StreamSettings } from './settings.js';
import type { StreamMetrics } from './stream-metrics.js';

/** Reads of the journal for streams at once: the rest of the connections are for requests. */
const JOURNAL_READS_MAX = 4;
/** Least time between two lines that say that PostgreSQL cannot be read, milliseconds. */
const WARN_MS = 5000;

/** A stream that may begin: its place is kept until it is used or given back. */
export interface Opened {
  /** Streams into an answer whose head is sent. */
  into(response: ServerResponse): void;
  release(): void;
}

interface Parts {
  feed: Pick<FeedReader, 'subscribe'>;
  journal: JournalQueries;
  heads: StreamHeads;
  settings: StreamSettings;
  metrics: StreamMetrics;
  logger: Logger;
}

/** Every open stream of this process: rooms and runs as channels, fed by the feed and held true by PostgreSQL. */
export class StreamHub {
  private readonly channels = new Map<string, Channel>();
  private readonly streams = new Set<EventStream>();
  private readonly slots = new ReadSlots(JOURNAL_READS_MAX);
  private readonly unsubscribe: () => void;
  private places = 0;
  private closed = false;
  private warnedMs = 0;
  private lookTimer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: Parts) {
    this.unsubscribe = parts.feed.subscribe((told) => this.route(told));
    this.scheduleLook();
  }

  /**
   * Finds where a stream begins: after `after`, or from now. Undefined where a run's stream has nothing more.
   * @throws ServiceError `run.not_found`, `stream.position_invalid`, `stream.too_many`, `service.draining`,
   *   `store.unavailable`
   */
  async open(scope: Scope, kind: StreamTarget['kind'], id: string, after?: number): Promise<Opened | undefined> {
    if (this.closed) throw new ServiceError('service.draining');
    if (this.places >= this.parts.settings.streamsMax) {
      throw new ServiceError('stream.too_many', undefined, { streams_max: this.parts.settings.streamsMax });
    }
    // The channel listens to the feed before its head is read: what comes between is there, and known by its sequence.
    const channel = this.enter(scope, kind, id);
    try {
      const head = await this.headOf(scope, kind, id);
      channel.see(head.last);
      const position = after ?? head.last;
      if (position > head.last) throw new ServiceError('stream.position_invalid', undefined, { last: head.last });
      if (head.end === null || position < head.end) return this.opened(channel, position);
    } catch (error) {
      this.leave(channel);
      throw error;
    }
    this.leave(channel);
    return undefined;
  }

  /** Ends every stream; their readers come back, to another instance. */
  close(): void {
    this.closed = true;
    this.unsubscribe();
    clearTimeout(this.lookTimer);
    for (const stream of this.streams) stream.end();
  }

  private opened(channel: Channel, position: number): Opened {
    const { settings, metrics } = this.parts;
    return {
      into: (response) => {
        metrics.opened(channel.target.kind);
        const stream: EventStream = new EventStream({
          channel,
          response,
          position,
          slots: this.slots,
          bufferBytesMax: settings.streamBufferBytesMax,
          commentMs: settings.streamCommentMs,
          onSent: () => metrics.sent(),
          onReadFailed: this.readFailed,
          onClosed: (how) => {
            this.streams.delete(stream);
            metrics.closed(channel.target.kind, how);
            this.leave(channel);
          },
        });
        this.streams.add(stream);
        stream.begin();
        if (this.closed) stream.end();
      },
      release: () => this.leave(channel),
    };
  }

  private enter(scope: Scope, kind: StreamTarget['kind'], id: string): Channel {
    const key = keyOf(kind, scope.tenantId, scope.env, id);
    let channel = this.channels.get(key);
    if (!channel) {
      const { journal } = this.parts;
      const read = (range: { after: number; limit: number }) =>
        kind === 'room' ? journal.ofRoom(scope, id, range) : journal.afterInRun(scope, id, range);
      channel = new Channel(scope.tenantId, { kind, env: scope.env, id }, read, this.readFailed);
      this.channels.set(key, channel);
    }
    channel.users += 1;
    this.places += 1;
    return channel;
  }

  private leave(channel: Channel): void {
    this.places -= 1;
    channel.users -= 1;
    if (channel.users > 0) return;
    const { kind, env, id } = channel.target;
    this.channels.delete(keyOf(kind, channel.tenantId, env, id));
    channel.close();
  }

  private headOf(scope: Scope, kind: StreamTarget['kind'], id: string): Promise<StreamHead> {
    const { heads } = this.parts;
    return kind === 'room' ? heads.ofRoom(scope, id) : heads.ofRun(scope, id);
  }

  /** Hands an event of the feed to its room and its run, where somebody streams them. */
  private route({ outcome, event }: FeedValue): void {
    if (!event) return;
    const { tenant_id, env, run_id } = outcome;
    const { room_id } = event;
    const run = this.channels.get(keyOf('run', tenant_id, env, run_id));
    const room = room_id === null ? undefined : this.channels.get(keyOf('room', tenant_id, env, room_id));
    if (!run && !room) return;
    const text = textOfEvent(event);
    run?.offer(frame('run', event, text));
    room?.offer(frame('room', event, text));
  }

  private scheduleLook(): void {
    this.lookTimer = setTimeout(() => {
      void this.look().finally(() => {
        if (!this.closed) this.scheduleLook();
      });
    }, this.parts.settings.streamLookMs);
  }

  /** Asks PostgreSQL how far all open channels are, a tenant at a time: what the feed lost is found here. */
  private async look(): Promise<void> {
    const byTenant = new Map<string, Channel[]>();
    for (const channel of this.channels.values()) {
      const ofTenant = byTenant.get(channel.tenantId);
      if (ofTenant) ofTenant.push(channel);
      else byTenant.set(channel.tenantId, [channel]);
    }
    try {
      for (const [tenantId, channels] of byTenant) {
        const targets = channels.map(({ target }) => target);
        const lasts = await this.parts.heads.ofMany(tenantId, targets);
        channels.forEach((channel, index) => channel.see(lasts[index]!));
      }
    } catch (error) {
      this.readFailed(error);
    }
  }

  /** Every stream may meet the same outage: one line for all of them, now and then. */
  private readonly readFailed = (error: unknown): void => {
    if (Date.now() - this.warnedMs < WARN_MS) return;
    this.warnedMs = Date.now();
    const { logger } = this.parts;
    logger.warn({ err: error, streams: this.streams.size }, 'streams cannot read PostgreSQL, and try again');
  };
}

/** Names hold no slash: no two targets have one key. */
function keyOf(kind: StreamTarget['kind'], tenantId: string, env: string, id: string): string {
  return `${kind}/${tenantId}/${env}/${id}`;
}
