import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { commandLine } from './run-fields.js';
import { TrackerFixture } from './tracker.fixture.js';

let at: TrackerFixture;

beforeEach(async () => {
  at = await TrackerFixture.start();
});

afterEach(() => at.remove());

describe('trackStage', () => {
  it('says that a fingerprint is unknown, with a time, where there is none', async () => {
    const tracking = at.tracker();
    await tracking.trackStage({ stage: 's', input: Promise.resolve(1) }, () => 1);
    await tracking.flush();

    expect(at.gateway.events[0]!.data.input_fingerprint).toMatch(/^unknown:\d{4}-/);
    expect(at.warnings).toEqual(['a fingerprint could not be made']);
  });

  it('keeps what no event holds out of the output, so that no checkpoint stands on it', async () => {
    const tracking = at.tracker();
    await tracking.trackStage({ stage: 's' }, () => ({ at: new Date(0) }));
    await tracking.trackStage({ stage: 's' }, () => Array.from({ length: 50_000 }, (_, row) => ({ row })));
    await tracking.trackStage({ stage: 's' }, () => 'x'.repeat(100_000));
    await tracking.trackStage({ stage: 's', recordOutput: false, recordInput: false, input: 'secret' }, () => 'secret');
    await tracking.trackStage({ stage: 's', input: { list: 'y'.repeat(20_000) } }, () => undefined);
    await tracking.flush();

    const completed = at.gateway.events.filter(({ type }) => type === 'run.completed').map(({ data }) => data);
    expect(completed.map((data) => 'output' in data)).toEqual([false, false, false, false, false]);
    expect(completed[0]!.output_preview).toEqual({ at: '1970-01-01T00:00:00.000Z' });
    expect(completed[1]!.output_preview).toEqual({ summarised: true, rows: 50_000, first: { row: 0 } });
    expect(JSON.stringify(at.gateway.events)).not.toContain('secret');
    expect(at.gateway.events.filter(({ type }) => type === 'run.created').at(-1)!.data.input).toEqual({
      summarised: true,
      keys: ['list'],
    });
  });

  it('bears values that throw when they are looked at', async () => {
    const tracking = at.tracker();
    const trap = {
      get bad(): never {
        throw new Error('no');
      },
    };

    expect(await tracking.trackStage({ stage: 's', input: trap, config: trap }, () => trap)).toBe(trap);
    expect(await tracking.flush()).toBe(true);
    expect(at.gateway.events.at(-1)!.type).toBe('run.completed');
  });

  it('shows nothing of objects of classes, which may hold anything', async () => {
    class Connection {
      password = 'hunter2';
    }
    const tracking = at.tracker();
    await tracking.trackStage({ stage: 's', input: { db: new Connection() } }, (run) =>
      run.task({ name: 't', inputs: [new Connection()] }, () => new Connection()),
    );
    await tracking.flush();

    expect(JSON.stringify(at.gateway.requests.map(({ body }) => body))).not.toContain('hunter2');
    expect(at.gateway.events.find(({ type }) => type === 'step.inputs_resolved')!.data.inputs).toEqual({
      summarised: true,
      rows: 1,
    });
  });

  it('masks what looks like a secret in the command line', () => {
    const words = ['node', 'job.js', '--api-key=abc', '--token', 'abc', '--depth', '3', '--auth', '--quiet', "it's"];
    expect(commandLine(words)).toBe(
      "node job.js --api-key=*** --token '***' --depth 3 --auth --quiet 'it'\\''s'".replace("'***'", '***'),
    );
  });
});
