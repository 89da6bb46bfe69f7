import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openFolders } from './folders.ts';
import { Launch } from './launch.ts';
import { PortMemory } from './ports.ts';
import { openSecrets } from './secrets.ts';
import { startServers } from './servers.ts';
import { say, showFault } from './terminal.mjs';

/**
 * Servers for the time of one command, in a temporary folder of their own and on free ports (or those of KAFKA_BROKERS
 * and DATABASE_URL); then the command's work; then nothing of them is left. Never returns: it exits with what `work`
 * gives.
 */
export async function withServers(
  { name, passing }: { name: string; passing: boolean },
  work: (launch: Launch, env: NodeJS.ProcessEnv, folder: string) => Promise<number>,
): Promise<never> {
  const folder = mkdtempSync(join(tmpdir(), `runspine-${name}-`));
  // PostgreSQL may run as another user, who must get through.
  chmodSync(folder, 0o711);
  const folders = openFolders(folder);
  const launch = new Launch(folders, { quiet: true });
  launch.children.removeAtDeath(folder);
  launch.atEnd.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  launch.endOnSignals(() => 130);
  try {
    const servers = await startServers({
      children: launch.children,
      folders,
      ports: new PortMemory(folder),
      password: openSecrets(folder).POSTGRES_PASSWORD,
      passing,
    });
    if (servers.stopContainers) launch.atEnd.unshift(servers.stopContainers);
    const data = servers.postgresData;
    if (data && !data.startsWith(folder)) {
      launch.children.removeAtDeath(dirname(data));
      launch.atEnd.push(() => rmSync(dirname(data), { recursive: true, force: true }));
    }
    const env = { ...process.env, KAFKA_BROKERS: servers.brokers, DATABASE_URL: servers.databaseUrl };
    return await launch.end(await work(launch, env, folder));
  } catch (error) {
    if (!launch.isEnding) showFault(error);
    else say('Stopped.');
    return launch.end(1);
  }
}
