import { describe, expect, it } from '@jest/globals';
import { decodeRecord, encodeBinary, type RawRecord } from './codec.js';
import { EVENT_DEFINITIONS } from './events.js';
import { affinityOf, newRunId, newStepId } from './ids.js';
import { EVENT_DATA_BYTES_MAX } from './json.js';
import { encodeStructured, EXAMPLE, exampleEvent } from './render/examples.js';

const NOW = Date.parse(EXAMPLE.time);
const LATER = NOW + 25 * 3600 * 1000;
const types = EVENT_DEFINITIONS.map(({ type }) => type);

/** A record of `step.completed` in binary mode, with headers and data changed; undefined takes one away. */
function binary(headers: RawRecord['headers'] = {}, data: object = {}): RawRecord {
  const encoded = encodeBinary(exampleEvent('step.completed'));
  const merged = { ...encoded.headers, ...headers };
  return {
    key: Buffer.from(encoded.key),
    headers: Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)),
    value: Buffer.from(JSON.stringify({ ...exampleEvent('step.completed').data, ...data })),
  };
}

/** A record in structured mode, with members changed. */
function structured(members: object = {}, contentType = 'application/cloudevents+json'): RawRecord {
  const { key, value } = encodeStructured(exampleEvent('step.completed'));
  const event: object = { ...(JSON.parse(value) as object), ...members };
  return { key: Buffer.from(key), headers: { 'content-type': contentType }, value: Buffer.from(JSON.stringify(event)) };
}

/** The data with a piece of JSON text in place of its output. */
function withOutput(text: string): RawRecord {
  const data = JSON.stringify({ ...exampleEvent('step.completed').data, output: '@' }).replace('"@"', () => text);
  return { ...binary(), value: Buffer.from(data) };
}

function created(runId: string, data: object = {}, headers: RawRecord['headers'] = {}): RawRecord {
  const encoded = encodeBinary(exampleEvent('run.created'));
  return {
    headers: { ...encoded.headers, ce_subject: runId, ce_partitionkey: undefined, ...headers },
    value: Buffer.from(JSON.stringify({ run_id: runId, ...data })),
  };
}

function faultOf(record: RawRecord): { code: string; path: string } | undefined {
  const decoded = decodeRecord(record, NOW);
  return 'fault' in decoded ? { code: decoded.fault.code, path: decoded.fault.path } : undefined;
}

describe('a round trip', () => {
  it.each(types)('keeps %s in binary mode, from bytes and from text', (type) => {
    const event = exampleEvent(type);
    const { key, headers, value } = encodeBinary(event);
    const bytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));
    const record = { key: Buffer.from(key), value: Buffer.from(value) };
    expect(decodeRecord({ ...record, headers }, NOW)).toEqual({ event });
    expect(decodeRecord({ ...record, headers: bytes }, NOW)).toEqual({ event });
  });

  it.each(types)('keeps %s in structured mode', (type) => {
    const event = exampleEvent(type);
    const { headers, value } = encodeStructured(event);
    expect(decodeRecord({ headers, value: Buffer.from(value) }, NOW)).toEqual({ event });
  });

  it('keeps every optional attribute', () => {
    const event = {
      ...exampleEvent('run.started'),
      causationid: 'order:17',
      expectedversion: 3,
      idempotencykey: 'k/1#2',
      idempotencyhash: 'a'.repeat(64),
      reply: 'resource' as const,
    };
    const { headers, value } = encodeBinary(event);
    expect(decodeRecord({ headers, value: Buffer.from(value) }, NOW)).toEqual({ event });
    const inJson = encodeStructured(event);
    expect(decodeRecord({ ...inJson, key: Buffer.from(inJson.key), value: Buffer.from(inJson.value) }, NOW)).toEqual({
      event,
    });
  });
});

