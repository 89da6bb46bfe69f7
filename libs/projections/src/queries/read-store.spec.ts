import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { RunEntity } from '../entities/run.entity.js';
import { JournalQueries } from './journal-queries.js';
import { ReadStore } from './read-store.js';
import { RunQueries } from './run-queries.js';
import { selectRows } from './select-rows.js';
import { StateQueries } from './state-queries.js';
import { StepQueries } from './step-queries.js';
import { TestDatabase, wholeRun } from './stored-runs.fixture.js';
import { StreamHeads } from './stream-heads.js';

// Real: PostgreSQL, migrated, with its roles and policies. Not real: the projector; its rows are written by the test.
const ACME = { tenantId: 'acme', env: 'default' };

let database: TestDatabase;
let runs: RunQueries;
let steps: StepQueries;
let journal: JournalQueries;
let states: StateQueries;
let heads: StreamHeads;

beforeAll(async () => {
  database = await TestDatabase.create(process.env.DATABASE_URL);
  const { store } = database;
  [runs, steps, journal] = [new RunQueries(store), new StepQueries(store), new JournalQueries(store)];
  [states, heads] = [new StateQueries(store), new StreamHeads(store)];
});
afterAll(() => database.drop());

describe('tenants and envs', () => {
  it('shows nothing of another tenant or env', async () => {
    const run = await wholeRun(database, { roomId: 'mine' });
    for (const scope of [
      { ...ACME, env: 'prod' },
      { ...ACME, tenantId: 'thief' },
    ]) {
      const notFound = { code: 'run.not_found' };
      await expect(runs.find(scope, run.id)).rejects.toMatchObject(notFound);
      await expect(steps.list(scope, run.id, { limit: 5 })).rejects.toMatchObject(notFound);
      await expect(journal.ofRun(scope, run.id, {}, { limit: 5, after: 0 })).rejects.toMatchObject(notFound);
      await expect(states.state(scope, run.id, 1)).rejects.toMatchObject(notFound);
      await expect(heads.ofRun(scope, run.id)).rejects.toMatchObject(notFound);
      expect(await heads.ofRoom(scope, 'mine')).toEqual({ last: 0, end: null });
      expect(await journal.ofRoom(scope, 'mine', { after: 0, limit: 5 })).toEqual([]);
      expect((await runs.list(scope, { room: 'mine' }, { limit: 5 })).items).toEqual([]);
    }
  });

  it('is held by the database where a query forgets the tenant', async () => {
    await wholeRun(database);
    const seen = await database.store.read('thief', async (tx) => ({
      runs: await selectRows(tx, RunEntity).getRawMany(),
      others: await selectRows(tx, RunEntity).where('it.tenant_id = :other', { other: 'acme' }).getRawMany(),
      events: await tx.query<unknown[]>('SELECT * FROM run_events'),
      steps: await tx.query<unknown[]>('SELECT * FROM proj_steps'),
      rooms: await tx.query<unknown[]>('SELECT * FROM proj_rooms'),
      outcomes: await tx.query<unknown[]>('SELECT * FROM event_outcomes'),
    }));
    expect(Object.values(seen).flat()).toEqual([]);
  });

  it('writes nothing, and takes the tenant away after each read', async () => {
    const write = (statement: string) => database.store.read('acme', (tx) => tx.query(statement));

    await expect(write(`UPDATE proj_runs SET status = 'failed'`)).rejects.toThrow(/permission denied|read-only/);
    await expect(write(`INSERT INTO proj_rooms VALUES ('acme', 'e', 'r', 1, now())`)).rejects.toThrow();
    const tenants = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        database.store.read(`t${index}`, (tx) =>
          tx.query<{ tenant: string }[]>(`SELECT current_setting('runspine.tenant') AS tenant`),
        ),
      ),
    );
    expect(tenants.map(([row]) => row!.tenant)).toEqual(Array.from({ length: 20 }, (_, index) => `t${index}`));
  });

  it.each([`a'; RESET ROLE; --`, '', 'A', 'ä', 'a b'])(
    'refuses %j as a tenant before PostgreSQL sees it',
    async (tenant) => {
      await expect(database.store.read(tenant, () => Promise.resolve())).rejects.toThrow(/well-formed/);
    },
  );
});

describe('without PostgreSQL', () => {
  it('says that the store is away, in bounded time, and is back when it is', async () => {
    // It reads, so that it sees callers leave; else it would keep their connections.
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    for (const databaseUrl of ['postgres://127.0.0.1:1/none', `postgres://127.0.0.1:${port}/silent`]) {
      const store = new ReadStore({ databaseUrl, role: 'runspine_gateway', connectTimeoutMs: 300 });
      const startedMs = Date.now();
      await expect(new RunQueries(store).find(ACME, 'run_x')).rejects.toMatchObject({ code: 'store.unavailable' });
      expect(Date.now() - startedMs).toBeLessThan(3000);
      await store.close();
    }
    silent.close();
  });

  it('does not wait for good for a server that vanished without a word', async () => {
    const run = database.run();
    await run.apply('run.created');
    const way = await openWay();
    const options = { role: 'runspine_gateway', connectionsMax: 1, statementTimeoutMs: 100 } as const;
    const store = new ReadStore({ databaseUrl: way.url, ...options });
    const reads = new RunQueries(store);
    await reads.find(ACME, run.id);
    way.swallow();

    await expect(reads.find(ACME, run.id)).rejects.toMatchObject({ code: 'store.unavailable' });
    const found = async (): Promise<string | undefined> =>
      reads.find(ACME, run.id).then(
        ({ run_id }) => run_id,
        () => undefined,
      );
    for (let look = 0; look < 10 && (await found()) === undefined; look += 1);
    expect(await found()).toBe(run.id);
    await store.close();
    way.close();
  }, 60_000);

  it('goes on after its connections were cut', async () => {
    const run = database.run();
    await run.apply('run.created');
    await runs.find(ACME, run.id);
    const cut = database.store.read('acme', async (tx) => {
      const [row] = await tx.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      await terminate(row!.pid);
      return tx.query('SELECT 1');
    });

    await expect(cut).rejects.toMatchObject({ code: 'store.unavailable' });
    expect(await runs.find(ACME, run.id)).toMatchObject({ run_id: run.id });
  });
});

/** A way to PostgreSQL whose open connections can be made to swallow all that is sent. New ones go through. */
async function openWay() {
  const { hostname, port } = new URL(database.url);
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) sockets.push(socket.on('error', () => undefined));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: Object.assign(new URL(database.url), { port: (server.address() as AddressInfo).port }).href,
    swallow: () => sockets.forEach((socket) => socket.unpipe().pause()),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function terminate(pid: number): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('SELECT pg_terminate_backend($1)', [pid]);
  await client.end();
}
