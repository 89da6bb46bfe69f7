import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holderOf, lock, tryLock } from './lock.mjs';

describe('a lock file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'runspine-lock-'));
    path = join(folder, 'deep', 'start.lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is held by one at a time, who says who they are', () => {
    const held = tryLock(path, { address: 'http://127.0.0.1:8080' });
    expect(tryLock(path)).toBeUndefined();
    expect(holderOf(path)).toMatchObject({ address: 'http://127.0.0.1:8080', processes: [{ pid: process.pid }] });
    held?.release();
    expect(holderOf(path)).toBeUndefined();
    tryLock(path)?.release();
  });

  it('of a process that is gone is cleared away', () => {
    const { pid } = spawnSync('true');
    tryLock(path)?.release();
    writeFileSync(path, JSON.stringify({ processes: [{ pid, started: '1' }] }));
    expect(holderOf(path)).toBeUndefined();
    expect(tryLock(path)).toBeDefined();
  });

  it('is not taken for held when the number of its process was given to another', () => {
    tryLock(path)?.release();
    writeFileSync(path, JSON.stringify({ processes: [{ pid: process.pid, started: '1' }] }));
    expect(holderOf(path)).toBeUndefined();
  });

  it('that is damaged is cleared away', () => {
    tryLock(path)?.release();
    writeFileSync(path, '{"proc');
    expect(tryLock(path)).toBeDefined();
  });

  it('is waited for, within a bound', async () => {
    const held = tryLock(path);
    await expect(lock(path, { waitMs: 50 })).rejects.toThrow('still held');
    setTimeout(() => held?.release(), 50);
    (await lock(path, { waitMs: 5000 })).release();
    expect(existsSync(path)).toBe(false);
  });
});
