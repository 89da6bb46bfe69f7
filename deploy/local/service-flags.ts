import { availableParallelism } from 'node:os';

/** Up to this many cores, LanceDB's own choice of threads is too few. */
const SMALL_CORES = 4;

/**
 * How a service's process is kept small. The projector's records, while they wait, and its open runs outlive young
 * collections: small halves for young objects, an old heap that is collected before it doubles, and one thread that helps
 * collecting: more of them take the cores from PostgreSQL, and the main thread waits for each. The gateway's objects die
 * with their request: larger halves, so that few are copied. What nexus lets go of is mostly outside of the heap, Arrow's
 * buffers of a commit: they go with a young collection, and where those are rare each few commits end in one of the whole
 * heap.
 */
const HEAP = {
  gateway: ['--max-semi-space-size=32'],
  nexus: ['--max-semi-space-size=4'],
  projector: ['--max-semi-space-size=16', '--heap-growing-percent=70', '--v8-pool-size=1'],
};

/** Flags of node for a service. */
export function serviceFlags(service: string): readonly string[] {
  return HEAP[service as keyof typeof HEAP] ?? [];
}

/**
 * Malloc's arenas: buffers come and go on several threads, of nexus on those of LanceDB, too. One for each of them costs
 * it no memory that was seen; with fewer, the searches of a query wait for each other.
 */
const ARENAS: Readonly<Record<string, number>> = { nexus: 8 };
const ARENAS_OF_OTHERS = 2;

/**
 * Settings of a service's process. LanceDB leaves two cores to reading, so that of up to four one or two are left to
 * search: the searches of one query would wait for each other.
 */
export function serviceEnv(service: string): Readonly<Record<string, string>> {
  return {
    MALLOC_ARENA_MAX: String(ARENAS[service] ?? ARENAS_OF_OTHERS),
    ...(availableParallelism() <= SMALL_CORES && { LANCE_CPU_THREADS: String(SMALL_CORES) }),
  };
}
