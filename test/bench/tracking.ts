import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Add, ms, perSecond } from './figures.ts';
import { percentiles } from './http-load.ts';
import { type Bench, startService, waitUntil } from './servers.ts';

const STAGES = Number(process.env.BENCH_STAGES ?? 1500);
const CALLS = 25;
const CALLS_WARM_UP = 3;
const TRACKED_MS_MAX = 1;
const EMITS_MIN = 200_000;
const TAIL_MS_MAX = 500;
/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:9';
const SCRIPT = fileURLToPath(new URL('./ours/tracking-main.ts', import.meta.url));
const COMMAND = fileURLToPath(new URL('../../apps/cli/bin/runspine.js', import.meta.url));

interface Tracked {
  p50: number;
  p99: number;
  sent: number;
  spooled: number;
  dropped: number;
  emits: number;
  appends: number;
}

/** What tracking takes of a pipeline's time, and how soon the command line answers. */
export async function trackingSection(bench: Bench, add: Add): Promise<void> {
  const spool = await mkdtemp(join(tmpdir(), 'runspine-bench-'));
  const [projector, gateway] = [await startService(bench, 'projector'), await startService(bench, 'gateway')];
  try {
    const tracked = { up: await track(gateway.address, spool), down: await track(NOWHERE, spool) };
    for (const [name, { p50, p99, sent, spooled, dropped }] of Object.entries(tracked)) {
      const what = `trackStage around nothing, 200/s, gateway ${name}, p99 (p50 ${ms(p50, 3)}; ${sent} sent, ${spooled} spooled, ${dropped} dropped)`;
      add(what, ms(p99, 3), '–', `≤ ${ms(TRACKED_MS_MAX)}`, p99 <= TRACKED_MS_MAX && dropped === 0);
    }
    const { emits, appends } = tracked.up;
    add(
      'RunLog, entries emitted',
      perSecond(emits),
      perSecond(appends),
      `≥ ${perSecond(EMITS_MIN)}`,
      emits >= EMITS_MIN,
    );

    const runs = `${gateway.address}/v1/runs?limit=10`;
    await waitUntil(
      async () => ((await (await fetch(runs)).json()) as { items: object[] }).items.length === 10,
      'runs',
    );
    const fetching = `const answer = await fetch('${runs}'); await answer.text(); process.exit()`;
    const took = await inTurn({
      tail: [COMMAND, 'runs', 'tail', '--address', gateway.address],
      fetch: ['--input-type=module', '-e', fetching],
      node: ['-e', '0'],
    });
    const alone = `p50 ${ms(took.tail.p50)}; node -e 0 ${ms(took.node.p50)}`;
    const what = `runspine runs tail, a whole process, slowest of ${CALLS} (${alone})`;
    const limit = `${ms(took.fetch.p50)} (one fetch, p50)`;
    add(what, ms(took.tail.p99), limit, `≤ ${ms(TAIL_MS_MAX)}`, took.tail.p99 <= TAIL_MS_MAX);
  } finally {
    await gateway.stop();
    await projector.stop();
    await rm(spool, { recursive: true, force: true });
  }
}

async function track(address: string, spool: string): Promise<Tracked> {
  const child = spawn(process.execPath, [SCRIPT, address, spool, String(STAGES)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = (await child.stdout.toArray()).join('');
  if (told === '') throw new Error('what was tracked is not told');
  return JSON.parse(told) as Tracked;
}

/** Processes by name, one after the other, round after round: milliseconds from start to end. */
async function inTurn<Name extends string>(
  works: Readonly<Record<Name, readonly string[]>>,
): Promise<Record<Name, { p50: number; p99: number }>> {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -CALLS_WARM_UP; round < CALLS; round += 1) {
    for (const name in works) {
      const fromMs = performance.now();
      const child = spawn(process.execPath, [...works[name]], { stdio: ['ignore', 'pipe', 'inherit'] });
      child.stdout.resume();
      const [code] = (await once(child, 'close')) as [number];
      if (code !== 0) throw new Error(`${name} ended with ${code}`);
      if (round >= 0) times[name].push(performance.now() - fromMs);
    }
  }
  const known = Object.entries<number[]>(times).map(([name, measured]) => [name, percentiles(measured)]);
  return Object.fromEntries(known) as Record<Name, { p50: number; p99: number }>;
}
