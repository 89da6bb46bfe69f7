import { appendFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Delivered } from './delivery.js';
import { lineOf } from './wire-event.js';

const BYTES_MAX = 16 * 1024 * 1024;

/** Keeps events that the gateway refused for what they are, for people to look at: `refused.ndjson` in the spool. */
export async function keepRefused(folder: string, refused: Delivered['refused']): Promise<void> {
  const path = join(folder, 'refused.ndjson');
  await mkdir(folder, { recursive: true });
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  );
  if (size > BYTES_MAX) return;
  await appendFile(path, refused.map(({ event }) => `${lineOf(event)}\n`).join(''), { mode: 0o600 });
}
