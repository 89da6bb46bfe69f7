import type { Children } from './children.ts';
import { startContainers } from './docker.ts';
import { findEngine, type Engine } from './engines.mjs';
import { ROOT, type Folders } from './folders.ts';
import { fetchKafka, startKafka } from './kafka.ts';
import type { PortMemory } from './ports.ts';
import { databaseFault, startPostgres } from './postgres.ts';
import { kafkaAnswers } from './probes.ts';
import { Advice, say, step } from './terminal.mjs';

/** What the servers are started with. */
export interface ServersOptions {
  children: Children;
  folders: Folders;
  ports: PortMemory;
  /** Of the PostgreSQL server that is started here. */
  password: string;
  /** Servers of a test: faster, not safe from a power cut, nothing of them is kept. @default false */
  passing?: boolean;
}

/** Addresses of the servers, and what else there is to stop or to remove after the children. */
export interface Servers {
  brokers: string;
  databaseUrl: string;
  /** Where PostgreSQL's data lies, if it was started here. */
  postgresData?: string;
  stopContainers?: () => Promise<void>;
}

/**
 * Kafka and PostgreSQL: those of KAFKA_BROKERS and DATABASE_URL where these are set, else started here, on Java and
 * embedded PostgreSQL, or in containers where there is no Java.
 */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { KAFKA_BROKERS: brokers, DATABASE_URL: databaseUrl } = process.env;
  await Promise.all([brokers && requireKafka(brokers), databaseUrl && requireDatabase(databaseUrl)]);
  if (brokers && databaseUrl) {
    say(`✓ Using Kafka at ${brokers} and PostgreSQL at ${withoutPassword(databaseUrl)}`);
    return { brokers, databaseUrl };
  }
  const engine = brokers ? undefined : await findEngine(ROOT);
  if (engine?.kind === 'docker') return inContainers(engine, databaseUrl, options);
  if (engine) await fetchKafka();

  const { children, folders, ports, password, passing = false } = options;
  const doing = [!brokers && 'Kafka 4.3', !databaseUrl && 'PostgreSQL 18'].filter(Boolean).join(' and ');
  return step(`Starting ${doing}`, async () => {
    const [kafka, postgres] = await Promise.all([
      engine && startKafka(children, { java: engine.java, folders, ports }),
      databaseUrl ? undefined : startPostgres(children, { folders, ports, password, durable: !passing }),
    ]);
    return {
      brokers: brokers || (kafka?.brokers ?? ''),
      databaseUrl: databaseUrl || (postgres?.url ?? ''),
      ...(postgres && { postgresData: postgres.data }),
    };
  });
}

async function inContainers(
  { compose }: Extract<Engine, { kind: 'docker' }>,
  databaseUrl: string | undefined,
  { children, folders, ports, password, passing = false }: ServersOptions,
): Promise<Servers> {
  const services = databaseUrl ? ['kafka'] : ['kafka', 'postgres'];
  const containers = await step(
    `Starting ${services.join(' and ')} in Docker (the first time it fetches the images)`,
    () => startContainers(children, { compose, services, folders, ports, password, remove: passing }),
  );
  return {
    brokers: containers.brokers,
    databaseUrl: databaseUrl || containers.url,
    stopContainers: () => containers.stop(),
  };
}

/** One broker that answers is enough: it tells of the others. */
async function requireKafka(brokers: string): Promise<void> {
  for (const broker of brokers.split(',').map((text) => text.trim())) {
    const colon = broker.lastIndexOf(':');
    const port = Number(broker.slice(colon + 1));
    if (colon < 1 || !Number.isInteger(port)) {
      throw new Advice(`KAFKA_BROKERS is "${brokers}": it takes host:port, several with commas between them.`);
    }
    if (await kafkaAnswers(broker.slice(0, colon).replace(/^\[|\]$/g, ''), port)) return;
  }
  throw new Advice(
    `KAFKA_BROKERS is ${brokers}, and no Kafka answers there. Start it, or unset KAFKA_BROKERS to have one started here.`,
  );
}

async function requireDatabase(url: string): Promise<void> {
  const fault = URL.canParse(url)
    ? await databaseFault(url)
    : 'not an address such as postgres://user:password@host:5432/database';
  if (fault === undefined) return;
  const shown = URL.canParse(url) ? withoutPassword(url) : 'set';
  throw new Advice(
    `DATABASE_URL is ${shown}, and no database answers there (${fault}). Start it, or unset DATABASE_URL to have one started here.`,
  );
}

/** An address to show: without its password. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  if (shown.password) shown.password = '***';
  return shown.href;
}
