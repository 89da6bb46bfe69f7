import { EMBEDDING, spaceKey } from './spaces.fixture.ts';
import { logOf } from './space-log.fixture.ts';
import { SpaceStore } from './space-store.ts';

// A writer process: replays a space's log from offset zero, some changes a commit, and says each that is committed.
const [root = '', size = '0', aCommit = '1'] = process.argv.slice(2);
const store = new SpaceStore(async () => ({ uri: root }));
const log = logOf(Number(size));
for (let from = 0; from < log.length; from += Number(aCommit)) {
  await store.commit(spaceKey(), EMBEDDING, log.slice(from, from + Number(aCommit)));
  process.stdout.write(`${from}\n`);
}
