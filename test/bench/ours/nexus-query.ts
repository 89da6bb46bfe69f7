import { Connection, expectStatus, percentiles } from '../http-load.ts';
import { type Corpus } from '../nexus-corpus.ts';

/** Words of a question. */
const WORDS = 4;

export interface Question {
  readonly query: string;
  readonly vector: Float32Array;
}

export function question(corpus: Corpus): Question {
  return { query: corpus.question(WORDS), vector: corpus.vector() };
}

export type Mode = 'vector' | 'text' | 'hybrid';
export const MODES: readonly Mode[] = ['vector', 'text', 'hybrid'];

/** Asks a space through the gateway, as a caller does. */
export class Asking {
  private readonly connection: Connection;

  constructor(address: string) {
    this.connection = new Connection(new URL(address));
  }

  /** Ids of the hits. */
  async ask(space: string, mode: Mode, { query, vector }: Question, more: Asked = {}): Promise<string[]> {
    const { tenant = 'default', includeGlobal = false } = more;
    const asked = {
      ...(mode !== 'vector' && { query }),
      ...(mode !== 'text' && { vector: [...vector] }),
      mode,
      ...(includeGlobal && { include_global: true }),
    };
    const answer = await this.connection.send({
      method: 'POST',
      path: `/nexus/spaces/${space}/query`,
      body: JSON.stringify(asked),
      headers: { 'x-tenant-id': tenant },
    });
    const { hits } = JSON.parse(expectStatus(answer, 200).body) as { hits: { id: string }[] };
    if (hits.length === 0) throw new Error(`no hits of ${space} in mode ${mode}: ${query}`);
    return hits.map(({ id }) => id);
  }

  close(): void {
    this.connection.close();
  }
}

export interface Asked {
  readonly tenant?: string;
  readonly includeGlobal?: boolean;
}

/** Does the works in turn, round after round, so that what else the machine does meets all of them alike. */
export async function inTurn<Name extends string>(
  rounds: number,
  warmUp: number,
  works: Readonly<Record<Name, () => Promise<unknown>>>,
): Promise<Record<Name, { p50: number; p99: number }>> {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const name in works) {
      const fromMs = performance.now();
      await works[name]();
      if (round >= 0) times[name].push(performance.now() - fromMs);
    }
  }
  const entries = (Object.entries(times) as [Name, number[]][]).map(([name, all]) => [name, percentiles(all)]);
  return Object.fromEntries(entries) as Record<Name, { p50: number; p99: number }>;
}
