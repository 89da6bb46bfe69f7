import { join } from 'node:path';
import type { DocumentChange } from '../../../apps/nexus/dist/spaces/document-change.js';
import type { SpaceStore } from '../../../apps/nexus/dist/spaces/space-store.js';
import { median } from '../figures.ts';
import { RawTable } from '../limits/lance-add.ts';
import { corpus } from '../nexus-corpus.ts';
import { benchSpace, documents, EMBEDDING, storeIn } from '../nexus-spaces.ts';
import type { Committing } from './nexus-ingest.ts';

/**
 * A process with nexus' settings that commits batches to a space and adds them to a raw table, ten of each in turn, so
 * that what else the machine does meets both alike. The first round makes the tables, and meets most words for the
 * first time.
 */
const [folder, count, size] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const A_ROUND = 10;
/** Commits that the ingest has under way for a space: one is stored while the terms of the next are found. */
const UNDER_WAY = 2;

const seed = corpus(4);
const made = Array.from({ length: A_ROUND }, (_, at) => documents(seed, size, at));
const [store, raw] = [storeIn(join(folder, 'ours')), new RawTable(join(folder, 'raw'))];
const [rates, limits, paces, rawPaces]: number[][] = [[], [], [], []];
for (let round = 0; round < count / A_ROUND; round += 1) {
  const batches = made.map((batch, at) => renamed(batch, round * A_ROUND + at));
  const rawMs = performance.now();
  for (const batch of batches) {
    const fromMs = performance.now();
    await raw.add(batch);
    rawPaces!.push(performance.now() - fromMs);
  }
  const oursMs = performance.now();
  const done = await commitAll(store, batches);
  paces!.push(...done.map((doneMs, at) => doneMs - (done[at - 1] ?? oursMs)));
  limits!.push(((size * A_ROUND) / (oursMs - rawMs)) * 1000);
  rates!.push(((size * A_ROUND) / (done.at(-1)! - oursMs)) * 1000);
}
await store.close();
const [early, late] = [(all: number[]) => median(all.slice(4, 14)), (all: number[]) => median(all.slice(-10))];
const result: Committing = {
  rates: rates!.slice(1),
  limits: limits!.slice(1),
  shares: rates!.slice(1).map((rate, round) => rate / limits![round + 1]!),
  early: early(paces!),
  late: late(paces!),
  rawSlower: late(rawPaces!) / early(rawPaces!),
};
process.stdout.write(JSON.stringify(result));

/** The same texts and vectors as other documents, written later. */
function renamed(batch: readonly DocumentChange[], offset: number): DocumentChange[] {
  return batch.map((each, at) => ({ ...each, documentId: `doc-${offset}-${at}`, sourceOffset: offset }));
}

/** Commits batch after batch, as the ingest does; returns when each was there. */
async function commitAll(spaces: SpaceStore, batches: readonly (readonly DocumentChange[])[]): Promise<number[]> {
  const space = benchSpace('ingested');
  const doneMs: number[] = [];
  const underWay: Promise<unknown>[] = [];
  for (const batch of batches) {
    if (underWay.length >= UNDER_WAY) await underWay.shift();
    underWay.push(spaces.commit(space, EMBEDDING, batch).then(() => doneMs.push(performance.now())));
  }
  await Promise.all(underWay);
  return doneMs;
}
