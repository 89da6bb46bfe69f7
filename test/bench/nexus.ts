import { type Add, median, ms, perSecond } from './figures.ts';
import { askEach, firstQueries, manySpaces } from './ours/nexus-cold.ts';
import { committing, ingestOverHttp } from './ours/nexus-ingest.ts';
import { MODES, type Mode, Asking, inTurn, question } from './ours/nexus-query.ts';
import { exactNearest, RawSpace } from './limits/lance-query.ts';
import { corpus } from './nexus-corpus.ts';
import { benchSpace, documents, filledSpace, startNexus, withFolder } from './nexus-spaces.ts';
import { type Bench, startService } from './servers.ts';
import { serviceEnv } from '../../deploy/local/service-flags.ts';

// LanceDB reads it as it is first used: the limits, in this process, have the threads that nexus has.
Object.assign(process.env, serviceEnv('nexus'));

const ROWS = Number(process.env.BENCH_NEXUS_ROWS ?? 20_000);
const ROUNDS = Number(process.env.BENCH_NEXUS_ROUNDS ?? 150);
const WARM_UP = 30;
/** What a query reaches by default. */
const DEPTH = 200;
const RECALL_QUESTIONS = 100;
const BATCHES = Number(process.env.BENCH_NEXUS_BATCHES ?? 100);
const BATCH = 1000;
const BATCHES_OVER_HTTP = 20;
/** By how much medians of ten batches differ on a quiet machine where nothing else does. */
const NOISE = 1.15;
const SPACES = Number(process.env.BENCH_NEXUS_SPACES ?? 10_000);
const CHUNKS_A_SPACE = 10;
/** Cold spaces that are asked one at a time, and timed. */
const COLD_ALONE = 500;
/** What docs/operations.md says that nexus takes, by the settings it has by default. */
const RESIDENT_MIB_MAX = 1024;

/** Queries through the gateway beside raw LanceDB on the same table. */
export async function nexusQuerySection(bench: Bench, add: Add): Promise<void> {
  await withFolder(async (folder) => {
    const [own, twin] = [benchSpace('notes'), benchSpace('notes', 'global')];
    await filledSpace(folder, own, ROWS, corpus(1));
    await filledSpace(folder, twin, ROWS, corpus(2));
    const services = await startNexus(bench, folder);
    const asking = new Asking(services.gateway.address);
    const raw = await RawSpace.open(folder, own, DEPTH);
    const questions = corpus(3);
    for (const mode of MODES) {
      const result = await inTurn(ROUNDS, WARM_UP, {
        raw: () => raw[mode](question(questions)),
        own: () => asking.ask('notes', mode, question(questions)),
        global: () => asking.ask('notes', mode, question(questions), { tenant: 't_system' }),
        merged: () => asking.ask('notes', mode, question(questions), { includeGlobal: true }),
      });
      report(add, mode, result);
    }
    const vectors = Array.from({ length: RECALL_QUESTIONS }, () => question(questions));
    const exact = await exactNearest(
      folder,
      own,
      vectors.map(({ vector }) => vector),
    );
    let found = 0;
    for (const [at, asked] of vectors.entries()) {
      const nearest = new Set(exact[at]);
      for (const id of await asking.ask('notes', 'vector', asked)) if (nearest.has(id)) found += 1;
    }
    const recall = found / (10 * RECALL_QUESTIONS);
    add('recall@10 by the vector index, random vectors', recall.toFixed(3), '1.000', '≥ 0.950', recall >= 0.95);
    asking.close();
    await services.stop();
  });
}

/** Ready vectors into a space, beside raw LanceDB: in process, then over HTTP. */
export async function nexusIngestSection(bench: Bench, add: Add): Promise<void> {
  await withFolder(async (folder) => {
    const { shares, rates, limits, early, late, rawSlower } = await committing(folder, BATCHES, BATCH);
    const share = median(shares);
    const what = `ingest of ready vectors, commits of ${BATCH.toLocaleString('en')} (share of the limit: ${share.toFixed(2)})`;
    const limit = perSecond(median(limits));
    add(what, perSecond(median(rates)), limit, '≥ 0.60 of it', share >= 0.6);
    const most = early * Math.max(1, rawSlower) * NOISE;
    add(
      `the last ten commits of ${BATCHES}, median; against the 5th to 14th`,
      ms(late),
      ms(early),
      `≤ ${ms(most)}`,
      late <= most,
    );
    const [projector, services] = [await startService(bench, 'projector'), await startNexus(bench, folder)];
    const seed = corpus(5);
    const arriving = Array.from({ length: BATCHES_OVER_HTTP }, (_, at) => documents(seed, BATCH, at));
    const rate = await ingestOverHttp(services.gateway.address, arriving);
    const arrived = 'the same over HTTP, blob store and Kafka, to its completed tasks';
    add(arrived, perSecond(rate), limit, '–', true);
    await services.stop();
    await projector.stop();
  });
}

/** Many small spaces in one process. */
export async function nexusSpacesSection(bench: Bench, add: Add): Promise<void> {
  await withFolder(async (folder) => {
    const made = await manySpaces(folder, SPACES, CHUNKS_A_SPACE);
    const spaces = `${SPACES.toLocaleString('en')} spaces of ${CHUNKS_A_SPACE} chunks`;
    const madeWhat = `making ${spaces}, resident memory (${perSecond(SPACES / made.seconds)})`;
    add(madeWhat, `${made.peakMiB} MiB`, '–', `≤ ${RESIDENT_MIB_MAX} MiB`, made.peakMiB <= RESIDENT_MIB_MAX);
    const services = await startNexus(bench, folder);
    const { address } = services.gateway;
    const questions = corpus(8);
    await firstQueries(address, questions, [0, WARM_UP]);
    const alone = Math.min(SPACES, WARM_UP + COLD_ALONE);
    const first = await firstQueries(address, questions, [WARM_UP, alone]);
    const what = `first query of a cold space over HTTP, hybrid, p50 (p99 ${ms(first.p99)})`;
    add(what, ms(first.p50), '–', '≤ 20.0 ms', first.p50 <= 20);
    await askEach(address, questions, [alone, SPACES]);
    const peak = await services.nexus.peakMiB();
    add(
      `asking each of ${spaces}, resident memory`,
      `${peak} MiB`,
      '–',
      `≤ ${RESIDENT_MIB_MAX} MiB`,
      peak <= RESIDENT_MIB_MAX,
    );
    await services.stop();
  });
}

type Figures = Record<'raw' | 'own' | 'global' | 'merged', { p50: number; p99: number }>;

function report(add: Add, mode: Mode, { raw, own, global, merged }: Figures): void {
  const rows = `${ROWS.toLocaleString('en')} × 384`;
  const wanted = raw.p50 + 3;
  const what = `${mode} query over HTTP, ${rows}, p50 (p99 ${ms(own.p99)})`;
  add(what, ms(own.p50), ms(raw.p50), `≤ ${ms(wanted)}`, own.p50 <= wanted);
  const slower = Math.max(own.p50, global.p50);
  const most = 1.3 * slower;
  add(
    `${mode} query, own and global space merged, p50`,
    ms(merged.p50),
    ms(slower),
    `≤ ${ms(most)}`,
    merged.p50 <= most,
  );
}