describe('what may be left out or written otherwise', () => {
  it('fills in version, project, surface and key', () => {
    const decoded = decodeRecord(
      binary({
        ce_dataschema: undefined,
        ce_projectid: undefined,
        ce_surfaceid: undefined,
        ce_partitionkey: undefined,
      }),
      NOW,
    );
    expect(decoded).toEqual({ event: exampleEvent('step.completed') });
  });

  it('takes a schema of another place by its end, and writes its own', () => {
    const decoded = decodeRecord(binary({ ce_dataschema: 'https://example.org/step.completed/v1' }), NOW);
    expect(decoded).toEqual({ event: exampleEvent('step.completed') });
  });

  it('writes ids in lower case and times in UTC with milliseconds', () => {
    const { id } = exampleEvent('step.completed');
    const decoded = decodeRecord(binary({ ce_id: id.toUpperCase(), ce_time: '2026-01-31T13:00:00+01:00' }), NOW);
    expect(decoded).toMatchObject({ event: { id, time: '2026-01-31T12:00:00.000Z' } });
  });

  it('ignores other headers, and a reply that it does not know', () => {
    const decoded = decodeRecord(binary({ ce_other: 'x', traceparent: 'y', ce_reply: 'later' }), NOW);
    expect(decoded).toEqual({ event: exampleEvent('step.completed') });
  });

  it('takes a header that is given twice with one value', () => {
    expect(faultOf(binary({ ce_env: ['prod', Buffer.from('prod')] }))).toBeUndefined();
  });

  it('keeps fields that nobody defined, even by the names of ids', () => {
    const event = exampleEvent('run.started');
    const { headers } = encodeBinary(event);
    const data = { ...event.data, step_id: { not: 'ours' }, room_id: 7, tomorrow: [1] };
    expect(decodeRecord({ headers, value: Buffer.from(JSON.stringify(data)) }, NOW)).toEqual({
      event: { ...event, data },
    });
  });

  it.each(['application/cloudevents+json; charset=utf-8', 'Application/CloudEvents+JSON'])(
    'reads %s',
    (contentType) => {
      expect(decodeRecord(structured({}, contentType), NOW)).toEqual({ event: exampleEvent('step.completed') });
    },
  );

  it('takes null for an absent attribute, and numbers and text for a version, in structured mode', () => {
    expect(faultOf(structured({ causationid: null, expectedversion: 3 }))).toBeUndefined();
    expect(decodeRecord(structured({ expectedversion: '3' }), NOW)).toMatchObject({ event: { expectedversion: 3 } });
  });
});

describe('a record that is no CloudEvent', () => {
  const value = binary().value;
  it.each<[string, RawRecord, string]>([
    ['no value', { headers: binary().headers, value: null }, ''],
    ['an empty value', { headers: binary().headers, value: Buffer.alloc(0) }, ''],
    ['a value that is not JSON', { headers: binary().headers, value: Buffer.from('{"run_id":') }, ''],
    ['a byte order mark', { headers: binary().headers, value: Buffer.from('\ufeff{}') }, ''],
    ['bytes that are not UTF-8', { headers: binary().headers, value: Buffer.from([0x22, 0xff, 0x22]) }, ''],
    ['a surrogate as bytes', { headers: binary().headers, value: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]) }, ''],
    ['no headers', { value }, 'specversion'],
    ['empty headers', { headers: {}, value }, 'specversion'],
    ['a batch', { headers: { 'content-type': 'application/cloudevents-batch+json' }, value }, 'specversion'],
    ['another version', binary({ ce_specversion: '0.3' }), 'specversion'],
    ['a header without a value', binary({ ce_id: null }), 'id'],
    ['a header given twice', binary({ ce_tenantid: ['acme', 'globex'] }), 'tenantid'],
    ['structured text', { ...structured(), value: Buffer.from('"text"') }, ''],
    ['a structured array', { ...structured(), value: Buffer.from('[]') }, ''],
    ['structured null', { ...structured(), value: Buffer.from('null') }, ''],
    ['structured without data', structured({ data: undefined }), 'data'],
    ['structured in base64', structured({ data: undefined, data_base64: 'e30=' }), 'data'],
    ['an attribute that is an object', structured({ source: {} }), 'source'],
    ['an attribute that is an array', structured({ source: ['/a'] }), 'source'],
  ])('is malformed: %s', (_what, record, path) => {
    expect(faultOf(record)).toEqual({ code: 'event.malformed', path });
  });

  it.each(['specversion', 'id', 'source', 'type', 'time', 'subject', 'tenantid', 'env'])('needs %s', (name) => {
    expect(faultOf(binary({ [`ce_${name}`]: undefined }))).toEqual({ code: 'event.malformed', path: name });
    expect(faultOf(structured({ [name]: undefined }))).toEqual({ code: 'event.malformed', path: name });
  });
});

