import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ATTRIBUTES } from './attributes.js';
import { decodeRecord, encodeBinary, type RawRecord } from './codec.js';
import type { SubmittedEvent } from './envelope.js';
import { EVENT_DEFINITIONS } from './events.js';
import { newEventId, newRunId, newStepId, partitionKeyOf } from './ids.js';
import { canonicalize } from './json.js';
import { encodeStructured, EXAMPLE, EXAMPLE_DATA, exampleEvent } from './render/examples.js';

const NOW = Date.parse(EXAMPLE.time);
const types = EVENT_DEFINITIONS.map(({ type }) => type);
const name = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,63}$/);
const printable = fc.stringMatching(/^[\x21-\x7e]{1,100}$/);
const hex8 = fc.stringMatching(/^[0-9a-f]{8}$/);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
/** JSON as it comes back from a parser: no -0, which its text does not keep. */
const json = fc
  .jsonValue({ maxDepth: 4, stringUnit: fc.constantFrom('a', 'é', '€', '😀', '/', '~', '"', '\\', '\n', '\u007f') })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

const attributes = fc.record({
  type: fc.constantFrom(...types),
  tenantid: name,
  env: name,
  projectid: name,
  surfaceid: name,
  source: printable,
  timeMs: fc.integer({ min: 0, max: NOW + 86_400_000 }),
  affinity: hex8,
  correlationid: optional(printable),
  causationid: optional(printable),
  expectedversion: optional(fc.nat()),
  idempotencykey: optional(printable),
  extra: json,
});

/** Any event that a producer may send. */
const event = attributes.map((given): SubmittedEvent => {
  const { type, timeMs, affinity, extra, correlationid, causationid, expectedversion, idempotencykey, ...rest } = given;
  const run_id = newRunId(affinity, timeMs);
  const data: Record<string, unknown> = { ...EXAMPLE_DATA[type], run_id, a_field_of_tomorrow: extra };
  if ('step_id' in data) data.step_id = newStepId(timeMs);
  if (type === 'run.created') delete data.room_id;
  return {
    ...exampleEvent(type),
    ...rest,
    id: newEventId(timeMs),
    time: new Date(timeMs).toISOString(),
    subject: run_id,
    partitionkey: partitionKeyOf(rest.tenantid, run_id),
    ...(correlationid !== undefined && { correlationid }),
    ...(causationid !== undefined && { causationid }),
    ...(expectedversion !== undefined && { expectedversion }),
    ...(idempotencykey !== undefined && { idempotencykey, idempotencyhash: 'a'.repeat(64) }),
    data,
  } as SubmittedEvent;
});

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const anyText = fc.string({ unit: 'binary', maxLength: 60 });
const headerValue = fc.oneof(
  bytes,
  anyText,
  fc.constant(null),
  fc.constant(undefined),
  fc.array(fc.oneof(bytes, anyText)),
);
const headerName = fc.oneof(fc.constantFrom('content-type', ...ATTRIBUTES.map((one) => `ce_${one}`)), anyText);

const rawRecord: fc.Arbitrary<RawRecord> = fc.record(
  {
    key: fc.option(bytes),
    headers: fc.dictionary(headerName, headerValue, { maxKeys: 25 }),
    value: fc.oneof(
      fc.constant(null),
      bytes,
      fc.json({ stringUnit: 'binary' }).map((text) => Buffer.from(text)),
    ),
  },
  { requiredKeys: ['value'] },
);

/** A good record with a header and a part of its value made anything. */
const bentRecord: fc.Arbitrary<RawRecord> = fc
  .record({
    of: event,
    structured: fc.boolean(),
    header: headerName,
    headerValue,
    field: fc.oneof(fc.constantFrom('run_id', 'step_id', 'room_id', 'data', 'tags', 'error', 'metrics'), anyText),
    fieldValue: fc.oneof(json, fc.jsonValue({ stringUnit: 'binary' })),
    cut: optional(fc.nat({ max: 400 })),
  })
  .map(({ of, structured, header, headerValue: bent, field, fieldValue, cut }) => {
    const record = structured ? encodeStructured(of) : encodeBinary(of);
    const value = JSON.stringify({ ...(JSON.parse(record.value) as object), [field]: fieldValue });
    return {
      key: Buffer.from(record.key),
      headers: { ...record.headers, [header]: bent },
      value: Buffer.from(value).subarray(0, cut === undefined ? undefined : value.length - cut),
    };
  });

describe('decodeRecord', () => {
  it('never throws, and names a code and a bounded path, whatever bytes and headers come', () => {
    fc.assert(
      fc.property(fc.oneof(rawRecord, bentRecord), (record) => {
        const decoded = decodeRecord(record, NOW);
        if ('event' in decoded) {
          expect(() => canonicalize(decoded.event.data)).not.toThrow();
        } else {
          expect(decoded.fault.code).toMatch(/^event\./);
          expect(decoded.fault.path.length).toBeLessThanOrEqual(257);
          expect(decoded.fault.path.isWellFormed()).toBe(true);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('gives back what was encoded, in both modes', () => {
    fc.assert(
      fc.property(event, fc.boolean(), (given, structured) => {
        const { key, headers, value } = structured ? encodeStructured(given) : encodeBinary(given);
        const record = { key: Buffer.from(key), headers, value: Buffer.from(value) };
        expect(decodeRecord(record, NOW)).toEqual({ event: given });
      }),
      { numRuns: 1000 },
    );
  });
});
