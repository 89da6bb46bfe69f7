import {
  affinityOf,
  canonicalize,
  type EventType,
  newEventId,
  newRunId,
  newStepId,
  type RecordedEvent,
  type SubmittedEvent,
} from '@runspine/contracts';
import { record, Replay } from '@runspine/run-model';
import type pg from 'pg';
import type { EntitySchema } from 'typeorm';
import { RunEntity } from '../entities/run.entity.js';
import { StepEntity } from '../entities/step.entity.js';
import { migrate } from '../migrate.js';
import { openPool } from '../pool.js';
import { createOwnDatabase, type OwnDatabase } from '../testing.js';
import { ReadStore } from './read-store.js';

const HASH = `\\x${'00'.repeat(32)}`;

/** A migrated database of one test file; rows are written as the projector's role, and read through `store`. */
export class TestDatabase {
  readonly writer: pg.Pool;
  readonly store: ReadStore;
  private offset = 0;
  private readonly rooms = new Map<string, number>();

  private constructor(private readonly database: OwnDatabase) {
    const { url: databaseUrl } = database;
    this.writer = openPool({ databaseUrl, role: 'runspine_projector', connectionsMax: 4 });
    this.store = new ReadStore({ databaseUrl, role: 'runspine_gateway', connectionsMax: 4 });
  }

  /** @param serverUrl any database of the server: DATABASE_URL */
  static async create(serverUrl?: string): Promise<TestDatabase> {
    const database = await createOwnDatabase('reads', serverUrl);
    await migrate(database.url);
    return new TestDatabase(database);
  }

  get url(): string {
    return this.database.url;
  }

  async drop(): Promise<void> {
    await this.store.close();
    await this.writer.end();
    await this.database.drop();
  }

  run(options: Partial<RunOptions> = {}): StoredRun {
    return new StoredRun(this, { tenantId: 'acme', env: 'default', ...options });
  }

  nextOffset(): number {
    return (this.offset += 1);
  }

  nextInRoom(key: string): number {
    const next = (this.rooms.get(key) ?? 0) + 1;
    this.rooms.set(key, next);
    return next;
  }

  /** Inserts a row, or replaces the one with its key. */
  async put(table: string, key: readonly string[], row: object): Promise<void> {
    const columns = Object.keys(row);
    const changes = columns.map((column) => `${column} = EXCLUDED.${column}`);
    // Type json keeps the text of data as it stands in the row's JSON.
    const { data, ...others } = row as { data?: string };
    const dataText = data === undefined ? '' : `,"data":${data}`;
    const text = `${JSON.stringify(others).slice(0, -1)}${dataText}}`;
    await this.writer.query(
      `INSERT INTO ${table} (${columns.join(', ')}) SELECT ${columns.join(', ')}
         FROM json_populate_record(NULL::${table}, $1)
         ${key.length > 0 ? `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${changes.join(', ')}` : ''}`,
      [text],
    );
  }
}

interface RunOptions {
  tenantId: string;
  env: string;
  roomId: string;
  /** Of its recording: Unix milliseconds; moves by a second an event. */
  recordedMs: number;
}

/** A run whose events are applied by the model and stored as the projector stores them. */
export class StoredRun {
  readonly id: string;
  readonly stepId = newStepId();
  readonly history: RecordedEvent[] = [];
  readonly replay = new Replay();
  private recordedMs: number;

  constructor(
    private readonly database: TestDatabase,
    private readonly options: Partial<RunOptions> & { tenantId: string; env: string },
  ) {
    const { tenantId, env, roomId } = options;
    this.id = newRunId(affinityOf({ tenantId, env, roomId }));
    this.recordedMs = options.recordedMs ?? Date.now() - 60_000;
  }

