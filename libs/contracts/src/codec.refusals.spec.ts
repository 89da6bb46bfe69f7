import { constants } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import type { RawRecord } from './codec.js';
import { affinityOf, newRunId, newStepId } from './ids.js';
import { EVENT_DATA_BYTES_MAX } from './json.js';
import { RECORD_BYTES_MAX } from './topics.js';
import { binary, created, faultOf, NOW, structured, withOutput } from './records.fixture.js';
import { EXAMPLE, exampleEvent } from './render/examples.js';

const LATER = NOW + 25 * 3600 * 1000;

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

  it('of a record is at most 1 MiB, white space included, and what is larger than any text is not read', () => {
    const { value, ...rest } = binary();
    const padded = (bytes: number) => ({ ...rest, value: Buffer.concat([value!, Buffer.alloc(bytes, ' ')]) });
    expect(faultOf(padded(RECORD_BYTES_MAX - value!.length))).toBeUndefined();
    expect(faultOf(padded(RECORD_BYTES_MAX - value!.length + 1))).toEqual({ code: 'event.too_large', path: '' });
    expect(faultOf({ ...rest, value: Buffer.alloc(constants.MAX_STRING_LENGTH + 1) })).toMatchObject({
      code: 'event.too_large',
    });
  });

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
