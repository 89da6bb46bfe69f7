import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { askLine } from './demo/answers.ts';
import { checkDocuments } from './demo/demo.ts';
import { openFolders, ROOT, type Folders } from './folders.ts';
import { Launch } from './launch.ts';
import { tryLock } from './lock.mjs';
import { PortMemory } from './ports.ts';
import { refuseSecondStart } from './preflight.mjs';
import { logOf } from './probes.ts';
import { routeToFolders } from './routes.ts';
import { openSecrets } from './secrets.ts';
import { startServers, withoutPassword, type Servers } from './servers.ts';
import { setUp, startService, type Service } from './services.ts';
import { paint, say, showFault, step } from './terminal.mjs';

/** `npm start`: servers, services and the first tracked run; then it stays until Ctrl-C. */
const { values: given } = parseArgs({
  options: { once: { type: 'boolean', default: false }, 'servers-only': { type: 'boolean', default: false } },
});
const dataDir = process.env.RUNSPINE_DATA_DIR ? resolve(ROOT, process.env.RUNSPINE_DATA_DIR) : join(ROOT, '.runspine');
const host = process.env.RUNSPINE_HOST || '127.0.0.1';
const port = process.env.RUNSPINE_PORT || '8080';
const PROJECTOR_PORT_DEFAULT = 8081;
const NEXUS_PORT_DEFAULT = 8082;

try {
  await start(openFolders(dataDir));
} catch (error) {
  showFault(error);
  process.exit(1);
}

async function start(folders: Folders): Promise<void> {
  const began = performance.now();
  const address = given['servers-only'] || port === '0' ? {} : { address: `http://${host}:${port}` };
  const lock = tryLock(join(dataDir, 'start.lock'), address);
  if (!lock) return refuseSecondStart(dataDir);

  const launch = new Launch(folders);
  launch.atEnd.push(() => lock.release());
  let settled = false;
  launch.endOnSignals(() => (settled ? 0 : 130));
  try {
    if (await launch.children.clearLeftovers()) say('✓ Ended what a start before this one had left running');
    const ports = new PortMemory(dataDir);
    const secrets = openSecrets(dataDir);
    const servers = await startServers({
      children: launch.children,
      folders,
      ports,
      password: secrets.POSTGRES_PASSWORD,
    });
    if (servers.stopContainers) launch.atEnd.unshift(servers.stopContainers);
    if (given['servers-only']) {
      showServers(servers);
    } else {
      const { RUNSPINE_JOURNAL_KEY, RUNSPINE_SIGNING_KEY } = secrets;
      const env = await environment({ RUNSPINE_JOURNAL_KEY, RUNSPINE_SIGNING_KEY }, servers, ports);
      await step('Making topics and tables ready', () => setUp(env, folders));
      const services = await step('Starting projector, nexus and gateway', () => startServices(launch, env, folders));
      const recorded = await demonstrate(services.gateway);
      if (given.once) return await launch.end(recorded ? 0 : 1);
      showAddresses(services, servers, folders, performance.now() - began);
    }
    settled = true;
    endWithAnyChild(launch);
    say(`\n${paint('bold', 'Ctrl-C stops all of it.')}`);
  } catch (error) {
    if (!launch.isEnding) showFault(error);
    await launch.end(1);
  }
}

/** What the services read: what the caller set goes before what is made here. */
async function environment(
  keys: Record<string, string>,
  servers: Servers,
  ports: PortMemory,
): Promise<NodeJS.ProcessEnv> {
  const nexusPort = String(process.env.RUNSPINE_NEXUS_PORT || (await ports.choose('nexus', NEXUS_PORT_DEFAULT)));
  const projectorPort = String(
    process.env.RUNSPINE_PROJECTOR_PORT || (await ports.choose('projector', PROJECTOR_PORT_DEFAULT)),
  );
  return {
    RUNSPINE_PROJECTOR_PORT: projectorPort,
    RUNSPINE_PROJECTOR_URL: `http://127.0.0.1:${projectorPort}`,
    RUNSPINE_NEXUS_PORT: nexusPort,
    RUNSPINE_NEXUS_URL: `http://127.0.0.1:${nexusPort}`,
    RUNSPINE_ROUTE_FILE_ROOTS: dataDir,
    ...keys,
    ...process.env,
    RUNSPINE_PORT: port,
    KAFKA_BROKERS: servers.brokers,
    DATABASE_URL: servers.databaseUrl,
  };
}

async function startServices(launch: Launch, env: NodeJS.ProcessEnv, folders: Folders) {
  const [projector, nexus, gateway] = await Promise.all([
    startService(launch.children, 'projector', { env, folders }),
    startService(launch.children, 'nexus', { env, folders }),
    startService(launch.children, 'gateway', { env, folders }),
  ]);
  await routeToFolders(gateway.address, folders.data);
  return { projector, nexus, gateway };
}

/** The stack stays up when the first run could not be recorded: the logs are there to be read. */
async function demonstrate(gateway: Service): Promise<boolean> {
  try {
    await checkDocuments({ gateway: gateway.address, root: ROOT });
    return true;
  } catch (error) {
    showFault(error);
    return false;
  }
}

function showServers(servers: Servers): void {
  say('\nFor services and tests of your own:');
  say(`  export KAFKA_BROKERS=${servers.brokers}`);
  say(`  export DATABASE_URL=${servers.databaseUrl}`);
}

function showAddresses(
  services: { projector: Service; nexus: Service; gateway: Service },
  servers: Servers,
  folders: Folders,
  tookMs: number,
): void {
  const api = services.gateway.address;
  const rows = [
    ['API', `${api}/v1/runs`],
    ['Reference', `${api}/docs`],
    ['Ask', askLine(api)],
    ['Live stream', `curl -N ${api}/v1/streams/rooms/documents`],
    ['Health', `${api}/health/ready`],
    ['Metrics', `${api}/metrics, ${services.projector.address}/metrics and ${services.nexus.address}/metrics`],
    ['Kafka', servers.brokers],
    ['PostgreSQL', `${withoutPassword(servers.databaseUrl)}`],
    ['Logs', `${relative(process.cwd(), folders.logs) || folders.logs}/`],
  ];
  say(`\n${paint('green', 'Runspine is running')}${paint('grey', `, after ${(tookMs / 1000).toFixed(1)} s.`)}`);
  for (const [name = '', value = ''] of rows) say(`  ${name.padEnd(12)} ${value}`);
}

/** One that dies takes the others with it: half a stack would only look as if it worked. */
function endWithAnyChild(launch: Launch): void {
  for (const child of launch.children.running()) {
    void child.exited.then((how) => {
      if (launch.isEnding) return;
      showFault(`${child.name} ended by itself (${how}).${logOf(child)}\n`);
      void launch.end(1);
    });
  }
}
