import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { produceRuns } from './events.ts';
import { ms, perSecond } from './figures.ts';
import { journalSection } from './journal.ts';
import { Connection, expectStatus, percentiles, WARM_UP_ROUNDS } from './http-load.ts';
import { roundTrip } from './limits/round-trip.ts';
import { catchUp } from './ours/catch-up.ts';
import { batches, oneCallAChange, respondAsync } from './ours/changes.ts';
import { streams } from './ours/streams.ts';
import { nexusIngestSection, nexusQuerySection, nexusSpacesSection } from './nexus.ts';
import { type Bench, openBench, runScript, startService } from './servers.ts';
import { trackingSection } from './tracking.ts';

const PARTITIONS = Number(process.env.RUNSPINE_PARTITIONS ?? 4);
const CATCH_UP_RUNS = Number(process.env.BENCH_RUNS ?? 9600);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);

/** A figure beside what it is held against. */
interface Row {
  what: string;
  ours: string;
  limit: string;
  wanted: string;
  kept: boolean;
}
const rows: Row[] = [];

const only = process.argv[2];
const sections: Record<string, () => Promise<void>> = {
  changes: changesSection,
  async: asyncSection,
  catchup: catchUpSection,
  streams: streamsSection,
  tracking: () => withBench((bench) => trackingSection(bench, add)),
  journal: () => withBench((bench) => journalSection(bench, add)),
  'nexus-query': () => withBench((bench) => nexusQuerySection(bench, add)),
  'nexus-ingest': () => withBench((bench) => nexusIngestSection(bench, add)),
  'nexus-spaces': () => withBench((bench) => nexusSpacesSection(bench, add)),
};
for (const [name, section] of Object.entries(sections)) {
  if (only !== undefined && only !== name) continue;
  process.stdout.write(`${name} …\n`);
  await section();
}
print();
process.exit(rows.every((row) => row.kept) ? 0 : 1);

async function changesSection(): Promise<void> {
  await withBench(async (bench) => {
    const limit = await roundTrip(bench, 500);
    const [projector, gateway] = [await startService(bench, 'projector'), await startService(bench, 'gateway')];
    const idle = await idleWrites(gateway.address, 500);
    const wanted = 3 * limit.p50;
    add('a write with its outcome, idle, p50', ms(idle.p50), ms(limit.p50), `≤ ${ms(wanted)}`, idle.p50 <= wanted);
    for (const [connections, least] of [
      [16, 2000],
      [64, 4000],
    ] as const) {
      const result = await oneCallAChange(gateway.address, connections, SECONDS);
      const what = `one call a change, outcomes awaited, ${connections} connections (p50 ${ms(result.p50)}, p99 ${ms(result.p99)})`;
      add(what, perSecond(result.rate), '–', `≥ ${perSecond(least)}`, result.rate >= least);
    }
    const many = await batches(gateway.address, 16, SECONDS);
    add(
      `21 changes a call, outcomes awaited (p50 ${ms(many.p50)})`,
      perSecond(many.rate),
      '–',
      '≥ 10,000/s',
      many.rate >= 10_000,
    );
    await gateway.stop();
    await projector.stop();
  });
}

async function asyncSection(): Promise<void> {
  await withBench(async (bench) => {
    for (const connections of [64, 256]) {
      const limit = await withFastify(bench, (address) => respondAsync(address, connections, SECONDS));
      const gateway = await startService(bench, 'gateway');
      const ours = await respondAsync(gateway.address, connections, SECONDS);
      await gateway.stop();
      const wanted = 0.6 * limit.rate;
      add(
        `respond-async, ${connections} connections`,
        perSecond(ours.rate),
        perSecond(limit.rate),
        `≥ ${perSecond(wanted)}`,
        ours.rate >= wanted,
      );
    }
  });
}

async function catchUpSection(): Promise<void> {
  await withBench(async (bench) => {
    const topic = `${bench.prefix}runspine.runs.v1`;
    const events = await produceRuns(bench, topic, CATCH_UP_RUNS, PARTITIONS);
    await settle(bench);
    const limit = await handWrittenBatch(bench, topic, events);
    await settle(bench);
    const ours = await catchUp(bench, events);
    const what = `catching up ${events.toLocaleString('en')} events`;
    add(what, perSecond(ours.rate), perSecond(limit), `≥ ${perSecond(limit / 2)}`, ours.rate >= limit / 2);
    add('resident memory of the projector meanwhile', `${ours.peakMiB} MiB`, '–', '≤ 300 MiB', ours.peakMiB <= 300);
  });
}

