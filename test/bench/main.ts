import { once } from 'node:events';
import pg from 'pg';
import { asyncSection, changesSection } from './changes.ts';
import { produceRuns } from './events.ts';
import { ms, perSecond } from './figures.ts';
import { journalSection } from './journal.ts';
import { limitProcess } from './limit-process.ts';
import { catchUp } from './ours/catch-up.ts';
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
  changes: () => withBench((bench) => changesSection(bench, add, SECONDS)),
  async: () => withBench((bench) => asyncSection(bench, add, SECONDS)),
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

async function catchUpSection(): Promise<void> {
  await withBench(async (bench) => {
    const topic = `${bench.prefix}runspine.runs.v1`;
    const events = await produceRuns(bench, topic, CATCH_UP_RUNS, PARTITIONS);
    const limitTables = ['limit_offsets', 'limit_events', 'limit_outcomes', 'limit_runs'];
    const ourTables = ['run_events', 'event_outcomes', 'proj_runs', 'proj_steps'];
    await settle(bench, []);
    const before = await handWrittenBatch(bench, topic, events);
    await settle(bench, limitTables);
    const ours = await catchUp(bench, events);
    await settle(bench, ourTables);
    const after = await handWrittenBatch(bench, topic, events);
    // The machine is not equally fast all the time.
    const limit = (before + after) / 2;
    const what = `catching up ${events.toLocaleString('en')} events`;
    add(what, perSecond(ours.rate), perSecond(limit), `≥ ${perSecond(limit / 2)}`, ours.rate >= limit / 2);
    add('resident memory of the projector meanwhile', `${ours.peakMiB} MiB`, '–', '≤ 300 MiB', ours.peakMiB <= 300);
  });
}

/**
 * The same state of PostgreSQL for who measures next: without the tables of who measured before, whose rows it would
 * vacuum meanwhile, and with nothing left to write.
 */
async function settle(bench: Bench, tables: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: bench.databaseUrl });
  await client.connect();
  for (const table of tables) await client.query(`DROP TABLE ${table} CASCADE`);
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

async function handWrittenBatch(bench: Bench, topic: string, events: number): Promise<number> {
  const args = [bench.brokers.join(','), bench.databaseUrl, topic, String(events)];
  const child = limitProcess('hand-written-batch-main', args);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  await once(child, 'exit');
  return Number(chunk.toString());
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
