import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditReport } from '@runspine/contracts';
import { openPool } from '@runspine/projections';
import { HeadSigner, HeadStore } from '@runspine/projections/audit';
import type { ForeignProducer } from '../stack/foreign-producer.js';
import type { HttpClient } from '../stack/http-client.js';
import { ended } from '../stack/jobs.js';
import { pipelineRun } from '../stack/scenarios.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

let stack: Stack;
let team: ForeignProducer;
let http: HttpClient;
let run: string;
let last: number;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  team = await stack.foreign();
  http = stack.http().with({ 'x-roles': 'admin' });
  const events = pipelineRun(team, 'kitchen', 6);
  run = events[0]!.data.run_id;
  const others = Array.from({ length: 20 }, (_, index) => pipelineRun(team, `room-${index % 3}`, 3));
  await team.send(...events, ...others.flat());
  await stack.caughtUp();
  last = (
    await stack.database.row<{ last: number }>('SELECT max(run_sequence) AS last FROM run_events WHERE run_id = $1', [
      run,
    ])
  ).last;
  await until('heads of all runs', async () => (await heads()) === 21);
});
afterAll(() => stack.close());

const heads = async () => (await stack.database.row<{ count: number }>('SELECT count(*) FROM audit_heads')).count;
const audit = async (id = run) => (await http.get(`/v1/runs/${id}/audit`)).body as AuditReport;
const auditTenant = async () => {
  const job = await ended(http, await http.get('/v1/admin/audit'));
  expect(job).toMatchObject({ status: 'completed' });
  return job.result as unknown as AuditReport;
};
const faults = ({ findings }: AuditReport) =>
  findings.map(({ sequence, to_sequence = sequence, fault }) => `${fault} ${sequence}-${to_sequence}`);

/** Does something to the journal that no service may do, and undoes it after the test's look at it. */
async function tampered<T>(statements: string[], look: () => Promise<T>): Promise<T> {
  const tables = ['run_events', 'proj_runs', 'audit_heads'];
  const kept = await Promise.all(
    tables.map((table) =>
      stack.database.rows(`SELECT to_json(t)::text AS text FROM ${table} t WHERE run_id = '${run}'`),
    ),
  );
  for (const statement of statements) await stack.database.rows(statement);
  try {
    return await look();
  } finally {
    for (const [index, table] of tables.entries()) {
      await stack.database.rows(`DELETE FROM ${table} WHERE run_id = '${run}'`);
      for (const { text } of kept[index]!) {
        await stack.database.rows(`INSERT INTO ${table} SELECT * FROM json_populate_record(NULL::${table}, $1::json)`, [
          text,
        ]);
      }
    }
  }
}

it('a run verifies, against its chain, its end, and the heads that were signed', async () => {
  const report = await audit();
  expect(report).toMatchObject({ run_id: run, verified: true, runs: 1, events: last, findings: [] });
  expect(report).toMatchObject({ stored_heads: 1, published_heads: 1 });
  expect(report.public_key).toContain('BEGIN PUBLIC KEY');
});

it('a tenant verifies, and another one has nothing', async () => {
  expect(await auditTenant()).toMatchObject({ verified: true, runs: 21, stored_heads: 21, published_heads: 21 });
  const other = stack.http().with({ 'x-roles': 'admin', 'x-tenant-id': 'other' });
  const job = await ended(other, await other.get('/v1/admin/audit'));
  expect(job.result).toMatchObject({ verified: true, runs: 0, events: 0 });
});

it("another tenant's audit is for the role system, its jobs and runs are not there", async () => {
  const other = stack.http().with({ 'x-roles': 'admin', 'x-tenant-id': 'other' });
  expect(await other.get('/v1/admin/audit?tenant=default')).toMatchObject({ status: 403 });
  expect(await other.get(`/v1/runs/${run}/audit`)).toMatchObject({ status: 404 });
  const { items } = (await other.get('/v1/admin/jobs')).body;
  expect(items.every((job: { tenant_id: string }) => job.tenant_id === 'other')).toBe(true);
  expect(await stack.http().get('/v1/admin/audit')).toMatchObject({ status: 403 });
});

