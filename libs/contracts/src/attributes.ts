import { DEFAULT_NAME, SPEC_VERSION, type SubmittedEvent } from './envelope.js';
import { isCorrelationId, isEventId, isNameId } from './ids.js';
import { type RecordFault, faultOf } from './record-fault.js';
import { normalizeTime } from './time.js';

const REQUIRED = ['specversion', 'id', 'source', 'type', 'time', 'subject', 'tenantid', 'env'] as const;
const DEFAULTED = ['dataschema', 'projectid', 'surfaceid', 'partitionkey'] as const;
/** Attributes that an event may go without. */
export const OPTIONAL_ATTRIBUTES = [
  'correlationid',
  'causationid',
  'traceparent',
  'expectedversion',
  'idempotencykey',
  'idempotencyhash',
  'reply',
  'replyto',
] as const;
/** Every attribute that is read; others are ignored. */
export const ATTRIBUTES = [...REQUIRED, ...DEFAULTED, ...OPTIONAL_ATTRIBUTES] as const;

/** Attributes as they were read: text, by name without `ce_`. */
export type Attributes = { [Name in (typeof ATTRIBUTES)[number]]?: string };

/** An envelope whose type nobody checked yet; `dataschema` and `partitionkey` are empty where they were not given. */
export interface ReadEnvelope extends Omit<SubmittedEvent, 'type' | 'data'> {
  type: string;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const PRINTABLE = /^[\x20-\x7e]{1,512}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
const HASH = /^[0-9a-f]{64}$/;
const CHANNEL = /^[a-z0-9_]{1,63}$/;

/** Checks attributes one by one, and fills in what may be left out. Times are held against `nowMs`. */
export function readEnvelope(given: Attributes, nowMs: number): { envelope: ReadEnvelope } | { fault: RecordFault } {
  for (const name of REQUIRED) {
    if (given[name] === undefined) return faultOf('event.malformed', name, 'is required');
  }
  const { specversion, id, time, ...rest } = given as Attributes & Record<(typeof REQUIRED)[number], string>;
  if (specversion !== SPEC_VERSION) return faultOf('event.malformed', 'specversion', `must be ${SPEC_VERSION}`);
  if (!isEventId(id)) return faultOf('event.invalid', 'id', 'must be a UUID');
  const utc = normalizeTime(time, nowMs);
  if ('message' in utc) return faultOf('event.invalid', 'time', utc.message);
  const envelope: ReadEnvelope = {
    id: id.toLowerCase(),
    source: rest.source,
    type: rest.type,
    time: utc.time,
    subject: rest.subject,
    dataschema: rest.dataschema ?? '',
    tenantid: rest.tenantid,
    env: rest.env,
    projectid: rest.projectid ?? DEFAULT_NAME,
    surfaceid: rest.surfaceid ?? DEFAULT_NAME,
    partitionkey: rest.partitionkey ?? '',
  };
  for (const name of ['tenantid', 'env', 'projectid', 'surfaceid'] as const) {
    if (!isNameId(envelope[name])) return faultOf('event.invalid', name, 'must match [a-z0-9][a-z0-9_-]{0,63}');
  }
  if (!PRINTABLE.test(envelope.source)) {
    return faultOf('event.invalid', 'source', 'must be 1-512 printable ASCII characters');
  }
  const fault = readOptional(given, envelope);
  return fault ?? { envelope };
}

function readOptional(given: Attributes, envelope: ReadEnvelope): { fault: RecordFault } | undefined {
  for (const name of ['correlationid', 'causationid'] as const) {
    const value = given[name];
    if (value === undefined) continue;
    if (!isCorrelationId(value)) {
      return faultOf('event.invalid', name, 'must be 1-128 printable ASCII characters without spaces');
    }
    envelope[name] = value;
  }
  if (given.traceparent !== undefined) {
    if (!TRACEPARENT.test(given.traceparent)) {
      return faultOf('event.invalid', 'traceparent', 'must be a W3C traceparent');
    }
    envelope.traceparent = given.traceparent;
  }
  if (given.expectedversion !== undefined) {
    if (!/^\d{1,15}$/.test(given.expectedversion)) {
      return faultOf('event.invalid', 'expectedversion', 'must be a version number');
    }
    envelope.expectedversion = Number(given.expectedversion);
  }
  if (given.idempotencykey !== undefined) {
    if (!IDEMPOTENCY_KEY.test(given.idempotencykey)) {
      return faultOf('event.invalid', 'idempotencykey', 'must be 1-255 printable ASCII characters without spaces');
    }
    if (given.idempotencyhash === undefined || !HASH.test(given.idempotencyhash)) {
      return faultOf('event.invalid', 'idempotencyhash', 'must be a SHA-256 in hex, beside the key');
    }
    envelope.idempotencykey = given.idempotencykey;
    envelope.idempotencyhash = given.idempotencyhash;
  }
  if (given.reply === 'resource') envelope.reply = 'resource';
  if (given.replyto !== undefined && CHANNEL.test(given.replyto)) envelope.replyto = given.replyto;
  return undefined;
}
