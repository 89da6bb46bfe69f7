import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { serviceEnv, serviceFlags } from '../../deploy/local/service-flags.ts';

/** Runs a script of `ours/` as nexus is run; what it prints is its JSON result. */
export async function nexusProcess<T>(name: string, args: readonly string[]): Promise<T> {
  const script = fileURLToPath(new URL(`./ours/${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [...serviceFlags('nexus'), script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...serviceEnv('nexus') },
  });
  const told = (await child.stdout.toArray()).join('');
  if (told === '') throw new Error(`${name} told nothing`);
  return JSON.parse(told) as T;
}
