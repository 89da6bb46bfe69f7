import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fail, json } from '../gateway.fixture.js';
import { CLEAN, TrackerFixture } from './tracker.fixture.js';

let at: TrackerFixture;

beforeEach(async () => {
  at = await TrackerFixture.start();
});

afterEach(() => at.remove());

describe('trackStage', () => {
  it('on a checkpoint hit gives its output, does not run the stage, and records it as such', async () => {
    const tracking = at.tracker();
    const options = { stage: 'embed', input: [1, 2], checkpoint: true, config: { a: 1 } };
    let fingerprint = '';
    at.gateway.handler = ({ path }, response) => {
      if (!path.startsWith('/v1/checkpoints/')) return false;
      fingerprint = decodeURIComponent(path.slice('/v1/checkpoints/'.length).split('?')[0]!);
      expect(path).toContain('stage=embed');
      return json(response, 200, {
        run_id: `run_${'a'.repeat(32)}`,
        status: 'completed',
        source: 'executed',
        input_fingerprint: fingerprint,
        output: { rows: [7] },
      });
    };
    let ran = 0;
    const output = await tracking.trackStage(options, () => ran++);
    await tracking.flush();

    expect({ output, ran }).toEqual({ output: { rows: [7] }, ran: 0 });
    expect(at.gateway.events.map(({ type }) => type)).toEqual(['run.created', 'run.started', 'run.completed']);
    expect(at.gateway.events[0]!.data.input_fingerprint).toBe(fingerprint);
    expect(at.gateway.events[2]!.data).toMatchObject({
      source: 'checkpoint',
      checkpoint_run_id: `run_${'a'.repeat(32)}`,
    });
  });

  it.each([
    ['there is none', { code: 404 }],
    ['the gateway is at fault', { code: 500 }],
    ['it has no output', { body: { output: null } }],
    ['it was a checkpoint itself', { body: { source: 'checkpoint' } }],
    ['it is of something else', { body: { input_fingerprint: 'sha256:0' } }],
  ])('runs the stage when %s', async (_, { code, body }: { code?: number; body?: object }) => {
    const tracking = at.tracker();
    at.gateway.handler = ({ path }, response) => {
      if (!path.startsWith('/v1/checkpoints/')) return false;
      if (code) return fail(response, code, code === 404 ? 'checkpoint.not_found' : 'service.internal');
      const input_fingerprint = decodeURIComponent(path.slice(16).split('?')[0]!);
      return json(response, 200, {
        run_id: 'r',
        status: 'completed',
        source: 'executed',
        input_fingerprint,
        output: 1,
        ...body,
      });
    };

    expect(await tracking.trackStage({ stage: 's', input: 1, checkpoint: true }, () => 'ran')).toBe('ran');
    expect(at.warnings).toHaveLength(code === 500 ? 1 : 0);
  });

  it.each([
    ['neither input nor key', {}, CLEAN, 'no checkpoint is looked for: the stage names neither input nor key'],
    ['a tree with changes', { input: 1 }, `${CLEAN}-dirty`, 'no checkpoint is looked for: the tree has changes'],
    ['no version of the code', { input: 1 }, 'unknown', 'no checkpoint is looked for: there is no commit'],
    ['an input without a hash', { input: () => 1 }, CLEAN, 'a fingerprint could not be made'],
  ])('looks for no checkpoint with %s, and says so once', async (_, options, codeRef, said) => {
    const tracking = at.tracker({ codeRef });

    for (let time = 0; time < 2; time++) {
      expect(await tracking.trackStage({ stage: 's', checkpoint: true, ...options }, () => 'ran')).toBe('ran');
    }
    expect(at.gateway.requests.filter(({ path }) => path.includes('checkpoints'))).toEqual([]);
    expect(at.warnings).toEqual([expect.stringContaining(said)]);
  });

  it('finds a checkpoint by a key of the caller, whatever the input is', async () => {
    const tracking = at.tracker();
    at.gateway.handler = ({ path }, response) => {
      if (!path.startsWith('/v1/checkpoints/')) return false;
      const input_fingerprint = decodeURIComponent(path.slice(16).split('?')[0]!);
      return json(response, 200, { run_id: 'r', status: 'completed', source: null, input_fingerprint, output: 5 });
    };

    expect(await tracking.trackStage({ stage: 's', checkpoint: true, key: 'day-1', input: () => 1 }, () => 'ran')).toBe(
      5,
    );
  });

  it('waits for a checkpoint 250 ms at most', async () => {
    const tracking = at.tracker();
    at.gateway.behaviour = 'hangs';
    const beganMs = performance.now();
    const output = await tracking.trackStage({ stage: 's', input: 1, checkpoint: true }, () => 'ran');
    const tookMs = performance.now() - beganMs;
    at.gateway.behaviour = 'well';

    expect(output).toBe('ran');
    expect(tookMs).toBeLessThan(2000);
    expect(at.warnings).toContain('checkpoints cannot be looked up; stages run');
  });
});
