import { describe, expect, it } from '@jest/globals';
import { encodeBinary, type RawRecord } from './codec.js';
import { derivedEventId, isEventId, isTaskId, newTaskId, taskIdOfKey } from './ids.js';
import { decodeNexusRecord } from './nexus-codec.js';
import { type NexusEvent, nexusEvent, NEXUS_EVENT_DEFINITIONS } from './nexus-events.js';
import { isDocumentId } from './nexus-fields.js';
import { exampleEvent } from './render/examples.js';
import { EXAMPLE_SPACE_PATH, nexusExampleEvent } from './render/nexus-examples.js';

const recordOf = (event: object, key?: string): RawRecord => {
  const encoded = encodeBinary(event as NexusEvent);
  return { headers: encoded.headers, value: Buffer.from(encoded.value), key: Buffer.from(key ?? encoded.key) };
};
const faultOf = (record: RawRecord) => {
  const decoded = decodeNexusRecord(record);
  return 'fault' in decoded ? `${decoded.fault.code} ${decoded.fault.path}` : 'none';
};

describe('a record of the nexus topic', () => {
  it.each(NEXUS_EVENT_DEFINITIONS.map(({ type }) => type))('%s is read as it was written', (type) => {
    expect(decodeNexusRecord(recordOf(nexusExampleEvent(type)))).toEqual({ event: nexusExampleEvent(type) });
  });

  it('is of one space: subject, partition key and key are its path', () => {
    const event = nexusExampleEvent('nexus.searched');
    expect(event.subject).toBe(EXAMPLE_SPACE_PATH);
    expect(faultOf(recordOf(event))).toBe('none');
    expect(faultOf(recordOf({ ...event, subject: 'acme/prod/default/support/other' }))).toBe('event.invalid subject');
    expect(faultOf(recordOf({ ...event, partitionkey: 'acme/prod' }))).toBe('event.wrong_partition partitionkey');
    expect(faultOf(recordOf(event, 'beta/prod/default/support/handbook'))).toBe('event.wrong_partition key');
  });

  it('of a global space is of t_system, whoever wrote it', () => {
    const event = nexusExampleEvent('nexus.ingest_requested') as NexusEvent & { type: 'nexus.ingest_requested' };
    const data = { ...event.data, space: { ...event.data.space, scope: 'global' as const } };
    const path = 't_system/prod/default/support/handbook';
    expect(nexusEvent('nexus.ingest_requested', event, data)).toMatchObject({ subject: path, tenantid: 'acme' });
    expect(faultOf(recordOf({ ...event, data }))).toBe('event.invalid subject');
    expect(faultOf(recordOf({ ...event, data, subject: path, partitionkey: path }))).toBe('none');
  });

  it('without a space belongs to its correlation, and needs one', () => {
    const event = nexusExampleEvent('nexus.pack_created');
    const { space: _space, ...data } = event.data as { space?: unknown };
    const key = 'acme/prod/nightly-2026-01-31';
    const without = { ...event, data, subject: key, partitionkey: key };
    expect(faultOf(recordOf(without))).toBe('none');
    expect(faultOf(recordOf({ ...without, correlationid: undefined }))).toBe('event.invalid correlationid');
  });

  it('is of a known type: those of the runs topic are none', () => {
    expect(faultOf(recordOf(exampleEvent('run.started')))).toBe('event.unknown_type type');
  });

  it('keeps what nobody defined, and names what does not fit by its path', () => {
    const event = nexusExampleEvent('nexus.ingest_requested');
    const data = { ...event.data, tomorrow: [1] };
    expect(decodeNexusRecord(recordOf({ ...event, data }))).toMatchObject({ event: { data: { tomorrow: [1] } } });
    expect(faultOf(recordOf({ ...event, data: { ...data, documents: [{ text: 'x' }] } }))).toBe(
      'event.invalid /data/documents/0/document_id',
    );
    expect(faultOf(recordOf({ ...event, data: { ...data, space: { ...event.data.space, space_id: '../x' } } }))).toBe(
      'event.invalid /data/space/space_id',
    );
  });
});

describe('ids', () => {
  it('of tasks are new, or the same for the same key', () => {
    expect(isTaskId(newTaskId())).toBe(true);
    expect(newTaskId()).not.toBe(newTaskId());
    const key = { tenantId: 'acme', env: 'prod', idempotencyKey: 'k/1' };
    expect(isTaskId(taskIdOfKey(key))).toBe(true);
    expect(taskIdOfKey(key)).toBe(taskIdOfKey({ ...key }));
    expect(taskIdOfKey({ ...key, env: 'prod/k', idempotencyKey: '1' })).not.toBe(taskIdOfKey(key));
  });

  it('of events that can happen once come from what they are of', () => {
    const id = derivedEventId('task_1', 'nexus.ingest_completed');
    expect(isEventId(id)).toBe(true);
    expect(id).toMatch(/^.{14}8.{4}[89ab]/);
    expect(derivedEventId('task_1', 'nexus.ingest_completed')).toBe(id);
    expect(derivedEventId('task_1', 'nexus.ingest_failed')).not.toBe(id);
  });

  it('of documents are printable', () => {
    expect(['a', 'docs/ä.md#1', '😀'.repeat(512)].every(isDocumentId)).toBe(true);
    expect(['', 'a\nb', 'a\u0000', '\ud800', 'x'.repeat(513)].some(isDocumentId)).toBe(false);
  });
});
