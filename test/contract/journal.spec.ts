import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@runspine/contracts';
import { runOf, stepResource } from '@runspine/run-model';
import type { ForeignProducer } from '../stack/foreign-producer.js';
import { canonical, chainFaults, fold, readJournal, rebuildFaults, sequenceFaults } from '../stack/journal.js';
import { pipelineRun } from '../stack/scenarios.js';
import { startStack, type Stack } from '../stack/stack.js';

let stack: Stack;
let team: ForeignProducer;
let longRun: string;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  team = await stack.foreign();
  const long = pipelineRun(team, 'kitchen', 45);
  const others = Array.from({ length: 10 }, (_, index) => pipelineRun(team, `room-${index % 3}`, index));
  longRun = long[0]!.data.run_id;
  await team.send(...long, ...others.flat());
  await stack.caughtUp();
});
afterAll(() => stack.close());

describe('the state at N of a run of more than 200 events', () => {
  let history: RecordedEvent[];

  beforeAll(async () => {
    history = [...(await readJournal(stack.database, longRun)).values()][0]!;
  });

  it('equals the fold of its first N events, for every N', async () => {
    expect(history.length).toBeGreaterThan(200);
    const http = stack.http();
    const states = await Promise.all(
      history.map((_, index) => http.get(`/v1/runs/${longRun}/state?at=${index + 1}`).then(({ body }) => body)),
    );
    for (const [index, { sequence, run, steps }] of states.entries()) {
      const { stalled: _stalled, ...shown } = run;
      const replay = fold(history.slice(0, index + 1));
      expect(sequence).toBe(index + 1);
      expect(canonical(shown)).toBe(canonical(runOf(replay.run!)));
      expect(canonical(steps)).toBe(canonical([...replay.steps.values()].map(stepResource)));
    }
  });

  it('without N is the latest, which is what the projections have', async () => {
    const http = stack.http();
    const latest = (await http.get(`/v1/runs/${longRun}/state`)).body;
    expect(latest.sequence).toBe(history.length);
    expect(latest.run).toEqual((await http.get(`/v1/runs/${longRun}`)).body);
    expect(latest.steps).toEqual((await http.get(`/v1/runs/${longRun}/steps?limit=200`)).body.items);
  });

  it('outside of 1 to the last is 400', async () => {
    for (const at of ['0', String(history.length + 1), '-1', '1.5', 'last', '9'.repeat(30)]) {
      expect(await stack.http().get(`/v1/runs/${longRun}/state?at=${at}`)).toMatchObject({
        status: 400,
        body: { error: { code: 'request.invalid' } },
      });
    }
  });

  it('comes as NDJSON whole, and by cursor page by page, the same', async () => {
    const http = stack.http();
    const lines = (await http.get(`/v1/runs/${longRun}/events`, { accept: 'application/x-ndjson' })).text
      .trim()
      .split('\n');
    const items: unknown[] = [];
    for (let cursor = ''; ;) {
      const page = (await http.get(`/v1/runs/${longRun}/events?limit=37${cursor}`)).body;
      items.push(...page.items);
      if (page.next_cursor === null) break;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
    expect(items).toHaveLength(history.length);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(items);
  });
});

it('a rebuilt fold of the journal equals the projections, of every run', async () => {
  expect(await stack.database.count('proj_runs')).toBe(11);
  expect(await rebuildFaults(stack.database)).toEqual([]);
  expect(await sequenceFaults(stack.database)).toEqual([]);
});

describe('the hash chain', () => {
  it('verifies over all runs', async () => {
    expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
  });

  it('does not verify under another key', async () => {
    const faults = await chainFaults(stack.database, Buffer.alloc(32, 7));
    expect(faults).toHaveLength(await stack.database.count('run_events'));
  });

  it.each([
    ['data', `data = '{"run_id":"x"}'`, ['has other data']],
    ['a time', "time = time + interval '1 second'", ['is not what was hashed']],
    ['a sequence', 'run_sequence = 100000', ['stands at place', 'is not what was hashed']],
    ['an actor', "source = '/somebody-else'", ['is not what was hashed']],
  ])('shows that %s of a row was changed', async (_what, change, expected) => {
    const where = `run_id = '${longRun}' AND type = 'run.annotated'`;
    const [row] = await stack.database.rows(`SELECT *, data::text AS data FROM run_events WHERE ${where}`);
    await stack.database.rows(`UPDATE run_events SET ${change} WHERE ${where}`);
    const faults = await chainFaults(stack.database, stack.journalKey);
    for (const fault of expected) expect(faults.join('\n')).toContain(fault);
    const { data, time, run_sequence, source } = row!;
    await stack.database.rows(
      `UPDATE run_events SET data = $1::json, time = $2, run_sequence = $3, source = $4 WHERE ${where}`,
      [data, time, run_sequence, source],
    );
    expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
  });

  it('shows that the last row was taken away', async () => {
    const row = await stack.database.row(
      `SELECT to_json(e)::text AS text FROM run_events e WHERE run_id = $1 AND type = 'run.completed'`,
      [longRun],
    );
    await stack.database.rows(`DELETE FROM run_events WHERE run_id = $1 AND type = 'run.completed'`, [longRun]);
    expect((await chainFaults(stack.database, stack.journalKey)).join()).toContain('has another head');
    await stack.database.rows('INSERT INTO run_events SELECT * FROM json_populate_record(NULL::run_events, $1::json)', [
      row.text,
    ]);
    expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
  });
});

describe("the services' roles", () => {
  const denied = { code: '42501' };
  const tables = ['run_events', 'event_outcomes', 'rejections', 'proj_runs', 'proj_steps', 'proj_rooms'];

  it.each(['runspine_gateway', 'runspine_projector'])(
    '%s can neither change nor take away what is recorded',
    async (role) => {
      for (const table of ['run_events', 'event_outcomes', 'rejections']) {
        for (const statement of [`UPDATE ${table} SET env = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
          await expect(stack.database.as(role, (query) => query(statement))).rejects.toMatchObject(denied);
        }
      }
    },
  );

  it('the gateway writes nothing at all', async () => {
    for (const table of tables) {
      for (const attempt of [
        `INSERT INTO ${table} DEFAULT VALUES`,
        `UPDATE ${table} SET tenant_id = 'x'`,
        `DELETE FROM ${table}`,
      ]) {
        await expect(stack.database.as('runspine_gateway', (query) => query(attempt))).rejects.toMatchObject(denied);
      }
    }
  });

  it('the gateway sees nothing without a tenant, and nothing of another one', async () => {
    const counts = (tenant?: string) =>
      stack.database.as('runspine_gateway', async (query) => {
        if (tenant !== undefined) await query("SELECT set_config('runspine.tenant', $1, true)", [tenant]);
        const rows = await Promise.all(tables.map((table) => query(`SELECT count(*) FROM ${table}`)));
        return rows.map(([row]) => row!.count);
      });
    expect(await counts()).toEqual(tables.map(() => 0));
    expect(await counts('somebody')).toEqual(tables.map(() => 0));
    const [events, outcomes] = await counts('default');
    expect([events, outcomes]).toEqual([
      await stack.database.count('run_events'),
      await stack.database.count('event_outcomes'),
    ]);
  });

  it('the gateway does not see idempotency keys, nor anyone the journal key', async () => {
    const keys = stack.database.as('runspine_gateway', (query) => query('SELECT * FROM idempotency_keys'));
    await expect(keys).rejects.toMatchObject(denied);
  });
});

describe('an erased run', () => {
  const SECRET = 'only for the two of us';
  let run: string;

  beforeAll(async () => {
    const http = stack.http().with({ 'x-roles': 'admin' });
    run = (await http.post('/v1/runs', { name: SECRET, input: { SECRET }, room_id: 'attic' })).body.run_id;
    await http.post(`/v1/runs/${run}/start`);
    const step: string = (await http.post(`/v1/runs/${run}/steps`, { name: SECRET })).body.step_id;
    await http.post(`/v1/runs/${run}/steps/${step}/fail`, { error: { message: SECRET } });
    await http.post(`/v1/runs/${run}/annotate`, { tags: { note: SECRET } });
    await http.post(`/v1/runs/${run}/steps/${step}/complete`, { output: SECRET });
    await http.post(`/v1/runs/${run}/complete`, { output: { SECRET }, metrics: { rows_out: 3 } });
    expect(await http.post(`/v1/runs/${run}/erase`, { reason: 'asked for' })).toMatchObject({ status: 200 });
  });

  it('has its payloads in no table and in no answer', async () => {
    expect(JSON.stringify(await stack.database.dump())).not.toContain(SECRET);
    const http = stack.http();
    for (const path of ['', '/steps', '/events', '/state', '/state?at=1', '/state?at=5']) {
      const { status, text } = await http.get(`/v1/runs/${run}${path}`);
      expect(status).toBe(200);
      expect(text).not.toContain(SECRET);
    }
    const room = await http.stream('/v1/streams/rooms/attic?after=0');
    await room.count(7);
    expect(JSON.stringify(room.received)).not.toContain(SECRET);
    room.close();
  });

  it('has none left where they were many, applied and refused, and a batch erased them', async () => {
    const http = stack.http().with({ 'x-roles': 'admin' });
    const long = (await http.post('/v1/runs', { name: SECRET })).body.run_id;
    const events = Array.from({ length: 520 }, (_, index) =>
      index % 2 === 0
        ? { type: 'run.annotated', data: { tags: { [`note-${index % 50}`]: SECRET } } }
        : { type: 'run.completed', data: { output: SECRET } },
    );
    events.push({ type: 'run.erased', data: { reason: 'asked for' } } as never);
    const { status, body } = await http.post(`/v1/runs/${long}/events`, { events });

    expect(status).toBe(200);
    expect(body.results.at(-1)).toMatchObject({ outcome: 'applied', run_sequence: 262 });
    expect(body.results.filter(({ outcome }: { outcome: string }) => outcome === 'rejected')).toHaveLength(260);
    expect(JSON.stringify(await stack.database.dump())).not.toContain(SECRET);
    expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
  });

  it('keeps what was measured, its states and its chain, and folds to its projection', async () => {
    expect((await stack.http().get(`/v1/runs/${run}`)).body).toMatchObject({
      status: 'completed',
      name: null,
      metrics: { rows_out: 3 },
      erased_at: expect.any(String),
    });
    expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
    expect(await rebuildFaults(stack.database)).toEqual([]);
  });
});
