import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Advice } from './terminal.mjs';

/** The clone. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The folders of one data folder. */
export interface Folders {
  data: string;
  logs: string;
}

/** Makes a data folder ready. Throws an Advice when it may not be written. */
export function openFolders(data: string): Folders {
  const logs = join(data, 'logs');
  try {
    mkdirSync(logs, { recursive: true });
    closeSync(openSync(join(logs, 'start.log'), 'a'));
  } catch (error) {
    throw new Advice(
      `The data folder ${data} may not be written (${(error as NodeJS.ErrnoException).code}): it may belong to another user.\n` +
        `Run as that user, remove it, or choose another: RUNSPINE_DATA_DIR=/path npm start`,
    );
  }
  return { data, logs };
}

/** Opens a fresh log; the one before it is kept as `.1`, so that a log never outgrows two runs. */
export function openLog(path: string): number {
  if (existsSync(path)) renameSync(path, `${path}.1`);
  return openSync(path, 'a');
}

/** The last lines of a log, for a message that says what went wrong. */
export function tailOf(path: string, lines = 20): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}
