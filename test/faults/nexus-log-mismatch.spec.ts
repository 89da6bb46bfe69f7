import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runBuilt, type ServiceProcess } from '../stack/service-process.js';
import { quickNexus, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/*
 * A log that the spaces were not written from: its offsets begin low, and every change would be taken for one that was
 * superseded long ago. Nexus stops instead, says so, and names the command that resolves it; what is then read of the
 * new log goes before all that came before. Real: everything; topics are deleted and made anew.
 */

let stack: Stack;
let spaces: Spaces;

beforeAll(async () => {
  stack = await startStack({
    gateways: 1,
    nexuses: 1,
    settings: { ...(await quickNexus()), RUNSPINE_PARTITIONS: '1' },
  });
  spaces = new Spaces(stack.http());
  for (let round = 0; round < 5; round++)
    await spaces.put('kept', [document('a', `round ${round}`), document('b', 'b')]);
}, 120_000);
afterAll(() => stack.close());

describe('a log of another cluster', () => {
  let detail = '';

  it('stops nexus, unready, with event_spine.log_mismatch', async () => {
    await nexus().stop();
    await rows("UPDATE nexus_positions SET cluster_id = 'AnotherClusterEntirely'");
    await nexus().start();
    detail = await told(nexus());
    expect(detail).toMatch(/written from cluster AnotherClusterEntirely/);
  });

  it('gives nothing to the spaces, which answer all the same', async () => {
    const task = await spaces.ingest('kept', [document('a', 'of the other log')]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect((await stack.http().get(`/nexus/tasks/${task}`)).body).toMatchObject({ status: 'queued' });
    expect(await textOf('a')).toBe('round 4');
    await adopt(nexus(), detail, 'earliest');
    await spaces.ended(task);
    expect(await textOf('a')).toBe('of the other log');
    expect(await epoch()).toBe(1);
  });
});

describe('a topic that was made anew', () => {
  it('and is shorter than what was read of it stops nexus; what is adopted goes before what was', async () => {
    await recreate();
    await nexus().start();
    expect(await told(nexus())).toMatch(/past the log's end/);
    await adopt(nexus(), await told(nexus()), 'earliest');
    await follow();

    await spaces.put('kept', [document('a', 'anew'), document('c', 'new')]);
    expect(await textOf('a')).toBe('anew');
    expect(await textOf('b')).toBe('b');
    expect(await epoch()).toBe(2);
  });

  it('and has grown past what was read of it is known by what lies there', async () => {
    await spaces.put('kept', [document('a', 'before')]);
    const { position, anchor_offset: anchor } = await saved();
    expect(anchor).toBeLessThan(position);
    await recreate();
    await stack.projectors[0]!.start();
    await follow();
    // The gateway writes past the position before nexus is back.
    const tasks: string[] = [];
    while (tasks.length < position + 5)
      tasks.push(await spaces.ingest('kept', [document('a', `late ${tasks.length}`)]));
    await nexus().start();
    expect(await told(nexus())).toMatch(/is not the one that was read there/);
    expect(await textOf('a')).toBe('before');

    await adopt(nexus(), await told(nexus()), 'earliest');
    await spaces.ended(tasks.at(-1)!);
    expect(await textOf('a')).toBe(`late ${tasks.length - 1}`);
    for (const task of tasks) expect(await spaces.ended(task)).toMatchObject({ status: 'completed' });
  });

  it('is noticed by the spaces themselves where PostgreSQL has forgotten as well; nothing is told or lost', async () => {
    await recreate();
    await rows('DELETE FROM nexus_positions');
    await stack.projectors[0]!.start();
    await follow();
    await nexus().start();
    await nexus().ready();
    const task = await spaces.ingest('kept', [document('a', 'after all was lost')]);

    const detail = await told(nexus());
    expect(detail).toMatch(/a space was written from log 3, this is log 0/);
    expect((await stack.http().get(`/nexus/tasks/${task}`)).body).toMatchObject({ status: 'queued' });
    expect(await textOf('a')).not.toBe('after all was lost');
    // A restart does not forget it.
    await nexus().stop();
    await nexus().start();
    expect(await told(nexus())).toMatch(/a space was written from log 3/);

    await adopt(nexus(), detail, 'earliest');
    expect(await spaces.ended(task)).toMatchObject({ status: 'completed', documents_done: 1 });
    expect(await textOf('a')).toBe('after all was lost');
    expect(await epoch()).toBe(4);
  });
});

it('refuses to adopt a position that the log does not have', async () => {
  const args = ['--topic', stack.topic('nexus'), '--partition', '0', '--from', '999999999'];
  const { code, output } = await runBuilt('apps/nexus/dist/adopt-log.js', args, stack.env);
  expect(code).toBe(1);
  expect(output).toContain('--from must be earliest, latest or an offset from 0 to');
});

it('goes on where it was after a restart that nothing happened in', async () => {
  await spaces.put('kept', [document('z', 'last')]);
  await nexus().stop();
  const [{ high } = { high: 0 }] = await stack.logEnds('nexus');
  expect((await saved()).position).toBe(high);
  await nexus().start();
  await nexus().ready();
  await spaces.put('kept', [document('z', 'later')]);
  expect(await textOf('z')).toBe('later');
});

const document = (document_id: string, text: string) => ({ document_id, text });
const nexus = () => stack.nexuses[0]!;
const rows = (sql: string) => stack.database.rows(sql);

/** What a process says of its log, once it does. */
function told(process: ServiceProcess): Promise<string> {
  return until('the mismatch to be told', async () => {
    const { status, body } = await process.readiness();
    if (status === 200) return false;
    const { checks } = JSON.parse(body) as { checks: Record<string, { detail?: string }> };
    return Object.values(checks).find(({ detail }) => detail?.includes('event_spine.log_mismatch'))?.detail ?? false;
  });
}

/** Runs the command that was named, and starts the process again. */
async function adopt(process: ServiceProcess, detail: string, from: string): Promise<void> {
  const command = [...detail.matchAll(/run: node (\S+) (.*?) earliest\|latest\|<offset>/g)].find(([, , args]) =>
    args!.includes(stack.topic('nexus')),
  );
  const adopted = await runBuilt(command![1]!, [...command![2]!.split(' '), from], stack.env);
  expect(adopted).toMatchObject({ code: 0 });
  await process.stop();
  await process.start();
  await process.ready();
}

/** The projector follows the new log, too. */
async function follow(): Promise<void> {
  const [projector] = stack.projectors;
  if (!projector!.running) await projector!.start();
  const args = ['--topic', stack.topic('nexus'), '--partition', '0', '--from', 'earliest'];
  expect(await runBuilt('apps/projector/dist/adopt-log.js', args, stack.env)).toMatchObject({ code: 0 });
  await projector!.stop();
  await projector!.start();
  await projector!.ready();
}

/** The topic is deleted and made anew, while nexus and projector are down. */
async function recreate(): Promise<void> {
  await nexus().stop();
  await stack.projectors[0]!.stop();
  await stack.admin.deleteTopics({ topics: [stack.topic('nexus')] });
  await until('the topic to be gone', async () => !(await stack.admin.listTopics()).includes(stack.topic('nexus')));
  expect(await runBuilt('apps/projector/dist/setup.js', [], stack.env)).toMatchObject({ code: 0 });
  // Its producer learns of it by failing once.
  await until('the gateway to write again', async () => {
    const { status } = await stack.http().send('DELETE', '/nexus/spaces/kept/documents/nothing', undefined);
    return status === 202;
  });
}

async function textOf(documentId: string): Promise<string | undefined> {
  const { port } = new URL(nexus().address);
  const answer = await fetch(`http://127.0.0.1:${port}/nexus/spaces/kept/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'x', mode: 'vector', top_k: 10, filter: { document_id: documentId } }),
  });
  const { hits } = (await answer.json()) as { hits: { text: string }[] };
  return hits[0]?.text;
}

async function saved(): Promise<{ position: number; anchor_offset: number; epoch: number }> {
  const [row] = await stack.database.rows<{ position: number; anchor_offset: number; epoch: number }>(
    'SELECT position::int, anchor_offset::int, epoch FROM nexus_positions',
  );
  return row!;
}

async function epoch(): Promise<number> {
  return (await saved()).epoch;
}
