import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Children } from './children.ts';
import { runQuietly } from './commands.ts';
import { ROOT, type Folders } from './folders.ts';
import type { PortMemory } from './ports.ts';
import { Advice } from './terminal.mjs';

/** The first start fetches the images. */
const UP_MAX_MS = 15 * 60_000;
const STOP_MAX_MS = 60_000;

/** Kafka and PostgreSQL of docker-compose.yml, on ports and volumes of this data folder. */
export interface Containers {
  brokers: string;
  url: string;
  stop(): Promise<void>;
}

/** Starts the containers of these services and waits until they are healthy. `remove` takes their volumes too. */
export async function startContainers(
  children: Children,
  options: {
    compose: string[];
    services: string[];
    folders: Folders;
    ports: PortMemory;
    password: string;
    remove?: boolean;
  },
): Promise<Containers> {
  const [command = 'docker', ...head] = options.compose;
  const project = `runspine-${createHash('sha256').update(options.folders.data).digest('hex').slice(0, 8)}`;
  const args = [...head, '-f', join(ROOT, 'docker-compose.yml'), '-p', project];
  const kafka = await options.ports.choose('kafka');
  const postgres = await options.ports.choose('postgres');
  const env = {
    ...process.env,
    RUNSPINE_KAFKA_PORT: String(kafka),
    RUNSPINE_POSTGRES_PORT: String(postgres),
    POSTGRES_PASSWORD: options.password,
  };
  const end = options.remove ? ['down', '--volumes'] : ['stop'];
  children.runAtDeath([command, ...args, ...end]);
  await runQuietly(command, [...args, 'up', '--detach', '--wait', ...options.services], {
    env,
    maxMs: UP_MAX_MS,
  }).catch((error: Error) => {
    throw new Advice(
      `The containers did not start. ${error.message}\n\nTheir logs: ${[command, ...args].join(' ')} logs`,
    );
  });
  return {
    brokers: `127.0.0.1:${kafka}`,
    url: `postgres://postgres:${options.password}@127.0.0.1:${postgres}/runspine`,
    stop: async () => {
      await runQuietly(command, [...args, ...end], { env, maxMs: STOP_MAX_MS });
    },
  };
}