describe('a type or version that nobody defined', () => {
  it.each(['run.vanished', '', 'constructor', '__proto__', 'RUN.STARTED', 'x'.repeat(100_000)])('%.20s', (type) => {
    expect(faultOf(binary({ ce_type: type, ce_dataschema: undefined }))).toEqual({
      code: 'event.unknown_type',
      path: 'type',
    });
  });

  it.each(['runspine://schemas/step.completed/v2', 'runspine://schemas/run.started/v1', 'step.completed/v1', 'x'])(
    '%s',
    (schema) => {
      expect(faultOf(binary({ ce_dataschema: schema }))).toEqual({ code: 'event.unknown_version', path: 'dataschema' });
    },
  );
});

describe('an attribute that does not fit', () => {
  it.each<[string, string]>([
    ['id', '17'],
    ['id', `${EXAMPLE.runId}`],
    ['time', 'yesterday'],
    ['time', '9999-12-31T23:59:59Z'],
    ['time', '2026-02-01T12:00:00.001Z'],
    ['time', '1969-01-01T00:00:00Z'],
    ['source', ''],
    ['source', 'über'],
    ['source', 'x'.repeat(513)],
    ['source', 'a\u0000'],
    ['tenantid', 'Acme'],
    ['tenantid', "acme'; drop"],
    ['tenantid', 'acme/prod'],
    ['env', ''],
    ['projectid', 'ä'],
    ['surfaceid', 'x'.repeat(65)],
    ['correlationid', 'a b'],
    ['causationid', 'x'.repeat(129)],
    ['traceparent', '00-0-0-00'],
    ['expectedversion', '-1'],
    ['expectedversion', '1e3'],
    ['expectedversion', '9'.repeat(16)],
    ['subject', 'run_0'],
    ['subject', EXAMPLE.stepId],
  ])('%s: %.30j', (name, text) => {
    expect(faultOf(binary({ [`ce_${name}`]: Buffer.from(text) }))).toEqual({ code: 'event.invalid', path: name });
    expect(faultOf(structured({ [name]: text }))).toEqual({ code: 'event.invalid', path: name });
  });

  it('a header that is not UTF-8', () => {
    expect(faultOf(binary({ ce_tenantid: Buffer.from([0x61, 0xff]) }))).toMatchObject({ path: 'tenantid' });
  });

  it('an idempotency key needs a form, and its hash', () => {
    expect(faultOf(binary({ ce_idempotencykey: 'a b' }))).toMatchObject({ path: 'idempotencykey' });
    expect(faultOf(binary({ ce_idempotencykey: 'a' }))).toMatchObject({ path: 'idempotencyhash' });
    expect(faultOf(binary({ ce_idempotencykey: 'a', ce_idempotencyhash: 'b' }))).toMatchObject({
      path: 'idempotencyhash',
    });
  });
});

describe('data that does not fit', () => {
  it.each<[string, RawRecord, string]>([
    ['a wrong type', binary({}, { duration_ms: 'long' }), '/data/duration_ms'],
    ['a wrong type inside', binary({}, { metrics: { tokens: -1 } }), '/data/metrics/tokens'],
    ['another form of id', binary({}, { step_id: "step_'" }), '/data/step_id'],
    ['a missing field', binary({ ce_type: 'step.failed', ce_dataschema: undefined }), '/data/error'],
    ['NUL in a string', withOutput('{"a":["x\\u0000"]}'), '/data/output/a/0'],
    ['a lone surrogate in a string', withOutput('"\\ud800"'), '/data/output'],
    ['NUL in a name', withOutput('{"\\u0000":1}'), '/data/output'],
    ['a lone surrogate in a name', withOutput('{"\\udead":1}'), '/data/output'],
    ['NUL in a field that nobody defined', binary({}, { tomorrow: 'a\u0000' }), '/data/tomorrow'],
    ['a number past a double', withOutput('-1e999'), '/data/output'],
    ['no object', { ...binary(), value: Buffer.from('[]') }, '/data'],
    ['null', { ...binary(), value: Buffer.from('null') }, '/data'],
    ['null as structured data', structured({ data: null }), '/data'],
  ])('%s', (_what, record, path) => {
    expect(faultOf(record)).toEqual({ code: 'event.invalid', path });
  });

  it('nesting, however deep, in both modes and in attributes', () => {
    const deep = '['.repeat(400_000) + ']'.repeat(400_000);
    const inJson = (name: string) =>
      Buffer.from(
        structured({ [name]: '@' })
          .value!.toString()
          .replace('"@"', deep),
      );
    expect(faultOf(withOutput(deep))).toMatchObject({ code: 'event.invalid' });
    expect(faultOf({ ...structured(), value: inJson('data') })).toMatchObject({ code: 'event.invalid' });
    expect(faultOf({ ...structured(), value: inJson('source') })).toMatchObject({ code: 'event.malformed' });
    expect(faultOf({ ...structured(), value: inJson('unknown') })).toBeUndefined();
  });
});