describe('what somebody did to the journal is named', () => {
  const at = (sequence: number) => `run_id = '${run}' AND run_sequence = ${sequence}`;

  it.each([
    ['data', `data = '{"run_id":"x"}'`],
    ['a time', "time = time + interval '1 second'"],
    ['who said it', "source = '/somebody-else'"],
    ['its type', "type = 'run.heartbeat'"],
    ['its step', "step_id = 'step_other'"],
    ['where it was read', 'source_offset = source_offset + 1'],
    ['what it followed', "prev_hash = '\\x00'"],
    ['its hash', "hash = '\\x00'"],
    ['its room', "room_id = 'elsewhere'"],
  ])('%s of a row', async (_what, change) => {
    const report = await tampered([`UPDATE run_events SET ${change} WHERE ${at(5)}`], () => audit());
    expect(report.verified).toBe(false);
    expect(faults(report)).toEqual(['changed 5-5']);
    expect(report.findings[0]).toMatchObject({ chain: 'run', id: run, sequence: 5 });
  });

  it('a row that is gone, and several', async () => {
    expect(faults(await tampered([`DELETE FROM run_events WHERE ${at(5)}`], () => audit()))).toEqual(['missing 5-5']);
    const several = `DELETE FROM run_events WHERE run_id = '${run}' AND run_sequence BETWEEN 5 AND 8`;
    expect(faults(await tampered([several], () => audit()))).toEqual(['missing 5-8']);
    expect(faults(await tampered([`DELETE FROM run_events WHERE ${at(1)}`], () => audit()))).toEqual(['missing 1-1']);
  });

  it('a row that was put in', async () => {
    const statement = `INSERT INTO run_events SELECT (json_populate_record(e, json_build_object('run_sequence', ${last} + 1,
      'event_id', gen_random_uuid(), 'room_sequence', 999999))).* FROM run_events e WHERE ${at(5)}`;
    expect(faults(await tampered([statement], () => audit()))).toEqual([`inserted ${last + 1}-${last + 1}`]);
  });

  it('rows that were cut off the end', async () => {
    const cut = `DELETE FROM run_events WHERE run_id = '${run}' AND run_sequence > ${last - 2}`;
    expect(faults(await tampered([cut], () => audit()))).toContain(`missing ${last - 1}-${last}`);
  });

  const cutWithEnd = () => [
    `DELETE FROM run_events WHERE run_id = '${run}' AND run_sequence > ${last - 2}`,
    `UPDATE proj_runs SET version = ${last - 2}, head_hash = (SELECT hash FROM run_events WHERE ${at(last - 2)})
       WHERE run_id = '${run}'`,
  ];

  it('rows that were cut off together with the end that the projection names: the stored head shows it', async () => {
    const report = await tampered(cutWithEnd(), () => audit());
    expect(faults(report)).toContain(`missing ${last}-${last}`);
    expect(report.findings.map(({ detail }) => detail).join()).toContain('stored head');
  });

  it('rows that were cut off with every word of them in PostgreSQL: the published head shows it', async () => {
    const statements = [...cutWithEnd(), `DELETE FROM audit_heads WHERE run_id = '${run}'`];
    const report = await tampered(statements, () => audit());
    expect(faults(report)).toEqual([`missing ${last}-${last}`]);
    expect(report.findings[0]!.detail).toContain('published head');
  });

  it('a run that is gone from every table: the published head shows it', async () => {
    const statements = ['run_events', 'proj_runs', 'audit_heads'].map(
      (table) => `DELETE FROM ${table} WHERE run_id = '${run}'`,
    );
    const report = await tampered(statements, auditTenant);
    expect(report.findings).toMatchObject([{ chain: 'run', id: run, fault: 'missing' }]);
  });

  it('a stored head that was changed', async () => {
    const report = await tampered([`UPDATE audit_heads SET run_sequence = 3 WHERE run_id = '${run}'`], () => audit());
    expect(faults(report)).toContain('head 3-3');
  });

  it('all of it in an audit of the tenant, among runs that verify', async () => {
    const report = await tampered([`UPDATE run_events SET data = '{}' WHERE ${at(4)}`], auditTenant);
    expect(report).toMatchObject({ verified: false, findings_total: 1, findings: [{ id: run, sequence: 4 }] });
  });
});

