import { existsSync, readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';

/**
 * When a process began, in the kernel's ticks, so that a number used again by another process is not mistaken for it.
 * Empty where the system does not tell (macOS): then the number alone decides.
 */
export function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** Whether this very process still runs; a zombie does not. */
export function isAlive(pid, started = '') {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  if (isZombie(pid)) return false;
  return started === '' || startOf(pid) === started;
}

function isZombie(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z';
  } catch {
    return false;
  }
}

/** Sends a signal to one process, or with `group` to its whole process group. False when there is none. */
export function signal(pid, name, group = false) {
  try {
    process.kill(group ? -pid : pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Processes that were started with this setting (`NAME=value`) in their environment. None where the system does not tell (macOS). */
export function startedWith(setting) {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(setting))
    .map(Number);
}

function environmentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
