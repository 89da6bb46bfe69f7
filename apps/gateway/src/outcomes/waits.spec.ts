import { afterEach, describe, expect, it } from '@jest/globals';
import { canonicalize, newEventId, type Outcome, type OutcomeNotice } from '@runspine/contracts';
import { hashTypeAndData } from '@runspine/projections';
import { Metrics } from '@runspine/service';
import type { FeedListener } from './feed-reader.js';
import type { NoticeListener } from './notice-reader.js';
import { type OutcomesOf, Waits } from './waits.js';

const RUN = `run_${'0'.repeat(32)}`;
const HERE = () => false;

/** Waits on a feed that the test speaks for, and a store that it fills. */
function make(over: { outcomesOf?: OutcomesOf; waitsMax?: number; channel?: string } = {}) {
  let tell: FeedListener = () => undefined;
  let notice: NoticeListener = () => undefined;
  const stored = new Map<string, { hash: string; outcome: Outcome }>();
  let reads = 0;
  const waits = new Waits({
    feed: {
      subscribe: (listener) => {
        tell = listener;
        return () => undefined;
      },
    },
    notices: {
      channel: over.channel,
      subscribe: (listener) => {
        notice = listener;
        return () => undefined;
      },
    },
    outcomesOf: (tenantId, ids) => {
      reads += 1;
      return over.outcomesOf?.(tenantId, ids) ?? Promise.resolve(stored);
    },
    metrics: new Metrics('test', false),
    waitsMax: over.waitsMax ?? 10,
    outcomeReadMs: 60,
  });
  opened.push(waits);
  return {
    waits,
    stored,
    reads: () => reads,
    tell: (outcome: Outcome, data: object = {}, noticed?: true) =>
      tell({ outcome, hash: hashOf(data), ...(noticed && { noticed }) }),
    notice: (outcome: Outcome, data: object, resource?: OutcomeNotice['resource']) =>
      notice({ outcome, hash: hashOf(data), ...(resource && { resource }) }),
  };
}

const opened: Waits[] = [];
afterEach(() => opened.splice(0).forEach((waits) => waits.close()));

const applied = (eventId: string, over: Partial<Outcome> = {}) =>
  ({
    event_id: eventId,
    tenant_id: 'acme',
    env: 'prod',
    run_id: RUN,
    step_id: null,
    repeat: false,
    first_event_id: eventId,
    outcome: 'applied',
    run_sequence: 1,
    room_sequence: null,
    ...over,
  }) as Outcome;
const own = (hash: string) => ({ env: 'prod', hash });
const hashOf = (data: object) => hashTypeAndData('run.started', canonicalize(data));

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms, 'still waiting'));

