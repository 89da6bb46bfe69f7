import { isUtf8 } from 'node:buffer';
import { type Attributes, ATTRIBUTES, OPTIONAL_ATTRIBUTES, readEnvelope } from './attributes.js';
import type { EventDefinition } from './define-event.js';
import { type Envelope, type SubmittedEvent, SPEC_VERSION } from './envelope.js';
import { definitionOf, isStepEventType } from './events.js';
import { affinityOf, affinityOfRunId, partitionKeyOf, TIME_AHEAD_MS_MAX, timeOfId } from './ids.js';
import { EVENT_DATA_BYTES_MAX, type Fault, findUnstorable, jsonBytes } from './json.js';
import { type RecordFault, faultOf } from './record-fault.js';
import { RECORD_BYTES_MAX } from './topics.js';

/** A record's event, or why there is none. */
export type Decoded = { event: SubmittedEvent } | { fault: RecordFault };

/** A header as it was read: several under one name are an array. */
type HeaderValue = Buffer | string | null | undefined | (Buffer | string | null)[];

type Headers = Readonly<Record<string, HeaderValue>>;

/** What a record brings: header values and value as bytes or text. */
export interface RawRecord {
  headers?: Headers | undefined;
  value: Buffer | null;
  /** Why it could not be read, which is then all that it brings. */
  unread?: string | undefined;
  /** The record's key. Held against its event's where it is given; null is a record without a key. */
  key?: Buffer | null;
}

const STRUCTURED = /^application\/cloudevents\+json\s*(?:;|$)/i;
const HEADERS = ATTRIBUTES.map((name) => [name, `ce_${name}`] as const);
/** JSON text written anew grows less than fivefold: at worst `9e20` becomes 21 digits. */
const GROWTH_MAX = 5;

/** An event in the binary mode of the CloudEvents Kafka binding: `ce_*` headers, JSON value, its key. */
export function encodeBinary(event: Envelope & { data: unknown }): {
  key: string;
  headers: Record<string, string>;
  value: string;
} {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ce_specversion: SPEC_VERSION,
    ce_id: event.id,
    ce_source: event.source,
    ce_type: event.type,
    ce_time: event.time,
    ce_subject: event.subject,
    ce_dataschema: event.dataschema,
    ce_tenantid: event.tenantid,
    ce_env: event.env,
    ce_projectid: event.projectid,
    ce_surfaceid: event.surfaceid,
    ce_partitionkey: event.partitionkey,
  };
  for (const name of OPTIONAL_ATTRIBUTES) {
    const value = event[name];
    if (value !== undefined) headers[`ce_${name}`] = String(value);
  }
  return { key: event.partitionkey, headers, value: JSON.stringify(event.data) };
}

/**
 * Reads a record of `runspine.runs.v1`, in binary or structured mode, and checks all that can be known without state:
 * attributes, type, version, data, sizes, times (against `nowMs`), that the run id's affinity is its room's, and that
 * the key is the run's. Never throws. The partition is left to who knows how many there are.
 */
export function decodeRecord(record: RawRecord, nowMs: number = Date.now()): Decoded {
  const read = readTyped(record, nowMs, definitionOf);
  return 'fault' in read ? read : routed(record, read.event as SubmittedEvent, nowMs);
}

/**
 * The event of a record of any topic, checked but for its ids, subject and key: attributes, its type by `definitionOf`,
 * version, data, sizes, times. `partitionkey` is empty where it was not given. Never throws.
 */
export function readTyped(
  record: RawRecord,
  nowMs: number,
  definitionOfType: (type: string) => EventDefinition | undefined,
): { event: Envelope & { data: unknown } } | { fault: RecordFault } {
  if (record.unread !== undefined) return faultOf('event.too_large', '', record.unread);
  if (record.value === null) return faultOf('event.malformed', '', 'has no value');
  if (record.value.length > RECORD_BYTES_MAX) {
    return faultOf('event.too_large', '', `must be at most ${RECORD_BYTES_MAX} bytes`);
  }
  if (!isUtf8(record.value)) return faultOf('event.malformed', '', 'is not UTF-8');
  const text = record.value.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return faultOf('event.malformed', '', 'is not JSON');
  }
  const headers = record.headers ?? {};
  const content = isStructured(headers) ? readStructured(value) : readBinary(headers, value);
  if ('fault' in content) return content;
  const read = readEnvelope(content.attributes, nowMs);
  if ('fault' in read) return read;
  const { envelope } = read;
  const definition = definitionOfType(envelope.type);
  if (!definition) return faultOf('event.unknown_type', 'type', 'is not a known type');
  if (envelope.dataschema !== definition.dataschema) {
    const version = `/${definition.type}/v${definition.version}`;
    if (envelope.dataschema !== '' && !envelope.dataschema.endsWith(version)) {
      return faultOf('event.unknown_version', 'dataschema', `must end in ${version}`);
    }
    envelope.dataschema = definition.dataschema;
  }
  const { data } = content;
  if (!definition.check(data)) {
    const first = definition.faults(data)[0] ?? { path: '', message: 'does not fit its schema' };
    return faultOf('event.invalid', `/data${first.path}`, first.message);
  }
  const fault = findUnstorable(data, text);
  if (fault) return faultOf('event.invalid', `/data${fault.path}`, fault.message);
  if (record.value.length > EVENT_DATA_BYTES_MAX / GROWTH_MAX && jsonBytes(data) > EVENT_DATA_BYTES_MAX) {
    return faultOf('event.too_large', '/data', `must be at most ${EVENT_DATA_BYTES_MAX} bytes`);
  }
  return { event: { ...envelope, data } };
}

