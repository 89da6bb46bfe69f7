import { join } from 'node:path';
import type { DocumentChange } from '../../apps/nexus/dist/spaces/document-change.js';
import { type Add, ms, perSecond } from './figures.ts';
import { RawTable } from './limits/lance-add.ts';
import { askEach, firstQueries, manySpaces } from './ours/nexus-cold.ts';
import { commitAll, ingestOverHttp } from './ours/nexus-ingest.ts';
import { MODES, type Mode, Asking, inTurn, question } from './ours/nexus-query.ts';
import { exactNearest, RawSpace } from './limits/lance-query.ts';
import { corpus } from './nexus-corpus.ts';
import { benchSpace, documents, filledSpace, startNexus, storeIn, withFolder } from './nexus-spaces.ts';
import { type Bench, startService } from './servers.ts';
import { SERVICE_ENV } from '../../deploy/local/service-flags.ts';

// LanceDB reads it as it is first used: the limits, in this process, have the threads that nexus has.
Object.assign(process.env, SERVICE_ENV);

const ROWS = Number(process.env.BENCH_NEXUS_ROWS ?? 20_000);
const ROUNDS = Number(process.env.BENCH_NEXUS_ROUNDS ?? 150);
const WARM_UP = 30;
/** What a query reaches by default. */
const DEPTH = 200;
const RECALL_QUESTIONS = 100;
const BATCHES = Number(process.env.BENCH_NEXUS_BATCHES ?? 100);
const BATCH = 1000;
const BATCHES_MADE = 10;
const BATCHES_A_ROUND = BATCHES_MADE;
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

/** Ready vectors into a space, beside raw LanceDB; in turn, ten batches each. */
export async function nexusIngestSection(bench: Bench, add: Add): Promise<void> {
  await withFolder(async (folder) => {
    const seed = corpus(4);
    const made = Array.from({ length: BATCHES_MADE }, (_, at) => documents(seed, BATCH, at));
    const batchesOf = (round: number) => made.map((batch, at) => renamed(batch, round * BATCHES_A_ROUND + at));
    const [store, raw] = [storeIn(join(folder, 'ours')), new RawTable(join(folder, 'raw'))];
    const [ours, limit, paces, rawPaces]: number[][] = [[], [], [], []];
    for (let round = 0; round < BATCHES / BATCHES_A_ROUND; round += 1) {
      const batches = batchesOf(round);
      const rawMs = performance.now();
      for (const batch of batches) {
        const fromMs = performance.now();
        await raw.add(batch);
        rawPaces!.push(performance.now() - fromMs);
      }
      const oursMs = performance.now();
      const done = await commitAll(store, batches);
      paces!.push(...done.map((doneMs, at) => doneMs - (done[at - 1] ?? oursMs)));
      limit!.push(((BATCH * BATCHES_A_ROUND) / (oursMs - rawMs)) * 1000);
      ours!.push(((BATCH * BATCHES_A_ROUND) / (done.at(-1)! - oursMs)) * 1000);
    }
    await store.close();
    // The first round makes the tables, and meets most words for the first time.
    const share = median(ours!.slice(1).map((rate, round) => rate / limit![round + 1]!));
    const what = `ingest of ready vectors, commits of ${BATCH.toLocaleString('en')} (share of the limit: ${share.toFixed(2)})`;
    add(what, perSecond(median(ours!.slice(1))), perSecond(median(limit!.slice(1))), '≥ 0.60 of it', share >= 0.6);
    const [early, late] = [median(paces!.slice(4, 14)), median(paces!.slice(-10))];
    const rawSlower = median(rawPaces!.slice(-10)) / median(rawPaces!.slice(4, 14));
    const most = early * Math.max(1, rawSlower) * NOISE;
    add(
      `the last ten commits of ${BATCHES}, median; against the 5th to 14th`,
      ms(late),
      ms(early),
      `≤ ${ms(most)}`,
      late <= most,
    );
    const [projector, services] = [await startService(bench, 'projector'), await startNexus(bench, folder)];
    const rate = await ingestOverHttp(services.gateway.address, batchesOf(0).concat(batchesOf(1)));
    add(
      'the same over HTTP, blob store and Kafka, to its completed tasks',
      perSecond(rate),
      perSecond(median(limit!.slice(1))),
      '–',
      true,
    );
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

/** The same texts and vectors as other documents, written later. */
function renamed(batch: readonly DocumentChange[], offset: number): DocumentChange[] {
  return batch.map((each, at) => ({ ...each, documentId: `doc-${offset}-${at}`, sourceOffset: offset }));
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}
