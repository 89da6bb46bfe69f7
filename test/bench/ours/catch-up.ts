import pg from 'pg';
import { type Bench, startService, waitUntil } from '../servers.ts';

/**
 * A projector that begins with a full log: events a second from its first commit to its last, and its largest resident
 * memory meanwhile, MiB.
 */
export async function catchUp(bench: Bench, events: number): Promise<{ rate: number; peakMiB: number }> {
  const client = new pg.Client({ connectionString: bench.databaseUrl });
  await client.connect();
  // Cheap to ask: a count of the outcomes would cost as much as some thousands of events.
  const position = async () =>
    (await client.query<{ n: string }>('SELECT sum(position) AS n FROM projector_offsets')).rows[0]!.n;
  const projector = await startService(bench, 'projector');
  let peakMiB = 0;
  await waitUntil(
    async () => {
      peakMiB = Math.max(peakMiB, await projector.peakMiB());
      return Number(await position()) >= events;
    },
    'the projector to catch up',
    200,
  );
  const { rows } = await client.query<{ s: string; n: string }>(
    `SELECT extract(epoch FROM max(recorded_at) - min(recorded_at)) AS s, count(*) AS n FROM run_events`,
  );
  await projector.stop();
  await client.end();
  return { rate: Number(rows[0]!.n) / Number(rows[0]!.s), peakMiB };
}