/** Faults of the ids in an event's data: times too far ahead, an affinity that is not the room's. */
export function idFaults(
  tenantId: string,
  env: string,
  data: { run_id: string; step_id?: string; room_id?: string },
  nowMs: number,
): Fault[] {
  const faults: Fault[] = [];
  if (timeOfId(data.run_id) > nowMs + TIME_AHEAD_MS_MAX) {
    faults.push({ path: '/run_id', message: 'has a time more than 24 h ahead' });
  }
  if (data.step_id !== undefined && timeOfId(data.step_id) > nowMs + TIME_AHEAD_MS_MAX) {
    faults.push({ path: '/step_id', message: 'has a time more than 24 h ahead' });
  }
  if (
    data.room_id !== undefined &&
    affinityOfRunId(data.run_id) !== affinityOf({ tenantId, env, roomId: data.room_id })
  ) {
    faults.push({ path: '/run_id', message: `has an affinity that is not that of room ${data.room_id}` });
  }
  return faults;
}

/** The event, once its ids, subject and key agree with each other. */
function routed(record: RawRecord, event: SubmittedEvent, nowMs: number): Decoded {
  const { run_id } = event.data;
  const fault = idFaults(event.tenantid, event.env, ownIds(event), nowMs)[0];
  if (fault) return faultOf('event.invalid', `/data${fault.path}`, fault.message);
  if (event.subject !== run_id) return faultOf('event.invalid', 'subject', 'must be the run id of the data');
  const key = partitionKeyOf(event.tenantid, run_id);
  if (event.partitionkey !== '' && event.partitionkey !== key) {
    return faultOf('event.wrong_partition', 'partitionkey', `must be ${key}`);
  }
  if (record.key !== undefined && record.key?.toString('latin1') !== key) {
    return faultOf('event.wrong_partition', 'key', `must be ${key}`);
  }
  event.partitionkey = key;
  return { event };
}

/** Where the type does not define it, a `step_id` or `room_id` is an unknown extra field and may hold anything. */
function ownIds(event: SubmittedEvent): { run_id: string; step_id?: string; room_id?: string } {
  if (event.type === 'run.created') {
    const { run_id, room_id } = event.data;
    return room_id === undefined ? { run_id } : { run_id, room_id };
  }
  const { run_id, step_id } = event.data as { run_id: string; step_id: string };
  return isStepEventType(event.type) ? { run_id, step_id } : { run_id };
}

type Content = { attributes: Attributes; data: unknown } | { fault: RecordFault };

function isStructured(headers: Headers): boolean {
  const header = headers['content-type'];
  const contentType = headerText(Array.isArray(header) ? header[0] : header);
  return contentType !== undefined && STRUCTURED.test(contentType);
}

function readBinary(headers: Headers, data: unknown): Content {
  const attributes: Attributes = {};
  for (const [name, header] of HEADERS) {
    const value = headers[header];
    if (value === undefined || value === null) continue;
    if (Array.isArray(value) && new Set(value.map(headerText)).size > 1) {
      return faultOf('event.malformed', name, 'must not be given twice');
    }
    const text = headerText(Array.isArray(value) ? value[0] : value);
    if (text !== undefined) attributes[name] = text;
  }
  return { attributes, data };
}

function readStructured(event: unknown): Content {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    return faultOf('event.malformed', '', 'is not a CloudEvent object');
  }
  const members = event as Record<string, unknown>;
  const attributes: Attributes = {};
  for (const name of ATTRIBUTES) {
    const value = members[name];
    if (value === undefined || value === null) continue;
    if (typeof value === 'object') return faultOf('event.malformed', name, 'must be a string');
    attributes[name] = String(value);
  }
  if (members.data === undefined) return faultOf('event.malformed', 'data', 'is required, as JSON and not as base64');
  return { attributes, data: members.data };
}

/** Every attribute that is accepted is ASCII, so bytes are read one by one: other text cannot pass for it. */
function headerText(value: Buffer | string | null | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : value.toString('latin1');
}
