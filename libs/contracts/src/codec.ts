import { type SubmittedEvent, DEFAULT_NAME, SPEC_VERSION } from './envelope.js';
import type { ErrorCode } from './errors.js';
import { definitionOf } from './events.js';
import {
  affinityOf,
  affinityOfRunId,
  isCorrelationId,
  isEventId,
  isNameId,
  partitionKeyOf,
  TIME_AHEAD_MS_MAX,
  timeOfId,
} from './ids.js';
import { EVENT_DATA_BYTES_MAX, type Fault, findUnstorable } from './json.js';

/** Why a record cannot be read: a dead letter's code, and the path of the fault. */
export interface RecordFault extends Fault {
  code: ErrorCode;
}

/** A record's event, or why there is none. */
export type Decoded = { event: SubmittedEvent } | { fault: RecordFault };

/** What a record brings: header values and value as bytes or text. */
export interface RawRecord {
  headers?: Record<string, Buffer | string | (Buffer | string)[] | undefined> | undefined;
  value: Buffer | null;
}

const OPTIONAL = [
  'correlationid',
  'causationid',
  'traceparent',
  'expectedversion',
  'idempotencykey',
  'idempotencyhash',
  'reply',
] as const;
const STRUCTURED = 'application/cloudevents+json';
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const PRINTABLE = /^[\x20-\x7e]{1,512}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
const HASH = /^[0-9a-f]{64}$/;

/** An event in the binary mode of the CloudEvents Kafka binding: `ce_*` headers, JSON value, its key. */
export function encodeBinary(event: SubmittedEvent): { key: string; headers: Record<string, string>; value: string } {
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
  for (const name of OPTIONAL) {
    const value = event[name];
    if (value !== undefined) headers[`ce_${name}`] = String(value);
  }
  return { key: event.partitionkey, headers, value: JSON.stringify(event.data) };
}

/**
 * Reads a record of `runspine.runs.v1`, in binary or structured mode, and checks all that can be known without state:
 * attributes, type, version, data, sizes, times (against `nowMs`), and that the run id's affinity is its room's.
 */
export function decodeRecord(record: RawRecord, nowMs: number = Date.now()): Decoded {
  if (record.value === null) return fault('event.malformed', '', 'has no value');
  const text = record.value.toString('utf8');
  const parsed = parseJson(text);
  if ('fault' in parsed) return parsed;
  const headers = record.headers ?? {};
  if (headerText(headers['content-type'])?.toLowerCase().startsWith(STRUCTURED)) {
    if (typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value)) {
      return fault('event.malformed', '', 'is not a CloudEvent object');
    }
    const { data, ...attributes } = parsed.value as Record<string, unknown>;
    const read = (name: string) => {
      const value = attributes[name];
      return value === undefined || value === null ? undefined : String(value);
    };
    return checkEvent(read, data, text, Buffer.byteLength(JSON.stringify(data ?? null)), nowMs);
  }
  return checkEvent((name) => headerText(headers[`ce_${name}`]), parsed.value, text, record.value.length, nowMs);
}

/** An RFC 3339 time as UTC with milliseconds, or why it is not one; at most 24 h ahead of `nowMs`. */
export function normalizeTime(value: string, nowMs: number): { time: string } | { message: string } {
  const ms = TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) return { message: 'must be an RFC 3339 time, such as 2026-01-31T12:00:00.000Z' };
  if (ms > nowMs + TIME_AHEAD_MS_MAX) return { message: 'must not be more than 24 h ahead' };
  if (ms < 0) return { message: 'must not be before 1970' };
  return { time: new Date(ms).toISOString() };
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

function checkEvent(
  read: (name: string) => string | undefined,
  data: unknown,
  text: string,
  dataBytes: number,
  nowMs: number,
): Decoded {
  const attributes = readAttributes(read, nowMs);
  if ('fault' in attributes) return attributes;
  const { envelope } = attributes;
  const definition = definitionOf(envelope.type);
  if (!definition) return fault('event.unknown_type', 'type', `${envelope.type} is not a known type`);
  if (envelope.dataschema !== definition.dataschema) {
    if (!envelope.dataschema.endsWith(`/${definition.type}/v${definition.version}`)) {
      return fault('event.unknown_version', 'dataschema', `must end in /${definition.type}/v${definition.version}`);
    }
    envelope.dataschema = definition.dataschema;
  }
  if (dataBytes > EVENT_DATA_BYTES_MAX)
    return fault('event.too_large', '/', `must be at most ${EVENT_DATA_BYTES_MAX} bytes`);
  if (!definition.check(data)) {
    const first = definition.faults(data)[0] ?? { path: '', message: 'does not fit its schema' };
    return fault('event.invalid', `/data${first.path}`, first.message);
  }
  const unstorable = findUnstorable(data, text);
  if (unstorable) return fault('event.invalid', `/data${unstorable.path}`, unstorable.message);
  const ids = data as { run_id: string; step_id?: string; room_id?: string };
  const idFault = idFaults(envelope.tenantid, envelope.env, ids, nowMs)[0];
  if (idFault) return fault('event.invalid', `/data${idFault.path}`, idFault.message);
  if (envelope.subject !== ids.run_id) return fault('event.invalid', 'subject', 'must be the run id of the data');
  const key = partitionKeyOf(envelope.tenantid, ids.run_id);
  if (envelope.partitionkey !== '' && envelope.partitionkey !== key) {
    return fault('event.wrong_partition', 'partitionkey', `must be ${key}`);
  }
  return { event: { ...envelope, partitionkey: key, data } as SubmittedEvent };
}

