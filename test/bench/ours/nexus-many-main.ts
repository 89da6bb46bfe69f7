import { corpus } from '../nexus-corpus.ts';
import { benchSpace, documents, EMBEDDING, storeIn } from '../nexus-spaces.ts';

/** A process that makes many small spaces; tells how long it took and how much memory. */
const [folder, count, chunks] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const AT_ONCE = 4;
const store = storeIn(folder);
const seed = corpus(7);
const content = documents(seed, chunks, 1);
let next = 0;
const fromMs = performance.now();
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let space = next++; space < count; space = next++) {
      await store.commit(benchSpace(`small-${space}`), EMBEDDING, content);
    }
  }),
);
const seconds = (performance.now() - fromMs) / 1000;
await store.close();
process.stdout.write(JSON.stringify({ seconds, peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) }));