describe('waiting for outcomes', () => {
  it('takes the word of the feed, for the tenant that it is about', async () => {
    const { waits, tell } = make();
    const id = newEventId();
    const wait = waits.begin('acme', [{ eventId: id }], 1000, HERE);
    tell(applied(id, { tenant_id: 'other' }));
    expect(waits.size).toBe(1);
    tell(applied(id));

    expect((await wait.done)[0]?.outcome).toEqual(applied(id));
    expect(waits.size).toBe(0);
  });

  it('takes the word of the commit, with the resource, and lets the feed repeat it', async () => {
    const { waits, tell, notice } = make();
    const id = newEventId();
    const resource = { run: { run_id: RUN } } as unknown as OutcomeNotice['resource'];
    const wait = waits.begin('acme', [{ eventId: id }], 1000, HERE);
    notice(applied(id, { tenant_id: 'other' }), {});
    expect(waits.size).toBe(1);
    notice(applied(id), {}, resource);
    tell(applied(id), {}, true);

    expect(await wait.done).toEqual([{ outcome: applied(id), resource }]);
    expect(waits.size).toBe(0);
  });

  it('takes a noticed outcome from the feed where the notice was missed', async () => {
    const { waits, tell } = make();
    const id = newEventId();
    const wait = waits.begin('acme', [{ eventId: id }], 1000, HERE);
    tell(applied(id), {}, true);
    expect((await wait.done)[0]?.outcome).toEqual(applied(id));
  });

  it('knows of two submissions of one id which one a notice is about', async () => {
    const { waits, tell, notice, reads } = make();
    const id = newEventId();
    const begin = (data: object) => waits.begin('acme', [{ eventId: id, own: own(hashOf(data)) }], 1000, HERE);
    const [one, other] = [begin({ a: 1 }), begin({ a: 2 })];
    const refused = { outcome: 'rejected', reason: 'event.id_reused', current: null, version: null } as const;
    notice({ ...applied(id), ...refused } as Outcome, { a: 2 });
    expect((await other.done)[0]?.outcome).toMatchObject(refused);
    // What the feed says of a submission that was told is nobody else's word.
    tell(applied(id), { a: 1 }, true);
    expect([waits.size, reads()]).toEqual([1, 0]);
    notice(applied(id, { repeat: true }), { a: 1 });
    expect((await one.done)[0]?.outcome).toMatchObject({ outcome: 'applied', repeat: true });
  });

  it('addresses events to its channel, and to none while nobody listens', () => {
    const [heard, unheard]: { replyto?: string }[] = [{}, {}];
    make({ channel: 'a_channel' }).waits.address(heard!);
    make().waits.address(unheard!);
    expect([heard, unheard]).toEqual([{ replyto: 'a_channel' }, {}]);
  });

  it('waits for every event of a batch, in its order', async () => {
    const { waits, tell } = make();
    const ids = [newEventId(), newEventId(), newEventId()];
    const wait = waits.begin(
      'acme',
      ids.map((eventId) => ({ eventId })),
      1000,
      HERE,
    );
    for (const id of [...ids].reverse()) tell(applied(id));

    expect((await wait.done).map((settled) => settled?.outcome.event_id)).toEqual(ids);
  });

  it('asks PostgreSQL where the feed is silent', async () => {
    const { waits, stored } = make();
    const id = newEventId();
    stored.set(id, { hash: '', outcome: applied(id) });

    expect((await waits.begin('acme', [{ eventId: id }], 1000, HERE).done)[0]?.outcome).toEqual(applied(id));
  });

  it('gives up after its time, having asked twice, also when PostgreSQL fails', async () => {
    const { waits, reads } = make({ outcomesOf: () => Promise.reject(new Error('away')) });

    const wait = waits.begin('acme', [{ eventId: newEventId() }], 200, HERE);
    wait.sent();
    expect(await wait.done).toEqual([undefined]);
    expect(reads()).toBe(2);
    expect(waits.size).toBe(0);
  });

  it.each([1, 2])('hears out a question that is open at its end, and asks again: answer %d has it', async (answer) => {
    const id = newEventId();
    let asked = 0;
    const { waits } = make({
      outcomesOf: async () => {
        const known = ++asked === answer ? [[id, { hash: '', outcome: applied(id) }] as const] : [];
        await pause(200);
        return new Map(known);
      },
    });
    const wait = waits.begin('acme', [{ eventId: id }], 100, HERE);
    wait.sent();

    expect((await wait.done)[0]?.outcome).toEqual(applied(id));
    expect(asked).toBe(answer);
  });

  it('waits for PostgreSQL no longer than a bound, whichever question is open', async () => {
    const { waits } = make({ outcomesOf: () => new Promise(() => undefined) });
    const wait = waits.begin('acme', [{ eventId: newEventId() }], 100, HERE);
    wait.sent();
    const fromMs = Date.now();

    expect(await wait.done).toEqual([undefined]);
    expect(Date.now() - fromMs).toBeLessThan(4000);
  });

  it('has nothing pending before Kafka has it, and asks once more after that', async () => {
    const { waits, reads } = make();
    const wait = waits.begin('acme', [{ eventId: newEventId() }], 20, HERE);
    expect(await Promise.race([wait.done, pause(150)])).toBe('still waiting');
    expect(reads()).toBe(1);
    wait.sent();

    expect(await wait.done).toEqual([undefined]);
    expect(reads()).toBe(2);
  });

  it('takes an outcome that is told after its time, while the event is on its way', async () => {
    const { waits, tell } = make();
    const id = newEventId();
    const wait = waits.begin('acme', [{ eventId: id }], 20, HERE);
    expect(await Promise.race([wait.done, pause(100)])).toBe('still waiting');
    tell(applied(id));

    expect((await wait.done)[0]?.outcome).toEqual(applied(id));
  });

  it.each(['its time', 'a drain'])('fails with a send that outlasts %s', async (what) => {
    const { waits } = make();
    const wait = waits.begin('acme', [{ eventId: newEventId() }], what === 'a drain' ? 60_000 : 20, HERE);
    const drained = what === 'a drain' ? waits.drain(20) : undefined;
    expect(await Promise.race([wait.done, pause(100)])).toBe('still waiting');
    wait.fail(new Error('not acknowledged'));

    await expect(wait.done).rejects.toThrow('not acknowledged');
    await drained;
    expect(waits.size).toBe(0);
  });

  it('does not take the outcome of other data under the same id for its own', async () => {
    const { waits, tell, stored, reads } = make();
    const id = newEventId();
    const begin = () => waits.begin('acme', [{ eventId: id, own: own(hashOf({ ours: 1 })) }], 1000, HERE);
    const [told, untold] = [begin(), begin()];
    tell(applied(id), { theirs: 1 });
    expect([waits.size, reads()]).toEqual([2, 0]);
    const refused = { outcome: 'rejected', reason: 'event.id_reused', current: null, version: null } as const;
    tell({ ...applied(id), ...refused } as Outcome, { ours: 1 });
    expect((await told.done)[0]?.outcome).toMatchObject(refused);
    // Without word PostgreSQL has theirs.
    stored.set(id, { hash: hashOf({ theirs: 1 }), outcome: applied(id) });
    expect((await untold.done)[0]?.outcome).toMatchObject(refused);
  });

  it('does not take the outcome of another env under the same id for its own', async () => {
    const { waits, tell, stored } = make();
    const id = newEventId();
    const begin = () => waits.begin('acme', [{ eventId: id, own: own(hashOf({ ours: 1 })) }], 1000, HERE);
    const [told, untold] = [begin(), begin()];
    tell(applied(id, { env: 'staging' }), { ours: 1 });
    expect(waits.size).toBe(2);
    tell(applied(id), { ours: 1 });
    expect((await told.done)[0]?.outcome).toEqual(applied(id));
    stored.set(id, { hash: hashOf({ ours: 1 }), outcome: applied(id, { env: 'staging' }) });
    expect((await untold.done)[0]?.outcome).toMatchObject({ outcome: 'rejected', reason: 'event.id_reused' });
  });

  it('answers a repeat under the same id with the first outcome', async () => {
    const { waits, tell } = make();
    const id = newEventId();
    const wait = waits.begin('acme', [{ eventId: id, own: own(hashOf({ ours: 1 })) }], 1000, HERE);
    tell(applied(id, { repeat: true }), { ours: 1 });

    expect((await wait.done)[0]?.outcome).toEqual(applied(id, { repeat: true }));
  });

  it('lets go of a caller who is gone', async () => {
    const { waits } = make();
    await waits.begin('acme', [{ eventId: newEventId() }], 60_000, () => true).done;
    expect(waits.size).toBe(0);
  });

  it('refuses more waits than it may hold', () => {
    const { waits } = make({ waitsMax: 1 });
    waits.begin('acme', [{ eventId: newEventId() }], 50, HERE);
    expect(() => waits.begin('acme', [{ eventId: newEventId() }], 50, HERE)).toThrow('nothing was taken');
  });

  it('ends all of them when the gateway drains', async () => {
    const { waits } = make();
    const wait = waits.begin('acme', [{ eventId: newEventId() }], 60_000, HERE);
    wait.sent();
    await waits.drain(50);
    expect(await wait.done).toEqual([undefined]);
  });
});
