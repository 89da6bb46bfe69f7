import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { JobResource } from '@runspine/contracts';
import type { ForeignEvent, ForeignProducer } from '../stack/foreign-producer.js';
import type { HttpClient } from '../stack/http-client.js';
import { chainFaults, rebuildFaults, sequenceFaults } from '../stack/journal.js';
import { ended } from '../stack/jobs.js';
import { pipelineRun } from '../stack/scenarios.js';
import { startStack, type Stack } from '../stack/stack.js';

let stack: Stack;
let team: ForeignProducer;
let http: HttpClient;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, projectors: 2 });
  team = await stack.foreign();
  http = stack.http().with({ 'x-roles': 'system' });
  const other = await stack.foreign('other');
  await other.send(...pipelineRun(other, 'kitchen', 4));
  await team.send(
    ...Array.from({ length: 150 }, (_, index) => pipelineRun(team, `room-${index % 7}`, index % 9)).flat(),
  );
  await stack.caughtUp();
});
afterAll(() => stack.close());

const verify = async (as = http): Promise<JobResource> => ended(as, await as.post('/v1/admin/projections/verify'));
const rebuild = async (as = http): Promise<JobResource> => ended(as, await as.post('/v1/admin/projections/rebuild'));
/** All that belongs to the projections but their rows: columns, keys, indexes, settings, rights, policies. */
const shape = () =>
  stack.database.rows(
    `SELECT c.relname, c.reloptions, c.relrowsecurity, c.relowner::regrole::text AS owner,
        (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(c.relacl) a) AS acl,
        (SELECT array_agg(indexdef ORDER BY indexname) FROM pg_indexes WHERE tablename = c.relname) AS indexes,
        (SELECT array_agg(policyname || cmd || roles::text || coalesce(qual, '') || coalesce(with_check, '') ORDER BY policyname)
           FROM pg_policies WHERE tablename = c.relname) AS policies,
        (SELECT array_agg(attname || format_type(atttypid, atttypmod) || attnotnull ORDER BY attnum)
           FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) AS columns
     FROM pg_class c WHERE c.relname IN ('proj_runs', 'proj_steps', 'proj_rooms') ORDER BY c.relname`,
  );
const left = () => stack.database.rows(`SELECT relname FROM pg_class WHERE relname ~ '^proj_\\w+_(next|verify)'`);

it('verify finds nothing where nothing is wrong, and leaves nothing behind', async () => {
  const job = await verify();
  expect(job).toMatchObject({ status: 'completed', result: { differences: [], differences_total: 0 } });
  expect(job.progress.done).toBe(await stack.database.count('run_events'));
  expect(await left()).toEqual([]);
});

it('verify names every row that is not what the journal says, to its tenant', async () => {
  await stack.database.rows(
    `UPDATE proj_runs SET name = 'other', stage = NULL WHERE run_id = (SELECT min(run_id) FROM proj_runs)`,
  );
  await stack.database.rows(
    `DELETE FROM proj_runs WHERE run_id = (SELECT max(run_id) FROM proj_runs WHERE tenant_id = 'default')`,
  );
  await stack.database.rows(
    `UPDATE proj_steps SET status = 'pending' WHERE step_id = (SELECT min(step_id) FROM proj_steps)`,
  );
  await stack.database.rows(
    `UPDATE proj_rooms SET last_sequence = 1 WHERE tenant_id = 'default' AND room_id = 'room-1'`,
  );
  const { result } = await verify();
  expect(result).toMatchObject({
    differences_total: 4,
    differences: expect.arrayContaining([
      expect.objectContaining({ table: 'proj_runs', what: 'name, stage' }),
      expect.objectContaining({ table: 'proj_runs', what: 'missing' }),
      expect.objectContaining({ table: 'proj_steps', what: 'status' }),
      expect.objectContaining({ table: 'proj_rooms', id: 'default/room-1' }),
    ]),
  });
  const own = await verify(stack.http().with({ 'x-roles': 'admin', 'x-tenant-id': 'nobody' }));
  expect(own.result).toMatchObject({ events: 0, differences: [] });
});

it('a rebuild puts it right, with the same indexes, rights and policies under the same names', async () => {
  const before = await shape();
  const job = await rebuild();
  expect(job).toMatchObject({ status: 'completed', result: { version: 2, differences_total: expect.any(Number) } });
  expect(job.result!.differences_total).toBeGreaterThan(0);
  expect(await shape()).toEqual(before);
  expect(await left()).toEqual([]);
  expect(await rebuildFaults(stack.database)).toEqual([]);
  expect((await verify()).result).toMatchObject({ differences: [] });
});

it('a rebuild under load: nobody is answered wrongly, and nothing is lost', async () => {
  const open = Array.from({ length: 40 }, () => team.runId());
  await team.send(...open.map((run_id): ForeignEvent => ({ type: 'run.created', data: { run_id } })));
  await stack.caughtUp();
  // Wrong in the live table, and in the hands of nobody who would mend it but the rebuild.
  await stack.database.rows(`UPDATE proj_runs SET name = 'wrong' WHERE run_id = $1`, [open[0]]);
  let going = true;
  const statuses = new Map<number, number>();
  const answered = (status: number) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const caller = async (index: number) => {
    while (going) {
      const created = await http.post('/v1/runs', { name: `load ${index}`, room_id: `load-${index}` });
      answered(created.status);
      const { run_id } = created.body;
      answered((await http.post(`/v1/runs/${run_id}/start`)).status);
      const step = await http.post(`/v1/runs/${run_id}/steps`, { name: 'one' });
      answered(step.status);
      const read = await http.get(`/v1/runs/${run_id}`);
      answered(read.status);
      expect(read.body).toMatchObject({ status: 'running', version: 3 });
      answered((await http.get(`/v1/runs/${run_id}/state`)).status);
      answered((await http.get('/v1/runs?limit=20')).status);
      answered((await http.post(`/v1/runs/${run_id}/complete`)).status);
    }
  };
  const callers = Array.from({ length: 3 }, (_, index) => caller(index));
  const feeding = (async () => {
    while (going) {
      await team.send(...pipelineRun(team, 'feeding', 8));
      await pause(100);
    }
  })();
  const heartbeats = (async () => {
    while (going) {
      await team.send(...open.map((run_id): ForeignEvent => ({ type: 'run.heartbeat', data: { run_id } })));
      await pause(200);
    }
  })();
  const jobs = [];
  for (let times = 0; times < 2; times += 1) {
    jobs.push(await rebuild());
    jobs.push(await verify());
  }
  going = false;
  await Promise.all([...callers, feeding, heartbeats]);
  await team.send(...open.map((run_id): ForeignEvent => ({ type: 'run.started', data: { run_id } })));
  await stack.caughtUp();

  expect(jobs.map(({ status }) => status)).toEqual(jobs.map(() => 'completed'));
  expect([...statuses.keys()].sort()).toEqual([200, 201]);
  expect(statuses.get(200)).toBeGreaterThan(50);
  expect(jobs.at(-1)!.result).toMatchObject({ differences: [] });
  expect(await stack.database.count('proj_runs', "name = 'wrong'")).toBe(0);
  expect(await stack.database.count('proj_runs', "status = 'running' AND run_id = ANY($1)", [open])).toBe(40);
  expect(await rebuildFaults(stack.database)).toEqual([]);
  expect(await sequenceFaults(stack.database)).toEqual([]);
  expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
}, 180_000);
