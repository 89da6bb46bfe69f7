import { expect, it } from '@jest/globals';
import { persist } from './persist.js';

const away = new Error('away');

it('goes on until it succeeds, and waits longer each time', async () => {
  const waits: number[] = [];
  let attempts = 0;
  const attempt = async () => {
    attempts += 1;
    if (attempts < 3) throw away;
    return 'here';
  };

  expect(await persist(attempt, { onFault: (error, waitMs) => (expect(error).toBe(away), waits.push(waitMs)) })).toBe(
    'here',
  );
  expect(waits).toEqual([100, 200]);
});

it('throws what no further attempt would mend, and tells nobody', async () => {
  let told = 0;
  const attempt = () => Promise.reject(away);

  await expect(persist(attempt, { isFinal: (error) => error === away, onFault: () => (told += 1) })).rejects.toBe(away);
  expect(told).toBe(0);
});

it('ends at once when told to, also while it waits', async () => {
  const stopping = new AbortController();
  let attempts = 0;
  const attempt = () => ((attempts += 1), Promise.reject(away));

  expect(await persist(attempt, { signal: stopping.signal, onFault: () => stopping.abort() })).toBeUndefined();
  expect(attempts).toBe(1);
  expect(await persist(attempt, { signal: stopping.signal, onFault: () => undefined })).toBeUndefined();
  expect(attempts).toBe(1);
});
