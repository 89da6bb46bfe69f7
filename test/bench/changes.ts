import { type Add, ms, perSecond } from './figures.ts';
import { Connection, expectStatus, load, type LoadResult, percentiles, WARM_UP_ROUNDS } from './http-load.ts';
import { withLimitProcess } from './limit-process.ts';
import { openRoundTrip } from './limits/round-trip.ts';
import { batches, oneCallAChange, respondAsync } from './ours/changes.ts';
import { type Bench, startService } from './servers.ts';

/** A broker and services that have just started compile their code while they are measured. */
const STACK_WARM_UP_SECONDS = 15;
const [IDLE_TURNS, IDLE_ROUNDS_A_TURN] = [10, 50];

/** Writes that wait for their outcomes. */
export async function changesSection(bench: Bench, add: Add, seconds: number): Promise<void> {
  const [projector, gateway] = [await startService(bench, 'projector'), await startService(bench, 'gateway')];
  await oneCallAChange(gateway.address, 64, STACK_WARM_UP_SECONDS);
  const { idle, limit } = await idleWrites(bench, gateway.address);
  const wanted = 3 * limit.p50;
  add('a write with its outcome, idle, p50', ms(idle.p50), ms(limit.p50), `≤ ${ms(wanted)}`, idle.p50 <= wanted);
  await withAwaitedWrites(bench, async (bare) => {
    await bareWrites(bare, 64, STACK_WARM_UP_SECONDS / 3);
    for (const [connections, least] of [
      [16, 2000],
      [64, 4000],
    ] as const) {
      const before = await bareWrites(bare, connections, seconds / 2);
      const ours = await oneCallAChange(gateway.address, connections, seconds);
      const after = await bareWrites(bare, connections, seconds / 2);
      const what = `one call a change, outcomes awaited, ${connections} connections (p50 ${ms(ours.p50)}, p99 ${ms(ours.p99)})`;
      const most = (before.rate + after.rate) / 2;
      add(what, perSecond(ours.rate), perSecond(most), `≥ ${perSecond(least)}`, ours.rate >= least);
    }
  });
  const many = await batches(gateway.address, 16, seconds);
  const what = `21 changes a call, outcomes awaited (p50 ${ms(many.p50)})`;
  add(what, perSecond(many.rate), '–', '≥ 10,000/s', many.rate >= 10_000);
  await gateway.stop();
  await projector.stop();
}

/** Writes that are answered once Kafka has them. */
export async function asyncSection(bench: Bench, add: Add, seconds: number): Promise<void> {
  for (const connections of [64, 256]) {
    const args = [bench.brokers.join(','), `${bench.prefix}runspine.kpi.v1`];
    const limit = await withLimitProcess('fastify-kafka-main', args, (address) =>
      respondAsync(address, connections, seconds),
    );
    const gateway = await startService(bench, 'gateway');
    const ours = await respondAsync(gateway.address, connections, seconds);
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
}

/** Works with the address of the limit of writes that wait for their outcomes. */
async function withAwaitedWrites(bench: Bench, work: (address: string) => Promise<void>): Promise<void> {
  const topics = [`${bench.prefix}limit-awaited`, `${bench.prefix}limit-outcomes`];
  await bench.kafka.withAdmin(async (admin) => {
    await admin.createTopics({ waitForLeaders: true, topics: topics.map((topic) => ({ topic, numPartitions: 4 })) });
  });
  const args = [bench.brokers.join(','), ...topics, bench.databaseUrl];
  await withLimitProcess('awaited-writes-main', ['answer', ...args], () =>
    withLimitProcess('awaited-writes-main', ['serve', ...args], work),
  );
}

function bareWrites(address: string, connections: number, seconds: number): Promise<LoadResult> {
  const body = JSON.stringify({ name: 'nightly', kind: 'pipeline', stage: 'load' });
  return load(address, connections, seconds, async (connection) => {
    expectStatus(await connection.send({ method: 'POST', path: '/v1/runs', body }), 201);
    return 1;
  });
}

/** Writes one at a time, beside the limit, in turn: the machine is as fast for the one as for the other. */
async function idleWrites(bench: Bench, address: string) {
  const connection = new Connection(new URL(address));
  const bare = await openRoundTrip(bench);
  const write = async () => {
    expectStatus(await connection.send({ method: 'POST', path: '/v1/runs', body: '{"name":"idle"}' }), 201);
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
    await bare.trip();
    await write();
  }
  const times = { idle: [] as number[], limit: [] as number[] };
  for (let turn = 0; turn < IDLE_TURNS; turn += 1) {
    await timed(times.limit, bare.trip);
    await timed(times.idle, write);
  }
  await bare.close();
  connection.close();
  return { idle: percentiles(times.idle), limit: percentiles(times.limit) };
}

async function timed(times: number[], work: () => Promise<void>): Promise<void> {
  for (let round = 0; round < IDLE_ROUNDS_A_TURN; round += 1) {
    const fromMs = performance.now();
    await work();
    times.push(performance.now() - fromMs);
  }
}
