import { randomUUID } from 'node:crypto';
import { changesOfRun } from '../events.ts';
import { type Connection, expectStatus, load, type LoadResult } from '../http-load.ts';

/** One HTTP call a change, each waiting for its outcome: runs of six steps, 20 calls each. */
export async function oneCallAChange(address: string, connections: number, seconds: number): Promise<LoadResult> {
  const scripts = Array.from({ length: connections }, () => lifeOfRun());
  return load(address, connections, seconds, async (connection, index) => {
    const { value } = await scripts[index]!.next(connection);
    return value as number;
  });
}

async function* lifeOfRun(): AsyncGenerator<number, never, Connection> {
  // The first `next` has no connection to give yet: it comes with each of the following ones.
  let connection: Connection = yield 0;
  for (;;) {
    const post = async (path: string, body: object) => {
      const answer = await connection.send({ method: 'POST', path, body: JSON.stringify(body) });
      return JSON.parse(expectStatus(answer, 200, 201).body) as { run_id: string; step_id?: string };
    };
    const { run_id } = await post('/v1/runs', { name: 'nightly', kind: 'pipeline', stage: 'load' });
    connection = yield 1;
    await post(`/v1/runs/${run_id}/start`, { task_count: 6 });
    connection = yield 1;
    for (let index = 0; index < 6; index += 1) {
      const { step_id } = await post(`/v1/runs/${run_id}/steps`, { name: `step ${index}` });
      connection = yield 1;
      await post(`/v1/runs/${run_id}/steps/${step_id}/start`, {});
      connection = yield 1;
      await post(`/v1/runs/${run_id}/steps/${step_id}/complete`, { output: { rows: 10 }, duration_ms: 12.5 });
      connection = yield 1;
    }
    await post(`/v1/runs/${run_id}/complete`, { output: { ok: true } });
    connection = yield 1;
  }
}

/** A run's 21 changes in one `…/events` call, waiting for all outcomes. */
export async function batches(address: string, connections: number, seconds: number): Promise<LoadResult> {
  let runs = 0;
  return load(address, connections, seconds, async (connection) => {
    const runId = newRunIdText();
    const events = changesOfRun((runs += 1)).map(({ type, data }) => ({ type, data, id: randomUUID() }));
    const answer = await connection.send({
      method: 'POST',
      path: `/v1/runs/${runId}/events`,
      body: JSON.stringify({ events }),
    });
    const { results } = JSON.parse(expectStatus(answer, 200).body) as { results: { outcome: string }[] };
    const applied = results.filter((result) => result.outcome === 'applied').length;
    if (applied !== events.length)
      throw new Error(`only ${applied} of ${events.length} applied: ${answer.body.slice(0, 500)}`);
    return applied;
  });
}

/** One `run.created` a request, answered once Kafka has it. */
export async function respondAsync(address: string, connections: number, seconds: number): Promise<LoadResult> {
  const body = JSON.stringify({
    name: 'nightly',
    kind: 'pipeline',
    stage: 'load',
    input: { path: 'docs', limit: 1000 },
  });
  return load(address, connections, seconds, async (connection) => {
    const headers = { prefer: 'respond-async' };
    expectStatus(await connection.send({ method: 'POST', path: '/v1/runs', body, headers }), 202);
    return 1;
  });
}

function newRunIdText(): string {
  const hex = Date.now().toString(16).padStart(12, '0');
  return `run_${hex}${randomUUID().replaceAll('-', '').slice(0, 20)}`;
}
