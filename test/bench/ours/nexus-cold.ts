import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { percentiles } from '../http-load.ts';
import type { Corpus } from '../nexus-corpus.ts';
import { SERVICE_ENV, serviceFlags } from '../../../deploy/local/service-flags.ts';
import { Asking, question } from './nexus-query.ts';

const AT_ONCE = 4;

/** Makes spaces `small-0`… in a process of its own. */
export async function manySpaces(
  folder: string,
  count: number,
  chunks: number,
): Promise<{ seconds: number; peakMiB: number }> {
  const script = fileURLToPath(new URL('./nexus-many-main.ts', import.meta.url));
  const child = spawn(process.execPath, [...serviceFlags('nexus'), script, folder, String(count), String(chunks)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...SERVICE_ENV },
  });
  const told = (await child.stdout.toArray()).join('');
  if (told === '') throw new Error('the spaces could not be made');
  return JSON.parse(told) as { seconds: number; peakMiB: number };
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
