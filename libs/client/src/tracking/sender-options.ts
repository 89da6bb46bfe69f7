/** Bounds and places of a sender. */
export interface SenderOptions {
  /** Where events wait on disk; undefined: in memory only. */
  readonly spoolDir: string | undefined;
  /** Most bytes on disk. */
  readonly spoolBytesMax: number;
  /** Most bytes in memory. */
  readonly memoryBytesMax: number;
  /** How long events are collected before they are sent, in milliseconds. */
  readonly batchMs: number;
  /** Milliseconds that one try of a batch may take. */
  readonly timeoutMs: number;
  /** What has to be known before the first events are written, such as the code's version. */
  readonly before?: () => Promise<unknown>;
}
