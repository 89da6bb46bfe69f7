import { describe, expect, it } from '@jest/globals';
import { decodeRecord, encodeBinary } from './codec.js';
import { EVENT_DEFINITIONS } from './events.js';
import { binary, faultOf, NOW, structured } from './records.fixture.js';
import { encodeStructured, exampleEvent } from './render/examples.js';

const types = EVENT_DEFINITIONS.map(({ type }) => type);

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
      replyto: 'outcomes_1',
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
    const decoded = decodeRecord(
      binary({ ce_other: 'x', traceparent: 'y', ce_reply: 'later', ce_replyto: 'a"b' }),
      NOW,
    );
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

it('a fault says what is wrong in words', () => {
  expect(decodeRecord(binary({}, { duration_ms: 'long' }), NOW)).toEqual({
    fault: { code: 'event.invalid', path: '/data/duration_ms', message: 'must be number' },
  });
});
