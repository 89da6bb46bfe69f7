import {
  affinityOf,
  canonicalize,
  type EventType,
  type FeedBatch,
  newEventId,
  newRunId,
  OUTCOMES_TYPE,
  type RecordedEvent,
  type SubmittedEvent,
  topicName,
} from '@runspine/contracts';
import { BatchingProducer, createKafkaClient } from '@runspine/kafka';
import { record, Replay } from '@runspine/run-model';
import type pg from 'pg';

const HASH = `\\x${'00'.repeat(32)}`;

/** A run whose events the test applies by hand. */
export interface HandRun {
  readonly id: string;
  readonly tenantId: string;
  readonly roomId: string | undefined;
  readonly replay: Replay;
}

/**
 * In the projector's place: the test decides which event is committed when, and which of them the feed tells, in which
 * order, how often, or never. Each run has one event after the other, and so has each room.
 */
export class HandProjector {
  private readonly rooms = new Map<string, number>();
  private offset = 0;

  private constructor(
    private readonly owner: pg.Pool,
    private readonly topic: string,
    private readonly producer: BatchingProducer,
  ) {}

  /** For the gateway whose database this is: its topics have the database's name before theirs. */
  static async of(owner: pg.Pool, brokers: string): Promise<HandProjector> {
    const { rows } = await owner.query<{ name: string }>('SELECT current_database() AS name');
    const client = createKafkaClient({ brokers: brokers.split(','), clientId: 'hand-projector' });
    return new HandProjector(owner, topicName('feed', `${rows[0]!.name}.`), new BatchingProducer({ client }));
  }

  close(): Promise<void> {
    return this.producer.close();
  }

  run(roomId?: string, tenantId = 'default'): HandRun {
    const affinity = affinityOf({ tenantId, env: 'default', roomId });
    return { id: newRunId(affinity), tenantId, roomId, replay: new Replay() };
  }

  /** Commits the run's next event to PostgreSQL; the feed says nothing of it. */
  async commit(run: HandRun, type: EventType, data: object = {}): Promise<RecordedEvent> {
    const room = `${run.tenantId}/${run.roomId}`;
    const roomSequence = run.roomId === undefined ? null : (this.rooms.get(room) ?? 0) + 1;
    if (roomSequence !== null) this.rooms.set(room, roomSequence);
    const event = record(run.replay.viewOf(null), submitted(run, type, data), {
      run_sequence: (run.replay.run?.version ?? 0) + 1,
      room_sequence: roomSequence,
      recorded_at: new Date().toISOString(),
    });
    run.replay.apply(event);
    await this.store(run, event);
    return event;
  }

  /** Puts one record on the feed that tells these events, in this order. */
  async tell(...events: RecordedEvent[]): Promise<void> {
    const batch: FeedBatch = {
      outcomes: events.map((event) => {
        const { event_id, tenant_id, env, run_id, step_id, run_sequence, room_sequence } = event;
        const about = { event_id, tenant_id, env, run_id, step_id, repeat: false, first_event_id: event_id };
        return { outcome: { ...about, outcome: 'applied', run_sequence, room_sequence }, hash: '0'.repeat(64), event };
      }),
    };
    const { tenant_id, env, run_id } = events[0]!;
    const headers = { ce_type: OUTCOMES_TYPE, ce_subject: run_id, ce_tenantid: tenant_id, ce_env: env };
    await this.producer.send({ topic: this.topic, partition: 0, key: null, value: JSON.stringify(batch), headers });
  }

  /** Commits the next event and tells it. */
  async apply(run: HandRun, type: EventType, data: object = {}): Promise<RecordedEvent> {
    const event = await this.commit(run, type, data);
    await this.tell(event);
    return event;
  }

  /** All of an event in one transaction, as the projector does. */
  private async store(run: HandRun, event: RecordedEvent): Promise<void> {
    const { tenant_id, env, room_id, room_sequence, recorded_at } = event;
    const place = { source_partition: 0, source_offset: (this.offset += 1), data_hash: HASH, hash: HASH };
    const client = await this.owner.connect();
    try {
      await client.query('BEGIN');
      await put(client, 'run_events', [], { ...event, ...place }, canonicalize(event.data));
      await put(client, 'proj_runs', ['tenant_id', 'run_id'], { ...run.replay.run, head_hash: HASH });
      const room = { tenant_id, env, room_id, last_sequence: room_sequence, updated_at: recorded_at };
      if (room_id !== null) await put(client, 'proj_rooms', ['tenant_id', 'env', 'room_id'], room);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  }
}

function submitted(run: HandRun, type: EventType, data: object): SubmittedEvent {
  const room = type === 'run.created' && run.roomId !== undefined ? { room_id: run.roomId } : {};
  return {
    id: newEventId(),
    source: '/test',
    time: new Date().toISOString(),
    tenantid: run.tenantId,
    env: 'default',
    projectid: 'default',
    surfaceid: 'default',
    type,
    data: { run_id: run.id, ...room, ...data },
  } as SubmittedEvent;
}

/** Inserts a row, or replaces the one with its key; `data` is the text of the column data. */
async function put(
  client: pg.PoolClient,
  table: string,
  key: readonly string[],
  row: object,
  data?: string,
): Promise<void> {
  const { data: _data, ...others } = row as { data?: unknown };
  const columns = [...Object.keys(others), ...(data === undefined ? [] : ['data'])];
  const text = `${JSON.stringify(others).slice(0, -1)}${data === undefined ? '' : `,"data":${data}`}}`;
  const changes = columns.map((column) => `${column} = EXCLUDED.${column}`).join(', ');
  await client.query(
    `INSERT INTO ${table} (${columns.join(', ')})
     SELECT ${columns.join(', ')} FROM json_populate_record(NULL::${table}, $1)
     ${key.length > 0 ? `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${changes}` : ''}`,
    [text],
  );
}
