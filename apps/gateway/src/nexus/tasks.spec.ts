import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newTaskId } from '@runspine/contracts';
import { errorOf, IngestCaller, insertTask } from './ingest-caller.fixture.js';

let caller: IngestCaller;
const send: IngestCaller['send'] = (...asked) => caller.send(...asked);

beforeAll(async () => {
  caller = await IngestCaller.start(process.env);
});
afterAll(() => caller.remove());
beforeEach(() => void (caller.correlation = `c-${Math.random()}`));

describe('a task', () => {
  it('is read by its tenant and env; to others it is not there', async () => {
    const id = newTaskId(Date.now() - 3_600_000);
    await insertTask(caller.gateway, id, 'running');
    const answer = await send('GET', `/nexus/tasks/${id}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      task_id: id,
      space_id: 'handbook',
      scope: 'tenant',
      project: 'default',
      surface: 'default',
      status: 'running',
      documents: 2,
      documents_done: 1,
      chunks: 3,
      version: null,
      errors: [],
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
      ended_at: null,
    });
    const strangers: Record<string, string>[] = [{ 'x-tenant-id': 'other' }, { 'x-env': 'other' }];
    for (const headers of strangers) {
      const other = await send('GET', `/nexus/tasks/${id}`, undefined, headers);
      expect([other.status, (await errorOf(other)).code]).toEqual([404, 'nexus.task_not_found']);
    }
    expect((await send('GET', '/nexus/tasks/task_1')).status).toBe(400);
  });

  it('that was just accepted is looked for again for a moment', async () => {
    const id = newTaskId();
    const asked = send('GET', `/nexus/tasks/${id}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await insertTask(caller.gateway, id, 'queued');
    expect((await asked).status).toBe(200);
  });
});
