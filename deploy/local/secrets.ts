import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Advice } from './terminal.mjs';

const KEY_BYTES = 32;
const NAMES = ['RUNSPINE_JOURNAL_KEY', 'RUNSPINE_SIGNING_KEY', 'POSTGRES_PASSWORD'] as const;

/** What must stay the same from start to start: the journal's chain is keyed with one of them. */
export type Secrets = Record<(typeof NAMES)[number], string>;

/** The secrets of a data folder, made at the first start, readable by their owner only. */
export function openSecrets(dataDir: string): Secrets {
  const path = join(dataDir, 'secrets.json');
  const known = read(path);
  const complete = NAMES.every((name) => known[name]);
  const secrets = Object.fromEntries(
    NAMES.map((name) => [name, known[name] ?? randomBytes(KEY_BYTES).toString('hex')]),
  );
  if (!complete) {
    writeFileSync(`${path}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  chmodSync(path, 0o600);
  return secrets as Secrets;
}

/** A damaged file is not replaced silently: what was recorded with its keys could no longer be verified. */
function read(path: string): Partial<Secrets> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    return JSON.parse(text) as Partial<Secrets>;
  } catch {
    throw new Advice(
      `${path} is damaged. Put back a copy of it; or, to begin afresh without what was recorded, move the data folder away.`,
    );
  }
}
