import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ClientFixture } from '../client.fixture.js';
import { json } from '../gateway.fixture.js';

let at: ClientFixture;

beforeEach(async () => {
  at = await ClientFixture.start();
});

afterEach(() => at.gateway.die());

describe('lists', () => {
  it('are read page after page, each when it is needed', async () => {
    at.answer(
      (response) => json(response, 200, { items: [1, 2], next_cursor: 'b' }),
      (response) => json(response, 200, { items: [3], next_cursor: 'c' }),
      (response) => json(response, 200, { items: [4], next_cursor: null }),
    );
    const items = [];
    for await (const item of at.client.runs.list()) items.push(item);
    expect(items).toEqual([1, 2, 3, 4]);
    expect(at.gateway.requests.map(({ path }) => path)).toEqual(['/v1/runs', '/v1/runs?cursor=b', '/v1/runs?cursor=c']);
  });

  it('give their first items, and ask for no more', async () => {
    at.answer((response) => json(response, 200, { items: [1, 2], next_cursor: 'b' }));
    expect(await at.client.runs.list().first(2)).toEqual([1, 2]);
    expect(await at.client.runs.list().first(0)).toEqual([]);
    expect(at.gateway.requests).toHaveLength(2);
  });

  it('do not follow a cursor that leads to itself, nor take nonsense for a page', async () => {
    at.answer((response) => json(response, 200, { items: [1], next_cursor: 'b' }));
    await expect(at.client.runs.list().first(100)).rejects.toMatchObject({ code: 'client.bad_answer' });
    at.answer((response) => json(response, 200, { items: 'x' }));
    await expect(at.client.runs.list().page()).rejects.toMatchObject({ code: 'client.bad_answer' });
  });
});
