import { randomUUID } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, type ResearchRun, type RunspineClient } from '@runspine/client';
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { CommandLine } from '../stack/command-line.js';
import { ended } from '../stack/jobs.js';
import { quickNexus } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/** Research runs of real services: what Nexus, callers and another team's producer say, and what comes of it. */
let stack: Stack;
let client: RunspineClient;
let cli: CommandLine;
let team: Producer;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
  const { address } = stack.gateways[0]!;
  client = createClient({ address });
  cli = new CommandLine(address);
  const kafka = new Kafka({ brokers: stack.brokers, clientId: 'crawlers', logLevel: logLevel.ERROR });
  team = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  await team.connect();
}, 120_000);
afterAll(async () => {
  await team.disconnect();
  await stack.close();
});

/** A record as docs/events.md has it, of another team that knows no code of ours. */
async function sent(type: string, correlation: string, data: object, attributes: Record<string, string> = {}) {
  const key = `default/default/${correlation}`;
  const headers = {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: randomUUID(),
    ce_source: '/crawlers',
    ce_type: type,
    ce_time: new Date().toISOString(),
    ce_subject: key,
    ce_tenantid: 'default',
    ce_env: 'default',
    ce_correlationid: correlation,
    ...attributes,
  };
  await team.send({ topic: stack.topic('nexus'), acks: -1, messages: [{ key, headers, value: JSON.stringify(data) }] });
}

const runOf = async (id: string, from = client) => {
  for await (const run of from.nexus.runs()) if (run.id === id) return run;
  return undefined;
};
const become = (id: string, wanted: (run: ResearchRun) => boolean) =>
  until(`${id} to become so`, async () => {
    const run = await runOf(id);
    return run !== undefined && wanted(run) && run;
  });
const document = (id: string, text = `About ${id}.`) => ({ document_id: id, text });

describe('a research run', () => {
  it('gathers what callers, nexus and another team say under one correlation', async () => {
    const correlationId = 'study-1';
    await sent('nexus.raw_asset_created', correlationId, { asset_id: 'page-1', media_type: 'text/html' });
    await become(correlationId, ({ kind, counts }) => kind === 'asset' && counts.assets === 1);
    for (const space of ['birds', 'fishes']) {
      await client.nexus.ingest(space, { documents: [document('a'), document('b')] }, { correlationId, wait: true });
      await client.nexus.query(space, { query: 'about' }, { correlationId });
    }
    await become(correlationId, ({ kind, counts }) => kind === 'ingest' && counts.searches === 2);
    await sent('nexus.pack_created', correlationId, { pack_id: 'pack-1', documents: 4 });
    const run = await become(correlationId, ({ kind }) => kind === 'pack');
    expect(run).toMatchObject({
      tenant: 'default',
      env: 'default',
      project: 'default',
      status: 'completed',
      counts: { cards: 4, atoms: 4, searches: 2, packs: 1, assets: 1 },
    });
    expect(run.started_at < run.last_event_at).toBe(true);
  });

  it('is of the trace where there is one, also what nexus says of its tasks', async () => {
    const trace = 'ab'.repeat(16);
    const options = { correlationId: 'ignored', traceparent: `00-${trace}-${'1'.repeat(16)}-01`, wait: true as const };
    await client.nexus.ingest('traced', { documents: [document('a')] }, options);
    expect(await become(trace, ({ status }) => status === 'completed')).toMatchObject({
      counts: { cards: 1, atoms: 1 },
    });
    expect(await runOf('ignored')).toBeUndefined();
  });

  it('is failed where a task is, and an ingest that nobody named is one by itself', async () => {
    const { blob_uri: blob } = await client.nexus.uploadBlob(Uint8Array.from([0xff, 0xfe, 0x00]));
    const { task_id: task } = await client.nexus.ingest('broken', {
      documents: [{ document_id: 'no text', blob_uri: blob }],
    });
    const run = await become(task, ({ status }) => status !== 'running');
    expect(run).toMatchObject({ kind: 'ingest', status: 'failed', counts: { cards: 0, atoms: 0 } });
  });

  it('counts what comes twice once, and what nexus says again not at all', async () => {
    const id = { ce_id: randomUUID(), ce_time: new Date().toISOString() };
    for (let times = 0; times < 3; times += 1) await sent('nexus.pack_created', 'twice', { pack_id: 'p' }, id);
    await sent('nexus.pack_created', 'twice', { pack_id: 'q' });
    expect(await become('twice', ({ counts }) => counts.packs >= 2)).toMatchObject({ counts: { packs: 2 } });
  });
});

describe('another tenant', () => {
  const other = () => createClient({ address: stack.gateways[0]!.address, tenant: 'other' });

  it('and another env see nothing of it, and their events of the same correlation are runs of their own', async () => {
    expect(await other().nexus.runs({ window_days: 90 }).first(10)).toEqual([]);
    await other().nexus.query('birds', { query: 'about' }, { correlationId: 'study-1' });
    await until('their own', async () => (await other().nexus.runs().first(10)).length === 1);
    expect(await runOf('study-1', other())).toMatchObject({
      tenant: 'other',
      counts: { searches: 1, cards: 0, packs: 0 },
    });
    expect(await runOf('study-1')).toMatchObject({ tenant: 'default', counts: { searches: 2 } });
    const elsewhere = createClient({ address: stack.gateways[0]!.address, env: 'staging' });
    expect(await elsewhere.nexus.runs().first(10)).toEqual([]);
  });

  it('cannot add to it by the Kafka key, nor by naming its task', async () => {
    const before = await runOf('study-1');
    const stolen = { ce_tenantid: 'other' };
    await sent('nexus.pack_created', 'study-1', { pack_id: 'stolen' }, stolen);
    const [task] = await stack.database.rows<{ task_id: string }>(
      "SELECT task_id FROM proj_nexus_tasks WHERE research_id = 'study-1' LIMIT 1",
    );
    const space = { scope: 'tenant', project: 'default', surface: 'default', space_id: 'birds' };
    const path = 'other/default/default/default/birds';
    const data = { task_id: task!.task_id, space, documents: 100, chunks: 100 };
    const headers = { ...stolen, ce_subject: path };
    await sent('nexus.ingest_completed', 'study-1', data, headers);
    await sent('nexus.pack_created', 'after', { pack_id: 'p' });
    await become('after', ({ counts }) => counts.packs === 1);
    expect(await runOf('study-1')).toEqual(before);
  });
});