/**
 * The same state of PostgreSQL for who measures next: without the tables of who measured before, whose rows it would
 * vacuum meanwhile, and with nothing left to write.
 */
async function settle(bench: Bench): Promise<void> {
  const client = new pg.Client({ connectionString: bench.databaseUrl });
  await client.connect();
  await client.query('DROP TABLE IF EXISTS limit_offsets, limit_events, limit_outcomes, limit_runs');
  await client.query('CHECKPOINT');
  await client.end();
}

async function streamsSection(): Promise<void> {
  await withBench(async (bench) => {
    const [projector, gateway] = [await startService(bench, 'projector'), await startService(bench, 'gateway')];
    const result = await streams(bench, gateway.address, `${bench.prefix}runspine.runs.v1`, PARTITIONS, SECONDS);
    const what = `1,000 streams over 50 rooms, 500 events/s, p99 (p50 ${ms(result.p50)})`;
    add(what, ms(result.p99), '–', '≤ 250 ms', result.p99 <= 250);
    const exact = result.seen === result.expected && result.wrong === 0;
    add(
      'every event once and in order',
      `${result.seen} seen, ${result.wrong} wrong`,
      '–',
      `${result.expected} seen`,
      exact,
    );
    await gateway.stop();
    await projector.stop();
  });
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = await openBench();
  try {
    await runScript(bench, 'apps/projector/dist/setup.js');
    await work(bench);
  } finally {
    await bench.close();
  }
}

async function withFastify<T>(bench: Bench, work: (address: string) => Promise<T>): Promise<T> {
  const child = limitProcess('fastify-kafka-main', [bench.brokers.join(','), `${bench.prefix}runspine.kpi.v1`]);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  try {
    return await work(chunk.toString().trim());
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

async function handWrittenBatch(bench: Bench, topic: string, events: number): Promise<number> {
  const args = [bench.brokers.join(','), bench.databaseUrl, topic, String(events)];
  const child = limitProcess('hand-written-batch-main', args);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  await once(child, 'exit');
  return Number(chunk.toString());
}

function limitProcess(name: string, args: string[]) {
  const script = fileURLToPath(new URL(`./limits/${name}.ts`, import.meta.url));
  return spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function idleWrites(address: string, rounds: number): Promise<{ p50: number; p99: number }> {
  const connection = new Connection(new URL(address));
  const times: number[] = [];
  for (let round = 0; round < rounds + WARM_UP_ROUNDS; round += 1) {
    const fromMs = performance.now();
    expectStatus(await connection.send({ method: 'POST', path: '/v1/runs', body: '{"name":"idle"}' }), 201);
    if (round >= WARM_UP_ROUNDS) times.push(performance.now() - fromMs);
  }
  connection.close();
  return percentiles(times);
}

function add(what: string, ours: string, limit: string, wanted: string, kept: boolean): void {
  rows.push({ what, ours, limit, wanted, kept });
  process.stdout.write(`  ${kept ? 'kept  ' : 'MISSED'} ${what}: ${ours} (limit ${limit}, wanted ${wanted})\n`);
}

function print(): void {
  const header = { what: 'figure', ours: 'ours', limit: 'limit, same run', wanted: 'wanted' };
  const width = (key: keyof typeof header) => Math.max(...[header, ...rows].map((row) => row[key].length));
  const widths = { what: width('what'), ours: width('ours'), limit: width('limit'), wanted: width('wanted') };
  const line = (row: typeof header, mark: string) =>
    `${row.what.padEnd(widths.what)}  ${row.ours.padStart(widths.ours)}  ${row.limit.padStart(widths.limit)}  ${row.wanted.padStart(widths.wanted)}  ${mark}\n`;
  process.stdout.write(`\n${line(header, '')}`);
  for (const row of rows) process.stdout.write(line(row, row.kept ? 'kept' : 'MISSED'));
}
