import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

// Real: everything. A nexus is killed with SIGKILL while it commits, and started again.

const TASKS = 60;
const DOCUMENTS = 5;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    gateways: 1,
    nexuses: 1,
    settings: { RUNSPINE_NEXUS_COMMIT_MS: '50', RUNSPINE_NEXUS_COMMIT_BYTES: '65536' },
  });
}, 120_000);
afterAll(() => stack.close());

describe('a nexus that is killed while it ingests', () => {
  it('leaves every document once, and every task with its end', async () => {
    const http = stack.http();
    const [nexus] = stack.nexuses;
    const tasks: string[] = [];
    let killed = 0;
    for (let index = 0; index < TASKS; index++) {
      const documents = Array.from({ length: DOCUMENTS }, (_, at) => ({
        document_id: `d${(index * DOCUMENTS + at) % 200}`,
        text: `task ${index} writes document ${at}`,
      }));
      const answer = await http.post('/nexus/spaces/notes/ingest', { documents });
      expect(answer.status).toBe(202);
      tasks.push((answer.body as { task_id: string }).task_id);
      if (index % 20 !== 10) continue;
      await nexus!.kill();
      killed++;
      await nexus!.start();
    }
    expect(killed).toBe(3);

    const statuses = new Map<string, string>();
    const allEnded = async () => {
      for (const task of tasks) {
        if (statuses.get(task) === 'completed') continue;
        const { body } = await http.get(`/nexus/tasks/${task}`);
        statuses.set(task, (body as { status?: string }).status ?? 'unknown');
      }
      return [...statuses.values()].every((status) => status === 'completed');
    };
    await until('every task to be completed', allEnded, { timeoutMs: 90_000 });

    const { port } = new URL(nexus!.address);
    const space = (await (await fetch(`http://127.0.0.1:${port}/nexus/spaces/notes`)).json()) as Record<
      string,
      unknown
    >;
    expect(space).toMatchObject({ rows: 200, documents: 200 });
  }, 240_000);
});
