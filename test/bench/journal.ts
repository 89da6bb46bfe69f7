import { createHmac, createSecretKey } from 'node:crypto';
import pg from 'pg';
import { produceRuns } from './events.ts';
import { type Add, perSecond } from './figures.ts';
import { type Bench, startService, waitUntil } from './servers.ts';

const RUNS = Number(process.env.BENCH_RUNS ?? 9600);
const PARTITIONS = Number(process.env.RUNSPINE_PARTITIONS ?? 4);
const REBUILT_MIN = 20_000;
const VERIFIED_MIN = 50_000;
const ROUNDS = 3;

interface Job {
  status: string;
  result: { events: number; differences_total?: number; findings_total?: number; verified?: boolean } | null;
  error: { message: string } | null;
  created_at: string;
  ended_at: string;
}

/** What the journal is good for later: projections made anew from it, and its chains walked, as jobs over HTTP. */
export async function journalSection(bench: Bench, add: Add): Promise<void> {
  const events = await produceRuns(bench, `${bench.prefix}runspine.runs.v1`, RUNS, PARTITIONS);
  const projector = await startService(bench, 'projector');
  bench.env.RUNSPINE_PROJECTOR_URL = projector.address;
  const gateway = await startService(bench, 'gateway');
  const client = new pg.Client({ connectionString: bench.databaseUrl });
  await client.connect();
  try {
    const count = 'SELECT count(*)::int AS n FROM run_events';
    await waitUntil(async () => (await client.query<{ n: number }>(count)).rows[0]!.n >= events, 'the journal', 500);
    // What autovacuum would have done by the time that somebody rebuilds or audits.
    await client.query('VACUUM ANALYZE');
    const rebuilt = await fastest(gateway.address, 'POST', '/v1/admin/projections/rebuild', events);
    add(
      `rebuild of ${events.toLocaleString('en')} events`,
      perSecond(rebuilt),
      '–',
      atLeast(REBUILT_MIN),
      rebuilt >= REBUILT_MIN,
    );
    const verified = await fastest(gateway.address, 'GET', '/v1/admin/audit', events);
    const limit = bareHmac(await chainedTexts(client), bench.env.RUNSPINE_JOURNAL_KEY!);
    const what = `audit of ${RUNS.toLocaleString('en')} chains: every row's hash and data, heads (limit: HMAC alone, same bytes)`;
    add(what, perSecond(verified), perSecond(limit), atLeast(VERIFIED_MIN), verified >= VERIFIED_MIN);
  } finally {
    await client.end();
    await gateway.stop();
    await projector.stop();
  }
}

/** Events a second of a job from its acceptance to its end, of the fastest of some rounds. @throws where it finds fault */
async function fastest(address: string, method: string, path: string, events: number): Promise<number> {
  const tookMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { status, result, error, created_at: from, ended_at: to } = await jobOf(address, method, path);
    const faults = result?.differences_total ?? result?.findings_total;
    if (status !== 'completed' || faults !== 0 || result?.events !== events) {
      throw new Error(`${path} ended as ${status}: ${error?.message ?? JSON.stringify(result).slice(0, 500)}`);
    }
    tookMs.push(Date.parse(to) - Date.parse(from));
  }
  return (1000 * events) / Math.min(...tookMs);
}

async function jobOf(address: string, method: string, path: string): Promise<Job> {
  const headers = { 'x-roles': 'system', 'x-tenant-id': 'default' };
  const answer = await fetch(`${address}${path}`, { method, headers });
  if (answer.status !== 202) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  const { job_id: id } = (await answer.json()) as { job_id: string };
  let job: Job | undefined;
  const ended = async () => {
    job = (await (await fetch(`${address}/v1/admin/jobs/${id}`, { headers })).json()) as Job;
    return job.status !== 'running';
  };
  await waitUntil(ended, `${path} to end`, 100);
  return job!;
}

/** What stands in the chain for each row, as long as what is hashed: the columns, and the hash before. */
async function chainedTexts(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ text: string }>(
    `SELECT json_build_array(tenant_id, run_id, run_sequence, event_id, type, time, recorded_at, source, env, project_id,
       surface_id, step_id, room_id, room_sequence, correlation_id, causation_id, producer_correlation_id,
       producer_causation_id, traceparent, source_partition, source_offset, encode(data_hash, 'hex'),
       encode(prev_hash, 'hex'))::text AS text FROM run_events`,
  );
  return rows.map(({ text }) => text);
}

/** The limit: HMAC-SHA-256 over texts that are there already. */
function bareHmac(texts: readonly string[], hexKey: string): number {
  const key = createSecretKey(Buffer.from(hexKey, 'hex'));
  let most = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const fromMs = performance.now();
    for (const text of texts) createHmac('sha256', key).update(text).digest('hex');
    most = Math.max(most, (1000 * texts.length) / (performance.now() - fromMs));
  }
  return most;
}

function atLeast(rate: number): string {
  return `≥ ${perSecond(rate)}`;
}
