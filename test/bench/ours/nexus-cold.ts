import { percentiles } from '../http-load.ts';
import type { Corpus } from '../nexus-corpus.ts';
import { nexusProcess } from '../nexus-process.ts';
import { Asking, question } from './nexus-query.ts';

const AT_ONCE = 4;

/** Makes spaces `small-0`… in a process of its own. */
export function manySpaces(
  folder: string,
  count: number,
  chunks: number,
): Promise<{ seconds: number; peakMiB: number }> {
  return nexusProcess('nexus-many-main', [folder, String(count), String(chunks)]);
}

/** Asks spaces that nobody asked before, one at a time: milliseconds of each first query. */
export async function firstQueries(
  address: string,
  corpus: Corpus,
  [from, to]: readonly [number, number],
): Promise<{ p50: number; p99: number }> {
  const asking = new Asking(address);
  const times: number[] = [];
  for (let space = from; space < to; space += 1) {
    const asked = question(corpus);
    const fromMs = performance.now();
    await asking.ask(`small-${space}`, 'hybrid', asked);
    times.push(performance.now() - fromMs);
  }
  asking.close();
  return percentiles(times);
}

/** Asks each of these spaces once, some at a time. */
export async function askEach(address: string, corpus: Corpus, [from, to]: readonly [number, number]): Promise<void> {
  let next = from;
  const asking = Array.from({ length: AT_ONCE }, () => new Asking(address));
  await Promise.all(
    asking.map(async (each) => {
      for (let space = next++; space < to; space = next++) await each.ask(`small-${space}`, 'hybrid', question(corpus));
      each.close();
    }),
  );
}
