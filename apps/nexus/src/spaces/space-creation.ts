import type { Table } from '@lancedb/lancedb';
import { commitRowId, type CommitName } from './commit-chain.js';
import { COLUMN, sqlText } from './space-schema.js';

/**
 * LanceDB looks whether there is a table, and then makes it: of two that make one at once, the later overwrites the
 * first commit of the earlier, which has been answered. What was overwritten is put back beside what is there now. That
 * is a fork, which is then repaired as any other. `made` is our first commit.
 */
export async function putBackOverwritten(table: Table, made: CommitName): Promise<void> {
  const madeAt = await firstVersionWith(table, commitRowId(made));
  if (madeAt > 1) {
    await table.checkout(madeAt - 1);
    const overwritten = await table.query().toArrow();
    await table.checkoutLatest();
    await table.add(overwritten);
  } else await table.checkoutLatest();
}

async function firstVersionWith(table: Table, id: string): Promise<number> {
  const versions = (await table.listVersions()).map(({ version }) => version).sort((one, other) => one - other);
  for (const version of versions) {
    await table.checkout(version);
    if ((await table.countRows(`${COLUMN.id} = ${sqlText(id)}`)) > 0) return version;
  }
  throw new Error('conflict: the space was made anew while it was made');
}
