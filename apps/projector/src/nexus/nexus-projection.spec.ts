import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeBinary, newEventId, newTaskId } from '@runspine/contracts';
import { headerText, partitionFor, PositionLost } from '@runspine/kafka';
import { type ChainedNexusEntry, hashNexusEntry, openPool, ReadStore, TaskQueries } from '@runspine/projections';
import { nexusOf, PARTITIONS, RunningNexus } from './running-nexus.fixture.js';

// Real: Kafka, PostgreSQL, the consumer. Not real: the dead letter topic; letters are kept in memory.
const STREAM = 'acme/prod/default/default/handbook';
let nexus: RunningNexus;

beforeAll(async () => {
  nexus = await RunningNexus.start(process.env);
});
afterAll(() => nexus.remove());
beforeEach(() => void nexus.deadLetters.splice(0));

const letters = () => nexus.deadLetters.map(({ fault }) => `${fault.code} ${fault.path}`);
const requested = (task_id: string, more: object = {}, envelope: object = {}) =>
  nexusOf('nexus.ingest_requested', { task_id, documents: [doc('a'), doc('b'), doc('c')], ...more }, envelope);
const doc = (document_id: string) => ({ document_id, text: `text of ${document_id}` });
const indexed = (task_id: string, documents: number, chunks: number, version: number, envelope: object = {}) =>
  nexusOf('nexus.indexed', { version, documents, chunks, tasks: [{ task_id, documents, chunks }] }, envelope);
const completed = (task_id: string, more: object = {}, envelope: object = {}) =>
  nexusOf('nexus.ingest_completed', { task_id, documents: 3, chunks: 9, version: 7, ...more }, envelope);
const failed = (task_id: string, more: object = {}, envelope: object = {}) =>
  nexusOf('nexus.ingest_failed', { task_id, errors: [{ code: 'x.y', message: 'no' }], ...more }, envelope);

describe('a task', () => {
  it('is queued, shows its progress, and is completed', async () => {
    const id = newTaskId();
    await nexus.send(requested(id, { deletions: ['old'] }, { idempotencykey: 'k', idempotencyhash: 'a'.repeat(64) }));
    expect(await nexus.task(id)).toMatchObject({
      tenant_id: 'acme',
      env: 'prod',
      space_id: 'handbook',
      stream: STREAM,
      status: 'queued',
      documents: '4',
      documents_done: '0',
      version: null,
      request_hash: 'a'.repeat(64),
    });
    await nexus.send(indexed(id, 2, 5, 6));
    expect(await nexus.task(id)).toMatchObject({ status: 'running', documents_done: '2', chunks: '5', version: '6' });
    const errors = [{ document_id: 'c', code: 'nexus.blob_not_found', message: 'gone' }];
    await nexus.send(completed(id, { documents: 4, errors }));
    expect(await nexus.task(id)).toMatchObject({ status: 'completed', documents_done: '4', version: '7', errors });
  });

  it('is failed with what went wrong, and completed where a replay did it after all', async () => {
    const id = newTaskId();
    await nexus.send(requested(id), failed(id));
    expect(await nexus.task(id)).toMatchObject({ status: 'failed', errors: [{ code: 'x.y', message: 'no' }] });
    await nexus.send(completed(id));
    expect(await nexus.task(id)).toMatchObject({ status: 'completed', errors: [] });
    await nexus.send(failed(id));
    expect(await nexus.task(id)).toMatchObject({ status: 'completed', errors: [] });
  });

  it('may be completed before it is requested, and late progress takes nothing back', async () => {
    const id = newTaskId();
    await nexus.send(completed(id));
    expect(await nexus.task(id)).toMatchObject({ status: 'completed', documents: '0', documents_done: '3' });
    await nexus.send(requested(id), indexed(id, 1, 2, 5));
    expect(await nexus.task(id)).toMatchObject({
      status: 'completed',
      documents: '3',
      documents_done: '3',
      chunks: '9',
      version: '7',
    });
  });

  it('is not spoken of by another tenant, env or space', async () => {
    const id = newTaskId();
    await nexus.send(requested(id));
    const other = { scope: 'tenant', project: 'default', surface: 'default', space_id: 'other' };
    await nexus.send(completed(id, {}, { tenantid: 'beta' }), completed(id, {}, { env: 'test' }));
    await nexus.send(completed(id, { space: other }), indexed(id, 3, 3, 3, { tenantid: 'beta' }));
    expect(letters()).toEqual(Array(3).fill('nexus.task_mismatch /data/task_id'));
    expect(await nexus.task(id)).toMatchObject({ tenant_id: 'acme', status: 'queued', documents_done: '0' });
  });

  it('is its tenant’s: another may have one of the same name', async () => {
    const id = newTaskId();
    await nexus.send(requested(id), requested(id, {}, { tenantid: 'beta' }), completed(id, {}, { tenantid: 'beta' }));
    expect(letters()).toEqual([]);
    expect(await nexus.task(id)).toMatchObject({ tenant_id: 'acme', status: 'queued' });
  });

  it('is read by its own tenant and env only', async () => {
    const id = newTaskId();
    await nexus.send(requested(id));
    const url = nexus.owner.options.connectionString!;
    const store = new ReadStore({ databaseUrl: url, role: 'runspine_gateway', connectionsMax: 1 });
    try {
      const queries = new TaskQueries(store);
      const found = await queries.find({ tenantId: 'acme', env: 'prod' }, id);
      expect(found).toMatchObject({
        task: { task_id: id, status: 'queued', documents: 3, version: null },
        requestHash: null,
      });
      expect(await queries.find({ tenantId: 'beta', env: 'prod' }, id)).toBeUndefined();
      expect(await queries.find({ tenantId: 'acme', env: 'test' }, id)).toBeUndefined();
    } finally {
      await store.close();
    }
  });
});

