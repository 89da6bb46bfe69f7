import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, startOf } from './processes.mjs';

const RETRY_MS = 200;
let takes = 0;

/** Who holds the lock: its content, when one of the processes it names still runs. */
export function holderOf(path) {
  const content = read(path);
  if (content === undefined) return undefined;
  const holder = parse(content);
  return holder.processes.some(({ pid, started }) => isAlive(pid, started)) ? holder : undefined;
}

/** Takes the lock if nobody living holds it; a lock left by a process that is gone is cleared away. */
export function tryLock(path, note = {}) {
  mkdirSync(dirname(path), { recursive: true });
  const processes = [{ pid: process.pid, started: startOf(process.pid) }];
  const draft = `${path}.${process.pid}-${++takes}`;
  const write = () => writeFileSync(draft, JSON.stringify({ ...note, processes }));
  write();
  try {
    if (!place(draft, path)) {
      clearStale(path);
      if (!place(draft, path)) return undefined;
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    /** Another process that works under this lock: it counts as held while that one runs. */
    share(pid) {
      processes.push({ pid, started: startOf(pid) });
      write();
      renameSync(draft, path);
    },
    release() {
      rmSync(path, { force: true });
    },
  };
}

/** Takes the lock, waiting for whoever holds it. Throws after `waitMs`. */
export async function lock(path, { waitMs, onWait = () => undefined }) {
  const deadline = Date.now() + waitMs;
  let told = false;
  for (;;) {
    const taken = tryLock(path);
    if (taken) return taken;
    if (Date.now() > deadline)
      throw new Error(`${path} is still held by another process; stop it, or remove that file.`);
    if (!told) onWait(holderOf(path));
    told = true;
    await sleep(RETRY_MS);
  }
}

function place(draft, path) {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Two that find the same stale lock: the rename lets one win; whoever moved a fresh one by mistake puts it back. */
function clearStale(path) {
  const seen = read(path);
  if (seen === undefined || holderOf(path)) return;
  const aside = `${path}.stale-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (read(aside) !== seen) place(aside, path);
  rmSync(aside, { force: true });
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(content) {
  try {
    const holder = JSON.parse(content);
    return Array.isArray(holder.processes) ? holder : { processes: [] };
  } catch {
    return { processes: [] };
  }
}
