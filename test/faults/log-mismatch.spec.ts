import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ForeignProducer } from '../stack/foreign-producer.js';
import { rebuildFaults, sequenceFaults } from '../stack/journal.js';
import { runBuilt } from '../stack/service-process.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/*
 * A log that is not its own: kafkajs would silently skip or start over. The partition stops instead, says so, and names
 * the command that resolves it; the other partitions go on.
 */

const PARTITION = 2;

let stack: Stack;
let team: ForeignProducer;

beforeAll(async () => {
  stack = await startStack();
  team = await stack.foreign();
  await sendEverywhere();
  await stack.caughtUp();
});
afterAll(() => stack.close());

describe.each<[what: string, spoil: () => Promise<void>, why: RegExp, from: string]>([
  [
    'of another cluster',
    () => store("cluster_id = 'AnotherClusterEntirely'"),
    /position is of cluster AnotherClusterEntirely/,
    'earliest',
  ],
  ['shorter than what was read of it', () => store('position = position + 1000'), /past the log's end/, 'latest'],
  ['that no longer keeps the next event', loseUnreadEvents, /no longer kept/, 'earliest'],
])('a log %s', (_what, spoil, why, from) => {
  let detail = '';

  it('stops its partition, unready, with event_spine.log_mismatch', async () => {
    await projector().stop();
    await spoil();
    await projector().start();
    const unready = await until('the mismatch to be told', async () => {
      const { status, body } = await projector().readiness();
      return body.includes('event_spine.log_mismatch') && { status, body };
    });
    expect(unready.status).toBe(503);
    detail = (JSON.parse(unready.body) as { checks: Record<string, { detail: string }> }).checks['runspine.runs.v1']!
      .detail;
    expect(detail).toContain(`partition ${PARTITION}`);
    expect(detail).toMatch(why);
  });

  it('applies nothing of it, and everything of the other partitions', async () => {
    const before = (await eventsByPartition())[PARTITION];
    const sent = await sendEverywhere();
    await until('the other partitions to be applied', async () => {
      const [ends, stored] = await Promise.all([stack.logEnds(), stack.positions()]);
      return ends.every(({ partition, high }) => partition === PARTITION || stored.get(partition) === high);
    });
    expect(sent[PARTITION]).toBeGreaterThan(0);
    expect((await eventsByPartition())[PARTITION]).toBe(before);
  });

  it('is followed again once the command that it named was run', async () => {
    const [, script, args] = /run: node (\S+) (.*) earliest\|latest\|<offset>/.exec(detail) ?? [];
    const adopted = await runBuilt(script!, [...args!.split(' '), from], stack.env);
    expect(adopted).toMatchObject({ code: 0 });
    await projector().stop();
    await projector().start();
    await projector().ready();
    const before = (await eventsByPartition())[PARTITION]!;
    const sent = (await sendEverywhere())[PARTITION]!;
    await stack.caughtUp();
    // What was sent while it was stopped lies in the log, and is applied unless the log is followed from its end.
    expect((await eventsByPartition())[PARTITION]).toBeGreaterThanOrEqual(before + sent);
  });
});

it('refuses to adopt a position that the log does not have', async () => {
  const args = ['--topic', stack.topic('runs'), '--partition', '0', '--from', '999999999'];
  const { code, output } = await runBuilt('apps/projector/dist/adopt-log.js', args, stack.env);
  expect(code).toBe(1);
  expect(output).toContain('--from must be earliest, latest or an offset from 0 to');
});

it("keeps a rejection that lies where a former log's lay", async () => {
  const run_id = team.runId();
  const started = () => ({ type: 'run.started', data: { run_id } });
  await team.send(started());
  await stack.caughtUp();
  // What was refused is what a former log had at the next offset of the same partition.
  await stack.database.rows(
    'UPDATE rejections SET source_offset = source_offset + 1, event_id = gen_random_uuid() WHERE run_id = $1',
    [run_id],
  );
  await team.send(started());
  await stack.caughtUp();
  expect(await stack.database.count('rejections', 'run_id = $1', [run_id])).toBe(2);
  expect(await stack.read('deadLetter')).toEqual([]);
});

it('left nothing behind that the journal does not say', async () => {
  expect(await sequenceFaults(stack.database)).toEqual([]);
  expect(await rebuildFaults(stack.database)).toEqual([]);
});

function projector() {
  return stack.projectors[0]!;
}

async function store(change: string): Promise<void> {
  const where = `topic = '${stack.topic('runs')}' AND partition = ${PARTITION}`;
  await stack.database.rows(`UPDATE projector_offsets SET ${change} WHERE ${where}`);
}

async function loseUnreadEvents(): Promise<void> {
  await sendEverywhere();
  const { high } = (await stack.logEnds()).find(({ partition }) => partition === PARTITION)!;
  const partitions = [{ partition: PARTITION, offset: String(high) }];
  await stack.admin.deleteTopicRecords({ topic: stack.topic('runs'), partitions });
}

/** A run for each of 40 rooms. @returns how many events each partition got. */
async function sendEverywhere(): Promise<number[]> {
  const before = await stack.logEnds();
  const runs = Array.from({ length: 40 }, () => team.runId());
  await team.send(...runs.map((run_id) => ({ type: 'run.created', data: { run_id } })));
  const after = await stack.logEnds();
  const counts: number[] = [];
  for (const { partition, high } of after) {
    counts[partition] = high - before.find((end) => end.partition === partition)!.high;
  }
  return counts;
}

async function eventsByPartition(): Promise<number[]> {
  const rows = await stack.database.rows<{ partition: number; count: number }>(
    'SELECT source_partition AS partition, count(*) FROM run_events GROUP BY 1',
  );
  return [0, 1, 2, 3].map((partition) => rows.find((row) => row.partition === partition)?.count ?? 0);
}
