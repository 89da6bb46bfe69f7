import type { Readable } from 'node:stream';
import type { Environment } from './environment.js';

/** Where text goes. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Where text and keys come from. */
export type Source = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };

/** What a command sees of the process that it runs in. */
export interface Io {
  readonly env: Environment;
  readonly cwd: string;
  readonly stdin: Source;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Aborts when the person wants to stop: Ctrl-C, SIGTERM. */
  readonly signal: AbortSignal;
}
