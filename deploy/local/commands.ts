import { spawn, type ChildProcess } from 'node:child_process';

const OUTPUT_KEPT_CHARS = 16_000;
const running = new Set<ChildProcess>();

/** How to run a command that ends by itself. */
export interface CommandOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Killed after this long. */
  maxMs: number;
  onPid?: (pid: number) => void;
}

/** Runs a command to its end and gives what it printed. Throws an Error with that output when it fails. */
export function runQuietly(command: string, args: string[], options: CommandOptions): Promise<string> {
  const { maxMs, onPid, ...spawning } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...spawning,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: maxMs,
      killSignal: 'SIGKILL',
    });
    if (child.pid !== undefined) onPid?.(child.pid);
    running.add(child);
    let output = '';
    const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-OUTPUT_KEPT_CHARS));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => {
      running.delete(child);
      reject(new Error(`${command} could not be run: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      running.delete(child);
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${signal ?? code}:\n\n${output.trim()}`));
    });
  });
}

/** Ends the commands still at work, as when the launcher is asked to stop. */
export function endCommands(): void {
  for (const child of running) child.kill('SIGTERM');
}
