import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Behaviour } from '../gateway.fixture.js';
import { pipeline, TrackerFixture, until } from './tracker.fixture.js';

let at: TrackerFixture;

beforeEach(async () => {
  at = await TrackerFixture.start();
});

afterEach(() => at.remove());

describe('a gateway that is not as it should be', () => {
  it.each<Behaviour>(['hangs', 'nonsense', 'html', 'unavailable', 'cuts', 'denies'])(
    'that %s changes no result, and loses and doubles nothing',
    async (behaviour) => {
      at.gateway.behaviour = behaviour;
      const tracking = at.tracker({ sendTimeoutMs: 100 });

      expect(await pipeline(tracking, 'first')).toBe(10);
      expect(await tracking.flush()).toBe(false);
      expect(at.spoolFiles()).toHaveLength(1);
      expect(await pipeline(tracking, 'second')).toBe(10);
      at.gateway.behaviour = 'well';
      await until(() => at.gateway.events.length > 0 || (void tracking.flush(), false));
      await until(() => tracking.stats.sent >= 40 || (void tracking.flush(), false));
      expect(await tracking.close()).toBe(true);

      at.expectComplete('first');
      at.expectComplete('second');
      expect(at.gateway.events).toHaveLength(42);
      expect(at.warnings).toEqual(['the gateway does not take events; events wait on disk until it answers']);
      expect(at.spoolFiles()).toEqual([]);
    },
  );

  it('dead from the start: all is on disk, and the next process sends it', async () => {
    await at.gateway.die();
    const first = at.tracker();
    expect(await pipeline(first, 'early')).toBe(10);
    expect(await first.close(500)).toBe(false);
    expect(at.gateway.events).toEqual([]);
    const [file] = at.spoolFiles();
    const lines = readFileSync(join(at.folder, 'spool', file!), 'utf8')
      .trim()
      .split('\n');
    expect(lines).toHaveLength(21);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      type: 'run.created',
      data: { name: 'early' },
      correlation_id: expect.any(String),
    });
    // As another process would have left it, which is gone; its last line was cut off.
    const path = join(at.folder, 'spool', file!);
    writeFileSync(path.replace(/-\d+-/, '-999999999-'), `${readFileSync(path, 'utf8')}{"id":"cut`);
    rmSync(path);

    await at.gateway.listen();
    const second = at.tracker();
    await until(() => at.gateway.events.length === 21);
    at.expectComplete('early');
    await until(() => at.spoolFiles().length === 0);
    await second.close();
    expect(at.warnings).toContain('lines of a spool file were no events');
  });

  it('dying in the middle, again and again: all arrives once, in order', async () => {
    const tracking = at.tracker();
    const names = Array.from({ length: 12 }, (_, index) => `run ${index}`);
    for (const [index, name] of names.entries()) {
      if (index % 4 === 1) await at.gateway.die();
      if (index % 4 === 3) await at.gateway.listen();
      expect(await pipeline(tracking, name)).toBe(10);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until(
      () => (tracking.stats.waiting === 0 && at.gateway.events.length === 12 * 21) || (void tracking.flush(), false),
    );
    await tracking.close();

    names.forEach((name) => at.expectComplete(name));
  });

  it('slow, answering after it took the events: the same again is taken once', async () => {
    const tracking = at.tracker({ sendTimeoutMs: 80 });
    at.gateway.delayMs = 150;
    expect(await pipeline(tracking, 'slow')).toBe(10);
    expect(await tracking.flush()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 200));
    at.gateway.delayMs = 0;
    await until(() => (tracking.stats.waiting === 0 && tracking.stats.sent >= 21) || (void tracking.flush(), false));

    at.expectComplete('slow');
    expect(at.gateway.repeats).toBeGreaterThan(0);
  });

  it('without PostgreSQL: it is asked not to wait', async () => {
    at.gateway.behaviour = 'store-away';
    const tracking = at.tracker();
    expect(await pipeline(tracking, 'async')).toBe(10);
    expect(await tracking.flush()).toBe(true);

    at.expectComplete('async');
    expect(at.warnings).toEqual([]);
  });
});
