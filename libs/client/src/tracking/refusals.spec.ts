import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fail, json } from '../gateway.fixture.js';
import { pipeline, TrackerFixture } from './tracker.fixture.js';

let at: TrackerFixture;

beforeEach(async () => {
  at = await TrackerFixture.start();
});

afterEach(() => at.remove());

describe('a gateway that is not as it should be', () => {
  it('refusing an event for what it is: the others are taken, and it is set aside', async () => {
    const tracking = at.tracker();
    at.gateway.handler = ({ path, body }, response) => {
      if (!path.endsWith('/events')) return false;
      const at = (JSON.parse(body) as { events: { type: string; data: { name?: string } }[] }).events.findIndex(
        ({ data }) => data.name === 'part 2',
      );
      return (
        at >= 0 &&
        fail(response, 400, 'request.invalid', {}, { faults: [{ path: `/events/${at}/data/name`, message: 'no' }] })
      );
    };
    expect(await pipeline(tracking, 'poisoned')).toBe(10);
    expect(await tracking.flush()).toBe(true);

    expect(tracking.stats).toMatchObject({ refused: 1, dropped: 0 });
    expect(at.gateway.events).toHaveLength(20);
    const [file] = at.spoolFiles();
    expect(file).toContain('refused.ndjson');
    expect(at.warnings).toEqual(['events were refused and set aside']);
  });

  it('refusing without saying which: halves are tried', async () => {
    const tracking = at.tracker();
    at.gateway.handler = ({ path, body }, response) =>
      path.endsWith('/events') && body.includes('part 3') && fail(response, 413, 'request.too_large');
    await pipeline(tracking, 'large');
    expect(await tracking.flush()).toBe(true);

    expect(tracking.stats.refused).toBe(1);
    expect(at.gateway.events).toHaveLength(20);
  });

  it('knowing nothing of a run: it is looked for, then set aside', async () => {
    const tracking = at.tracker();
    let looks = 0;
    at.gateway.handler = ({ path }, response) =>
      path.endsWith('/events') && looks++ < 3 && fail(response, 404, 'run.not_found');
    await tracking.trackRun({}, () => 1);
    expect(await tracking.flush()).toBe(true);

    expect(at.gateway.events).toHaveLength(3);
  });

  it('refusing by the state machine: counted, and said once', async () => {
    const tracking = at.tracker();
    at.gateway.handler = ({ path, body }, response) =>
      path.endsWith('/events') &&
      json(response, 200, {
        results: (JSON.parse(body) as { events: { id: string }[] }).events.map(({ id }) => ({
          event_id: id,
          outcome: 'rejected',
          reason: 'run.exists',
        })),
      });
    await tracking.trackRun({}, () => 1);
    await tracking.flush();

    expect(tracking.stats).toMatchObject({ rejected: 3, sent: 3 });
    expect(at.warnings).toEqual(['an event was refused by the state machine']);
  });
});