describe('the command line', () => {
  it('shows them, says how to begin one, and gives them to programs', async () => {
    const empty = await cli.here(['nexus', 'runs', '--tenant', 'nobody']);
    expect(empty).toMatchObject({ code: 0, out: '', err: expect.stringContaining('--correlation study-1') });
    const shown = await cli.inTerminal(['nexus', 'runs', '--kind', 'pack', '--status', 'completed'], { columns: 80 });
    expect(shown.out).toMatch(/study-1 +pack .*✔ completed.* 4 +4 +2 +1 +1/);
    const widths = stripVTControlCharacters(shown.out)
      .split('\n')
      .map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(80);
    const lines = await cli.lines<ResearchRun>('nexus', 'runs', '--all');
    expect(lines.map(({ id }) => id)).toContain('study-1');
    const first = await cli.here(['nexus', 'runs', '--limit', '1', '--json']);
    const { next_cursor: cursor } = JSON.parse(first.err) as { next_cursor: string };
    const second = await cli.here(['nexus', 'runs', '--limit', '1', '--json', '--cursor', cursor]);
    expect((JSON.parse(second.out) as ResearchRun).id).toBe(lines[1]!.id);
    expect((await cli.here(['nexus', 'runs', '--limit', '1'])).err).toContain('--page 2');
    expect((await cli.here(['nexus', 'runs', '--window', '91'])).code).toBe(2);
    expect((await cli.here(['nexus', 'runs', '--limit', '2', '--cursor', cursor, '--kind', 'pack'])).code).toBe(2);
  });

  it('says what an ingest and a question belong to', async () => {
    await cli.here([
      'nexus',
      'ingest',
      'plants',
      '--text',
      'Moss is green.',
      '--id',
      'moss',
      '--correlation',
      'study-2',
    ]);
    await cli.here(['nexus', 'query', 'plants', 'moss', '--correlation', 'study-2']);
    const run = await become('study-2', ({ counts }) => counts.searches === 1 && counts.cards === 1);
    expect(run).toMatchObject({ kind: 'ingest', status: 'completed' });
  });
});

it('the journal of Nexus verifies; a row that somebody changed, took away or put in is named', async () => {
  const admin = stack.http().with({ 'x-roles': 'admin' });
  const audit = async () => {
    const { result } = await ended(admin, await admin.get('/v1/admin/audit'));
    const { verified, findings } = result as {
      verified: boolean;
      findings: { chain: string; id: string; sequence: number; fault: string }[];
    };
    return { verified, found: findings.map(({ chain, id, sequence, fault }) => [chain, id, sequence, fault]) };
  };
  expect(await audit()).toEqual({ verified: true, found: [] });
  const stream = 'default/default/default/default/birds';
  const at = (sequence: number) => `stream = '${stream}' AND sequence = ${sequence}`;
  const kept = await stack.database.rows<{ text: string }>(
    `SELECT to_json(e)::text AS text FROM nexus_events e WHERE stream = '${stream}'`,
  );
  const tampered = async (statement: string) => {
    await stack.database.rows(statement);
    const report = await audit();
    await stack.database.rows(`DELETE FROM nexus_events WHERE stream = '${stream}'`);
    for (const { text } of kept) {
      await stack.database.rows('INSERT INTO nexus_events SELECT * FROM json_populate_record(NULL::nexus_events, $1)', [
        text,
      ]);
    }
    return report;
  };
  const changes = [
    `data = '{"version":9}'`,
    "time = time + interval '1 second'",
    "correlation_id = 'another'",
    "traceparent = 'another'",
    "type = 'nexus.searched'",
    'source_offset = source_offset + 1',
    "hash = '\\x00'",
  ];
  for (const change of changes) {
    expect(await tampered(`UPDATE nexus_events SET ${change} WHERE ${at(2)}`)).toEqual({
      verified: false,
      found: [['nexus', stream, 2, 'changed']],
    });
  }
  const taken = await tampered(`DELETE FROM nexus_events WHERE ${at(2)}`);
  expect(taken).toEqual({ verified: false, found: [['nexus', stream, 2, 'missing']] });
  const put = await tampered(
    `INSERT INTO nexus_events SELECT (json_populate_record(e, json_build_object('sequence', ${kept.length} + 1,
       'event_id', gen_random_uuid()))).* FROM nexus_events e WHERE ${at(2)}`,
  );
  // Behind the last row, where no end is known: it is a row that our key did not write.
  expect(put).toEqual({ verified: false, found: [['nexus', stream, kept.length + 1, 'changed']] });
  expect(await audit()).toEqual({ verified: true, found: [] });
}, 120_000);
