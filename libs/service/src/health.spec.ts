import { describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Health } from './health.js';

describe('Health', () => {
  it('is ready when every check passes, and says which does not and why', async () => {
    const health = new Health();
    health.add('postgres', () => ({ ok: true }));
    expect(await health.ready()).toEqual({ status: 'ok', checks: { postgres: { ok: true } } });

    health.add('feed', async () => Promise.reject(new Error('at postgres://me:hidden@db')));
    expect(await health.ready()).toEqual({
      status: 'unready',
      checks: { postgres: { ok: true }, feed: { ok: false, detail: 'at postgres://me:***@db' } },
    });

    health.remove('feed');
    expect((await health.ready()).status).toBe('ok');
  });

  it('waits for no check longer than its bound, and never asks one twice at once', async () => {
    const health = new Health();
    let asked = 0;
    health.add('slow', async () => ((asked += 1), await delay(80), { ok: true }), 20);

    expect(await health.ready()).toEqual({
      status: 'unready',
      checks: { slow: { ok: false, detail: 'no answer in 20 ms' } },
    });
    await health.ready();
    expect(asked).toBe(1);

    await delay(80);
    await health.ready();
    expect(asked).toBe(2);
  });

  it('is unready while draining, and alive all the same', async () => {
    const health = new Health();
    health.beginDraining();

    expect(health.draining).toBe(true);
    expect(health.live()).toEqual({ status: 'ok' });
    expect(await health.ready()).toMatchObject({ status: 'unready', checks: { draining: { ok: false } } });
  });
});
