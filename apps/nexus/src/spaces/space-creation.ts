import type { Table } from '@lancedb/lancedb';
import { commitRowId, type CommitName } from './commit-chain.js';
import { COLUMN, sqlText } from './space-schema.js';
import { isConflict } from './space-tables.js';

const ATTEMPTS_MAX = 12;
const BACKOFF_MS = 40;

/**
 * LanceDB looks whether there is a table, and then makes it: of two that make one at once, the later overwrites the
 * first commit of the earlier, which has been answered. What was overwritten is put back beside what is there now. That
 * is a fork, which is then repaired as any other. `made` is our first commit.
 */
export async function putBackOverwritten(table: Table, made: CommitName): Promise<void> {
  const madeAt = await firstVersionWith(table, commitRowId(made));
  if (madeAt === 1) return table.checkoutLatest();
  await table.checkout(madeAt - 1);
  const overwritten = await table.query().toArrow();
  for (let attempt = 1; ; attempt++) {
    try {
      await table.checkoutLatest();
      await table.add(overwritten);
      return;
    } catch (error) {
      // A third that makes the space is in the way; nobody else puts this back.
      if (attempt >= ATTEMPTS_MAX || !isConflict(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS * attempt * Math.random()));
    }
  }
}

async function firstVersionWith(table: Table, id: string): Promise<number> {
  const versions = (await table.listVersions()).map(({ version }) => version).sort((one, other) => one - other);
  for (const version of versions) {
    await table.checkout(version);
    if ((await table.countRows(`${COLUMN.id} = ${sqlText(id)}`)) > 0) return version;
  }
  throw new Error('conflict: the space was made anew while it was made');
}