interface ReadEnvelope extends Omit<SubmittedEvent, 'type' | 'data'> {
  type: string;
}

function readAttributes(
  read: (name: string) => string | undefined,
  nowMs: number,
): { envelope: ReadEnvelope } | { fault: RecordFault } {
  for (const name of ['specversion', 'id', 'source', 'type', 'time', 'subject', 'tenantid', 'env']) {
    if (read(name) === undefined) return fault('event.malformed', name, 'is required');
  }
  if (read('specversion') !== SPEC_VERSION) return fault('event.malformed', 'specversion', `must be ${SPEC_VERSION}`);
  const id = read('id')!;
  if (!isEventId(id)) return fault('event.invalid', 'id', 'must be a UUID');
  const time = normalizeTime(read('time')!, nowMs);
  if ('message' in time) return fault('event.invalid', 'time', time.message);
  const type = read('type')!;
  const envelope: ReadEnvelope = {
    id: id.toLowerCase(),
    source: read('source')!,
    type,
    time: time.time,
    subject: read('subject')!,
    dataschema: read('dataschema') ?? definitionOf(type)?.dataschema ?? '',
    tenantid: read('tenantid')!,
    env: read('env')!,
    projectid: read('projectid') ?? DEFAULT_NAME,
    surfaceid: read('surfaceid') ?? DEFAULT_NAME,
    partitionkey: read('partitionkey') ?? '',
  };
  for (const name of ['tenantid', 'env', 'projectid', 'surfaceid'] as const) {
    if (!isNameId(envelope[name])) return fault('event.invalid', name, 'must match [a-z0-9][a-z0-9_-]{0,63}');
  }
  if (!PRINTABLE.test(envelope.source)) return fault('event.invalid', 'source', 'must be 1-512 printable characters');
  return readOptional(read, envelope);
}

function readOptional(
  read: (name: string) => string | undefined,
  envelope: ReadEnvelope,
): { envelope: ReadEnvelope } | { fault: RecordFault } {
  for (const name of ['correlationid', 'causationid'] as const) {
    const value = read(name);
    if (value === undefined) continue;
    if (!isCorrelationId(value))
      return fault('event.invalid', name, 'must be 1-128 printable characters without spaces');
    envelope[name] = value;
  }
  const traceparent = read('traceparent');
  if (traceparent !== undefined) {
    if (!TRACEPARENT.test(traceparent)) return fault('event.invalid', 'traceparent', 'must be a W3C traceparent');
    envelope.traceparent = traceparent;
  }
  const expected = read('expectedversion');
  if (expected !== undefined) {
    if (!/^\d{1,15}$/.test(expected)) return fault('event.invalid', 'expectedversion', 'must be a version number');
    envelope.expectedversion = Number(expected);
  }
  const key = read('idempotencykey');
  if (key !== undefined) {
    if (!IDEMPOTENCY_KEY.test(key))
      return fault('event.invalid', 'idempotencykey', 'must be 1-255 printable characters without spaces');
    const hash = read('idempotencyhash');
    if (hash === undefined || !HASH.test(hash))
      return fault('event.invalid', 'idempotencyhash', 'must be a SHA-256 in hex, beside the key');
    envelope.idempotencykey = key;
    envelope.idempotencyhash = hash;
  }
  if (read('reply') === 'resource') envelope.reply = 'resource';
  return { envelope };
}

function parseJson(text: string): { value: unknown } | { fault: RecordFault } {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return fault('event.malformed', '', 'is not JSON');
  }
}

function headerText(value: Buffer | string | (Buffer | string)[] | undefined): string | undefined {
  const one = Array.isArray(value) ? value[0] : value;
  return one === undefined || one === null ? undefined : typeof one === 'string' ? one : one.toString('utf8');
}

function fault(code: ErrorCode, path: string, message: string): { fault: RecordFault } {
  return { fault: { code, path, message } };
}