describe('the journal of a stream', () => {
  it('is gapless, chained, and keeps an ingest without its documents', async () => {
    const envelope = { tenantid: 'chain' };
    const id = newTaskId();
    const sent = [requested(id, {}, envelope), indexed(id, 3, 3, 1, envelope), completed(id, {}, envelope)];
    await nexus.send(...sent);
    const rows = await nexus.events('chain/prod/default/default/handbook');

    expect(rows.map(({ sequence, event_id }) => [Number(sequence), event_id])).toEqual(
      sent.map((event, index) => [index + 1, event.id]),
    );
    expect(rows[0]!.data).toEqual({ task_id: id, document_count: 3, space: expect.anything() });
    let prev: string | null = null;
    for (const row of rows) {
      const time = (value: unknown) => (value as Date).toISOString();
      const hex = (value: unknown) => (value as Buffer).toString('hex');
      const entry = {
        ...row,
        sequence: Number(row.sequence),
        source_offset: Number(row.source_offset),
        time: time(row.time),
        recorded_at: time(row.recorded_at),
        data_hash: hex(row.data_hash),
      } as unknown as ChainedNexusEntry;
      expect(hex(row.hash)).toBe(hashNexusEntry(nexus.journalKey, entry, prev));
      prev = hex(row.hash);
    }
  });

  it('takes an event once, however often it is sent, and another one under its id never', async () => {
    const envelope = { tenantid: 'twice', id: newEventId() };
    const id = newTaskId();
    const event = requested(id, {}, envelope);
    await nexus.send(event, event);
    await nexus.send({ ...event, time: new Date(Date.now() + 1000).toISOString() });
    expect(letters()).toEqual([]);
    await nexus.send(requested(id, { documents: [doc('other')] }, envelope));
    expect(letters()).toEqual(['event.id_reused id']);
    expect(await nexus.events('twice/prod/default/default/handbook')).toHaveLength(1);
    expect(await nexus.task(id)).toMatchObject({ documents: '3' });
  });

  it('takes the first word on work that is done again, and told under the same id', async () => {
    const id = newTaskId();
    const envelope = { id: newEventId() };
    await nexus.send(requested(id), completed(id, { version: 3 }, envelope), completed(id, { version: 9 }, envelope));
    expect(letters()).toEqual([]);
    expect(await nexus.task(id)).toMatchObject({ status: 'completed', version: '3' });
  });

  it('of what belongs to no space is its correlation', async () => {
    const envelope = { correlationid: 'research-1' };
    await nexus.send(nexusOf('nexus.pack_created', { pack_id: 'p1', space: undefined }, envelope));
    expect(await nexus.events('acme/prod/research-1')).toMatchObject([{ type: 'nexus.pack_created', task_id: null }]);
  });
});

