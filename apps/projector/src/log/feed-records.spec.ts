import { describe, expect, it } from '@jest/globals';
import { newEventId } from '@runspine/contracts';
import type { Told } from '../runs/fold-batch.js';
import { recordsOf } from './feed-records.js';

/** An outcome of a run whose event's data is `text`. */
function told(run: string, text = '', more: Partial<Told> = {}): Told {
  const event_id = newEventId();
  return {
    entry: {
      event: { id: event_id, partitionkey: `acme/${run}` },
      hash: 'a'.repeat(64),
      dataText: JSON.stringify({ run_id: run, text }),
    },
    outcome: { event_id, tenant_id: 'acme', env: 'default', run_id: run, outcome: 'applied' },
    event: { event_id, run_id: run, type: 'run.started', data: { run_id: run, text } },
    after: undefined,
    noticed: false,
    ...more,
  } as unknown as Told;
}

interface Value {
  outcome: { event_id: string };
  event?: { data: { text: string } };
}
const read = (value: unknown) => (JSON.parse(String(value)) as { outcomes: Value[] }).outcomes;
const idsOf = (value: unknown) => read(value).map(({ outcome }) => outcome.event_id);

describe('records of the feed', () => {
  it('are none of no outcomes', () => {
    expect(recordsOf('feed', 3, [])).toEqual([]);
  });

  it('are one a run, in the order of the log', () => {
    const batch = ['a', 'b', 'a', 'c', 'b'].map((run) => told(run));
    const records = recordsOf('feed', 3, batch);
    expect(records.map(({ topic, partition, key }) => [topic, partition, key])).toEqual(
      ['a', 'b', 'c'].map((run) => ['feed', 3, `acme/${run}`]),
    );
    expect(records.map(({ headers }) => headers!.ce_subject)).toEqual(['a', 'b', 'c']);
    const ids = batch.map(({ outcome }) => outcome.event_id);
    expect(records.map(({ value }) => idsOf(value))).toEqual([[ids[0], ids[2]], [ids[1], ids[4]], [ids[3]]]);
  });

  it('say the whole event, whatever its script', () => {
    const text = 'ärger "面包" 🥖\n';
    const one = told('a', text);
    const [record] = recordsOf('feed', 0, [one, told('a', '☃'.repeat(100_000))]);
    expect(read(record!.value)[0]).toEqual({ outcome: one.outcome, hash: one.entry.hash, event: one.event });
    expect(read(record!.value)[1]!.event!.data.text).toBe('☃'.repeat(100_000));
  });

  it('say no event where none was applied', () => {
    const [record] = recordsOf('feed', 0, [told('a', '', { event: undefined })]);
    expect(read(record!.value)).toEqual([{ outcome: expect.anything() as unknown, hash: 'a'.repeat(64) }]);
  });

  it('say the resource as it is where somebody asked for it, unless their commit told it or it is too large', () => {
    const asking = (name: string, noticed: boolean) => {
      const one = told('a', '', { noticed, after: { run: { run_id: 'a', name }, step: undefined } as never });
      one.entry.event.reply = 'resource';
      return one;
    };
    const [record] = recordsOf('feed', 0, [
      asking('here', false),
      asking('told', true),
      asking('x'.repeat(64 * 1024), false),
    ]);
    const [here, noticed, large] = read(record!.value);
    expect(here).toMatchObject({ resource: { run: { name: 'here' } } });
    expect(here).not.toHaveProperty('noticed');
    expect(noticed).toMatchObject({ noticed: true });
    for (const one of [noticed, large]) expect(one).not.toHaveProperty('resource');
  });

  it('are cut where they grow too large, and one that is larger alone goes alone', () => {
    const batch = [100, 200_000, 50_000, 20_000, 300_000, 100].map((length) => told('a', 'x'.repeat(length)));
    const ids = batch.map(({ outcome }) => outcome.event_id);
    const records = recordsOf('feed', 0, [...batch, told('b')]);
    expect(records.map(({ value }) => idsOf(value)).slice(0, 4)).toEqual([
      ids.slice(0, 3),
      ids.slice(3, 4),
      ids.slice(4, 5),
      ids.slice(5),
    ]);
    expect(records[4]!.key).toBe('acme/b');
  });

  it('keep their bytes when the next ones are made', () => {
    const first = recordsOf('feed', 0, [told('a', 'first')]);
    const before = String(first[0]!.value);
    recordsOf('feed', 0, [told('b', 'x'.repeat(5000))]);
    expect(String(first[0]!.value)).toBe(before);
  });
});