it('an erased run verifies; one whose payload was taken or changed otherwise does not', async () => {
  const { run_id } = (await http.post('/v1/runs', { name: 'secret', input: { secret: true } })).body;
  await http.post(`/v1/runs/${run_id}/start`);
  await http.post(`/v1/runs/${run_id}/complete`, { output: { secret: true } });
  expect((await http.post(`/v1/runs/${run_id}/erase`, { reason: 'asked for' })).status).toBe(200);
  await until('its head', async () => (await heads()) === 22);
  expect(await audit(run_id)).toMatchObject({ verified: true, events: 4, stored_heads: 1 });
  await stack.database.rows(
    `UPDATE run_events SET data = '{"run_id":"${run_id}","output":1}' WHERE run_id = $1 AND run_sequence = 3`,
    [run_id],
  );
  expect(faults(await audit(run_id))).toEqual(['changed 3-3']);
});

it("a tenant's head shows that a run is gone of which no other head was kept, and the daily pass makes lost ones", async () => {
  const dated = await stack.foreign('dated');
  const admin = stack.http().with({ 'x-roles': 'admin', 'x-tenant-id': 'dated' });
  const runs = [pipelineRun(dated, undefined, 1), pipelineRun(dated, undefined, 1)];
  const open = dated.runId();
  await dated.send(...runs.flat(), { type: 'run.created', data: { run_id: open } });
  await stack.caughtUp();
  await until(
    'heads of both',
    async () => (await stack.database.rows(`SELECT FROM audit_heads WHERE tenant_id = 'dated'`)).length === 2,
  );

  const pool = openPool({ databaseUrl: stack.database.url, role: 'runspine_projector', connectionsMax: 2 });
  const store = new HeadStore(pool, new HeadSigner(stack.journalKey));
  const moment = new Date(Date.now() + 1000).toISOString();
  const head = await store.tenantHead('dated', moment);
  expect(head).toMatchObject({ runs: 3, streams: 0, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  await store.keepTenant(head);
  await stack.database.rows(`DELETE FROM audit_heads WHERE run_id = $1`, [runs[0]![0]!.data.run_id]);
  const forgotten = await store.forgotten(moment, 10);
  expect(forgotten).toMatchObject([
    { tenant_id: 'dated', run_id: runs[0]![0]!.data.run_id, run_sequence: expect.any(Number) },
  ]);
  await store.keep(forgotten);
  await pool.end();
  const verified = await ended(admin, await admin.get('/v1/admin/audit'));
  expect(verified.result).toMatchObject({ verified: true, tenant_head: moment, stored_heads: 2 });

  for (const table of ['run_events', 'proj_runs'])
    await stack.database.rows(`DELETE FROM ${table} WHERE run_id = $1`, [open]);
  const { result } = await ended(admin, await admin.get('/v1/admin/audit'));
  expect(result).toMatchObject({ verified: false, findings: [{ chain: 'tenant', id: 'dated', fault: 'head' }] });
});

describe('the audit topic and its tables', () => {
  it('the services can add heads, and neither change nor remove them', async () => {
    for (const table of ['audit_heads', 'audit_tenant_heads', 'run_events', 'nexus_events']) {
      for (const statement of [`UPDATE ${table} SET tenant_id = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
        for (const role of ['runspine_projector', 'runspine_gateway', 'runspine_nexus']) {
          await expect(stack.database.as(role, (query) => query(statement))).rejects.toMatchObject({ code: '42501' });
        }
      }
    }
  });

  it('what somebody else writes there is not taken for a head', async () => {
    const [record] = await stack.read('audit');
    const { Kafka, logLevel } = await import('kafkajs');
    const producer = new Kafka({ brokers: stack.brokers, clientId: 'forger', logLevel: logLevel.ERROR }).producer();
    await producer.connect();
    const { key, headers, partition } = record!;
    await producer.send({ topic: stack.topic('audit'), messages: [{ key, headers, partition, value: '{"runs":[]}' }] });
    await producer.disconnect();
    const report = await auditTenant();
    expect(report.findings.map(({ detail }) => detail).join()).toContain('has not our signature');
  });
});