describe('delivery', () => {
  it('again, in one batch or all from the beginning, changes nothing', async () => {
    const before = await snapshot();
    await nexus.replay();
    expect(await snapshot()).toEqual(before);
  });

  it('of a batch whose position is past writes nothing, and says where to go on', async () => {
    const before = await snapshot();
    const batch = nexus.delivered.find(({ records }) => records.length > 0)!;
    await expect(nexus.projector.apply(batch)).rejects.toBeInstanceOf(PositionLost);
    expect(await snapshot()).toEqual(before);
  });

  it('of what is unreadable, or on another partition, is a dead letter, and what follows is applied', async () => {
    const id = newTaskId();
    const { key, headers, value } = encodeBinary(requested(id));
    const partition = partitionFor(key, PARTITIONS);
    await nexus.sendRaw({ partition, key, headers, value: '{' });
    await nexus.sendRaw({ partition: (partition + 1) % PARTITIONS, key, headers, value });
    await nexus.sendRaw({ partition, key, headers: { ...headers, ce_type: 'run.started' }, value });
    await nexus.sendRaw({ partition, key, headers: { ...headers, ce_subject: 'acme' }, value });
    expect(letters()).toEqual([
      'event.malformed ',
      'event.wrong_partition partition',
      'event.unknown_type type',
      'event.invalid subject',
    ]);
    await nexus.send(requested(id));
    expect(await nexus.task(id)).toMatchObject({ status: 'queued' });
  });

  it('that is tried again while PostgreSQL fails is a dead letter once, and once more when it is replayed', async () => {
    const event = requested(newTaskId());
    const reused = { ...event, data: { ...event.data, documents: [doc('other')] } } as typeof event;
    const { key, headers } = encodeBinary(event);
    await nexus.send(event);
    await nexus.refuseToSave();
    const tries = nexus.delivered.length;
    const sent = Promise.all([
      nexus.sendRaw({ partition: partitionFor(key, PARTITIONS), key, headers, value: '{' }),
      nexus.send(reused),
    ]);
    await nexus.delivers(tries + 4);
    await nexus.saveAgain();
    await sent;
    const ours = () => nexus.deadLetters.filter(({ record }) => headerText(record.headers, 'ce_id') === event.id);
    expect(ours().map(({ fault }) => fault.code)).toEqual(['event.malformed', 'event.id_reused']);

    await nexus.replay();
    expect(ours()).toHaveLength(4);
  });
});

it('lets neither service do what its role does not need', async () => {
  const url = nexus.owner.options.connectionString!;
  const projector = openPool({ databaseUrl: url, role: 'runspine_projector', connectionsMax: 1 });
  const gateway = openPool({ databaseUrl: url, role: 'runspine_gateway', connectionsMax: 1 });
  try {
    await expect(projector.query('UPDATE nexus_events SET type = type')).rejects.toThrow('permission denied');
    await expect(projector.query('DELETE FROM proj_nexus_tasks')).rejects.toThrow('permission denied');
    await expect(gateway.query('UPDATE proj_nexus_tasks SET status = status')).rejects.toThrow('permission denied');
    expect((await gateway.query('SELECT * FROM nexus_events')).rows).toEqual([]);
  } finally {
    await projector.end();
    await gateway.end();
  }
});

async function snapshot(): Promise<unknown[]> {
  const events = await nexus.owner.query('SELECT * FROM nexus_events ORDER BY stream, sequence');
  const tasks = await nexus.owner.query('SELECT * FROM proj_nexus_tasks ORDER BY tenant_id, task_id');
  return [events.rows, tasks.rows];
}
