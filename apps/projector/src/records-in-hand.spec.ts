import { describe, expect, it } from '@jest/globals';
import { RecordsInHand } from './records-in-hand.js';

/** Work that ends when it is told to. */
function work(log: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const begin = () => {
    log.push(name);
    return promise;
  };
  return { begin, end: () => resolve(name), fail: (error: Error) => reject(error) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('RecordsInHand', () => {
  it('lets in what fits, and the rest in the order of arrival', async () => {
    const inHand = new RecordsInHand(10);
    const log: string[] = [];
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => work(log, name));
    const done = [
      inHand.hold(6, a!.begin),
      inHand.hold(4, b!.begin),
      inHand.hold(5, c!.begin),
      inHand.hold(1, d!.begin),
    ];
    await turn();
    expect(log).toEqual(['a', 'b']);
    b!.end();
    await turn();
    // The fourth would fit beside the first, and waits behind the third.
    expect(log).toEqual(['a', 'b']);
    a!.end();
    await turn();
    expect(log).toEqual(['a', 'b', 'c', 'd']);
    c!.end();
    d!.end();
    expect(await Promise.all(done)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets in what is larger than the bound alone', async () => {
    const inHand = new RecordsInHand(10);
    const log: string[] = [];
    const [small, large, after] = ['small', 'large', 'after'].map((name) => work(log, name));
    const done = [inHand.hold(1, small!.begin), inHand.hold(50, large!.begin), inHand.hold(1, after!.begin)];
    await turn();
    expect(log).toEqual(['small']);
    small!.end();
    await turn();
    expect(log).toEqual(['small', 'large']);
    large!.end();
    await turn();
    expect(log).toEqual(['small', 'large', 'after']);
    after!.end();
    await Promise.all(done);
  });

  it('gives room back after work that fails, whose error it passes on', async () => {
    const inHand = new RecordsInHand(1);
    const log: string[] = [];
    const [bad, good] = [work(log, 'bad'), work(log, 'good')];
    const failing = inHand.hold(1, bad.begin);
    const following = inHand.hold(1, good.begin);
    bad.fail(new Error('broken'));
    await expect(failing).rejects.toThrow('broken');
    good.end();
    await expect(following).resolves.toBe('good');
  });
});
