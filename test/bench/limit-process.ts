import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A limit as a process of its own, as our services are; it prints what it has to say. */
export function limitProcess(name: string, args: readonly string[]): ChildProcess & { stdout: Readable } {
  const script = fileURLToPath(new URL(`./limits/${name}.ts`, import.meta.url));
  return spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Works while such a process runs, with the first that it prints. */
export async function withLimitProcess<T>(
  name: string,
  args: readonly string[],
  work: (printed: string) => Promise<T>,
): Promise<T> {
  const child = limitProcess(name, args);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  try {
    return await work(chunk.toString().trim());
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