describe('size', () => {
  const overhead = Buffer.byteLength(JSON.stringify({ ...exampleEvent('step.completed').data, output: '' }));

  it('of data is at most 256 KiB, in both modes', () => {
    const fits = 'x'.repeat(EVENT_DATA_BYTES_MAX - overhead);
    const data = (output: string) => ({ ...exampleEvent('step.completed').data, output });
    expect(faultOf(binary({}, { output: fits }))).toBeUndefined();
    expect(faultOf(structured({ data: data(fits) }))).toBeUndefined();
    const over = { code: 'event.too_large', path: '/data' };
    expect(faultOf(binary({}, { output: `${fits}x` }))).toEqual(over);
    expect(faultOf(structured({ data: data(`${fits}x`) }))).toEqual(over);
    expect(faultOf(binary({}, { output: '€'.repeat(300_000) }))).toEqual(over);
  });

  it('counts neither white space nor escapes, but numbers as they are kept', () => {
    expect(faultOf(withOutput(`${' '.repeat(300_000)}1`))).toBeUndefined();
    expect(faultOf(withOutput(`"${'\\u0041'.repeat(60_000)}"`))).toBeUndefined();
    expect(faultOf(withOutput(`[${'9e20,'.repeat(20_000)}1]`))).toEqual({ code: 'event.too_large', path: '/data' });
  });
});

describe('routing', () => {
  const affinity = affinityOf({ tenantId: 'acme', env: 'prod', roomId: 'lobby' });

  it.each<[string, RawRecord, string]>([
    ['an affinity of another room', created(newRunId('00000000', NOW), { room_id: 'lobby' }), '/data/run_id'],
    [
      'an affinity of another env',
      created(newRunId(affinity, NOW), { room_id: 'lobby' }, { ce_env: 'test' }),
      '/data/run_id',
    ],
    ['a run id of the day after tomorrow', created(newRunId(affinity, LATER)), '/data/run_id'],
    ['a step id of the day after tomorrow', binary({}, { step_id: newStepId(LATER) }), '/data/step_id'],
    ['a subject of another run', binary({ ce_subject: newRunId(affinity, NOW) }), 'subject'],
  ])('refuses %s', (_what, record, path) => {
    expect(faultOf(record)).toEqual({ code: 'event.invalid', path });
  });

  it('takes any affinity without a room, and times up to 24 h ahead', () => {
    expect(faultOf(created(newRunId('00000000', NOW + 24 * 3600 * 1000)))).toBeUndefined();
    expect(faultOf(created(newRunId(affinity, NOW), { room_id: 'lobby' }))).toBeUndefined();
  });

  it("refuses another tenant's key, in the attribute and of the record", () => {
    expect(faultOf(binary({ ce_partitionkey: 'globex/2d9e751c' }))).toEqual({
      code: 'event.wrong_partition',
      path: 'partitionkey',
    });
    for (const key of [null, Buffer.alloc(0), Buffer.from('globex/2d9e751c'), Buffer.from([0xff])]) {
      expect(faultOf({ ...binary(), key })).toEqual({ code: 'event.wrong_partition', path: 'key' });
    }
    expect(faultOf({ ...binary(), key: undefined })).toBeUndefined();
  });
});

it('a fault says what is wrong in words', () => {
  expect(decodeRecord(binary({}, { duration_ms: 'long' }), NOW)).toEqual({
    fault: { code: 'event.invalid', path: '/data/duration_ms', message: 'must be number' },
  });
});
