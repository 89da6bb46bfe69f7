import type { RecordedAttributes, RecordedEvent } from '@runspine/contracts';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { RunEventEntity, type RunEventRow } from '../entities/run-event.entity.js';
import { selectRows } from './select-rows.js';

/** What the API shows of an event but its data. */
export interface EventAttributes extends RecordedAttributes {
  type: string;
}

/** An entry of the journal; its data as the text that was hashed. */
export interface JournalEntry extends EventAttributes {
  data: string;
}

const COLUMNS = [
  'event_id',
  'type',
  'time',
  'source',
  'tenant_id',
  'env',
  'project_id',
  'surface_id',
  'run_id',
  'step_id',
  'room_id',
  'run_sequence',
  'room_sequence',
  'correlation_id',
  'causation_id',
  'producer_correlation_id',
  'producer_causation_id',
  'traceparent',
  'recorded_at',
] as const satisfies readonly (keyof EventAttributes)[];

/** A query of {@link JournalEntry} under the alias `it`: `getRawMany` gives them. */
export function selectEntries(tx: EntityManager): SelectQueryBuilder<RunEventRow> {
  return selectRows(tx, RunEventEntity, COLUMNS).addSelect('CAST(it.data AS text)', 'data');
}

/**
 * An event's JSON as the API and the streams show it, on one line. `data` is its canonical text and is handed on as it
 * is, so that whoever has the event can check the journal's hash of it.
 */
export function eventText(event: EventAttributes, data: string): string {
  const attributes: EventAttributes = {
    event_id: event.event_id,
    type: event.type,
    time: event.time,
    source: event.source,
    tenant_id: event.tenant_id,
    env: event.env,
    project_id: event.project_id,
    surface_id: event.surface_id,
    run_id: event.run_id,
    step_id: event.step_id,
    room_id: event.room_id,
    run_sequence: event.run_sequence,
    room_sequence: event.room_sequence,
    correlation_id: event.correlation_id,
    causation_id: event.causation_id,
    producer_correlation_id: event.producer_correlation_id,
    producer_causation_id: event.producer_causation_id,
    traceparent: event.traceparent,
    recorded_at: event.recorded_at,
  };
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${data}}`;
}

/** A journal entry as the state machine folds it. */
export function eventOf(entry: JournalEntry): RecordedEvent {
  return { ...entry, data: JSON.parse(entry.data) as unknown } as RecordedEvent;
}

/** About how much text one read of entries brings at most, characters; a single entry may be larger. */
const CHUNK_LENGTH = 1024 * 1024;
/** Most entries of one read, however small. */
const CHUNK_ENTRIES_MAX = 500;

/** How many entries to read next, by the size of those before: small ones many at once, large ones few. */
export class ChunkSize {
  entries = 50;

  /** Learns from the entries just read; grows at most fourfold, so that a run of large ones after small is no surprise. */
  learn(entries: readonly JournalEntry[]): void {
    if (entries.length === 0) return;
    const length = entries.reduce((sum, entry) => sum + entry.data.length + 700, 0);
    const fitting = Math.floor((CHUNK_LENGTH * entries.length) / length);
    this.entries = Math.max(1, Math.min(fitting, this.entries * 4, CHUNK_ENTRIES_MAX));
  }
}