  /** Applies an event that the model takes, and stores it with what it changed. */
  async apply(type: EventType, data: object = {}, envelope: Partial<SubmittedEvent> = {}): Promise<RecordedEvent> {
    const submitted = this.submitted(type, data, envelope);
    const stepId = type.startsWith('step.') ? ((submitted.data as { step_id: string }).step_id ?? null) : null;
    const view = this.replay.viewOf(stepId);
    const { tenantId, env, roomId } = this.options;
    const room = roomId === undefined ? null : this.database.nextInRoom(`${tenantId}/${env}/${roomId}`);
    const event = record(view, submitted, {
      run_sequence: this.history.length + 1,
      room_sequence: room,
      recorded_at: new Date((this.recordedMs += 1000)).toISOString(),
    });
    this.replay.apply(event);
    this.history.push(event);
    await this.store(event);
    return event;
  }

  private submitted(type: EventType, data: object, envelope: Partial<SubmittedEvent>): SubmittedEvent {
    const { tenantId, env, roomId } = this.options;
    const ids = type.startsWith('step.') ? { run_id: this.id, step_id: this.stepId } : { run_id: this.id };
    const room = type === 'run.created' && roomId !== undefined ? { room_id: roomId } : {};
    return {
      id: newEventId(),
      source: '/test',
      time: new Date(this.recordedMs + 900).toISOString(),
      tenantid: tenantId,
      env,
      projectid: 'default',
      surfaceid: 'default',
      ...envelope,
      type,
      data: { ...ids, ...room, ...data },
    } as SubmittedEvent;
  }

  private async store(event: RecordedEvent): Promise<void> {
    const { database } = this;
    const { tenant_id, env, run_id, step_id, room_id, room_sequence, run_sequence, event_id, recorded_at } = event;
    await database.put('run_events', [], {
      ...event,
      data: canonicalize(event.data),
      source_partition: 0,
      source_offset: database.nextOffset(),
      data_hash: HASH,
      hash: HASH,
    });
    const place = { run_id, step_id, run_sequence, room_sequence, recorded_at };
    const outcome = { tenant_id, event_id, first_event_id: event_id, hash: HASH, outcome: 'applied', env, ...place };
    await database.put('event_outcomes', [], outcome);
    const run = { ...only(RunEntity, this.replay.run!), head_hash: HASH };
    await database.put('proj_runs', ['tenant_id', 'run_id'], run);
    for (const step of this.replay.steps.values()) {
      await database.put('proj_steps', ['tenant_id', 'run_id', 'step_id'], { ...only(StepEntity, step), tenant_id });
    }
    if (room_id === null) return;
    const head = { tenant_id, env, room_id, last_sequence: room_sequence, updated_at: recorded_at };
    await database.put('proj_rooms', ['tenant_id', 'env', 'room_id'], head);
  }
}

/** A run with a step, details, a failure, a retry and an end: 11 events. */
export async function wholeRun(database: TestDatabase, options: Partial<RunOptions> = {}): Promise<StoredRun> {
  const run = database.run(options);
  await run.apply('run.created', { name: 'whole', tags: { team: 'a' }, input: { '10': 1, '9': [1e21, 'ü\u2028'] } });
  await run.apply('run.started');
  await run.apply('step.created', { name: 'read' });
  await run.apply('step.started');
  await run.apply('step.provider_called', { provider: 'p', model: 'm', prompt_len: 3 });
  await run.apply('step.provider_responded', { provider: 'p', model: 'm', output_len: 3, tokens_used: 7 });
  await run.apply('step.failed', { error: { message: 'no' } });
  await run.apply('step.started', { attempt: 2 });
  await run.apply('step.completed', { output: { rows: 3 } });
  await run.apply('run.completed', { output: 'done', metrics: { rows_out: 3 } });
  await run.apply('run.annotated', { scores: [{ name: 'good', value: 1 }] });
  return run;
}

function only<Row>(entity: EntitySchema<Row>, values: object): object {
  const columns = new Set(Object.keys(entity.options.columns));
  return Object.fromEntries(Object.entries(values).filter(([name]) => columns.has(name)));
}
