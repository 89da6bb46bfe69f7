import { expect, it } from '@jest/globals';
import { consumerCheck } from './consumer-check.js';

const running = { partition: 0, state: 'running' };

it('is ready once a member of its group that reads what it was given', () => {
  expect(consumerCheck({ joined: true, ready: true, partitions: [running] })).toEqual({
    ok: true,
    detail: '1 partitions',
  });
  expect(consumerCheck({ joined: true, ready: false, partitions: [{ partition: 0, state: 'assigned' }] }).ok).toBe(
    false,
  );
});

it.each([undefined, { joined: false, ready: false, partitions: [] }])('is not ready before it joined: %j', (state) =>
  expect(consumerCheck(state)).toEqual({ ok: false, detail: 'not a member of its group yet' }),
);

it('names each partition that stopped or fails, and why', () => {
  const partitions = [
    running,
    { partition: 1, state: 'stopped', error: 'log mismatch' },
    { partition: 2, state: 'retrying', error: 'no answer' },
  ];

  expect(consumerCheck({ joined: true, ready: true, partitions })).toEqual({
    ok: false,
    detail: 'partition 1: log mismatch; partition 2: no answer',
  });
});
