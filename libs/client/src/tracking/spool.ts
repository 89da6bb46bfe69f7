import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { eventOfLine, lineOf, type WireEvent } from './wire-event.js';

/** Room beyond the bound that is kept for the events of runs: what a run came to matters more than its details. */
const RUN_EVENTS_RESERVE_BYTES = 1024 * 1024;
const READ_BYTES = 512 * 1024;
/** A file whose owner seems alive but has not written for so long is taken over: process ids come back. */
const ABANDONED_MS = 3_600_000;
const RESTARTED_MS = 60_000;
const NAME = /^([0-9a-f]{12})-(\d+)-[0-9a-f]{8}\.ndjson$/;

/** Files that a spool of this process writes. */
const ownFiles = new Set<string>();

/** Events read from the head of a spool, and how to let go of them once they are sent. */
export interface SpooledChunk {
  readonly events: readonly WireEvent[];
  /** Lines that were no events: cut off by a crash. */
  readonly damaged: number;
  /** They are sent: the next read begins behind them. */
  done(): Promise<void>;
}

/**
 * Events on disk, first in first out: one file a process, one JSON line an event, synced as it is written. Not safe for
 * parallel calls: one sender owns it. Files that dead processes left are read as well, when there is nothing else to do.
 */
export class Spool {
  private readonly path: string;
  private bytes = 0;
  private offset = 0;

  constructor(
    readonly folder: string,
    private readonly bytesMax: number,
  ) {
    this.path = join(folder, fileName());
    ownFiles.add(this.path);
  }

  /** True when everything that this process wrote is read and let go of. */
  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  /** Appends and syncs. Gives what found no room. @throws what the file system throws. */
  async append(events: readonly WireEvent[]): Promise<WireEvent[]> {
    const { text, left } = this.fitting(events);
    if (text === '') return left;
    await mkdir(this.folder, { recursive: true });
    const file = await open(this.path, 'a', 0o600);
    try {
      await file.appendFile(text);
      await file.sync();
      this.bytes += Buffer.byteLength(text);
    } finally {
      await file.close();
    }
    return left;
  }

  /** As {@link append}, for the last moment of a process. */
  appendSync(events: readonly WireEvent[]): WireEvent[] {
    const { text, left } = this.fitting(events);
    if (text === '') return left;
    mkdirSync(this.folder, { recursive: true });
    const file = openSync(this.path, 'a', 0o600);
    try {
      const bytes = Buffer.from(text);
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
      fsyncSync(file);
      this.bytes += bytes.length;
    } finally {
      closeSync(file);
    }
    return left;
  }

  /** The next events of this process's own file; undefined: there are none. */
  async next(eventsMax: number): Promise<SpooledChunk | undefined> {
    if (this.bytes === 0) return undefined;
    const chunk = await readChunk(this.path, this.offset, eventsMax);
    const done = async () => {
      this.offset += chunk.bytes;
      if (!chunk.atEnd) return;
      await rm(this.path, { force: true });
      this.bytes = 0;
      this.offset = 0;
    };
    if (chunk.bytes === 0) {
      await done();
      return undefined;
    }
    return { events: chunk.events, damaged: chunk.damaged, done };
  }

  /** The file that a dead process left longest ago, now ours; undefined: there is none. */
  async adopt(): Promise<SpoolFile | undefined> {
    if (!existsSync(this.folder)) return undefined;
    for (const name of (await readdir(this.folder)).filter((entry) => NAME.test(entry)).sort()) {
      const path = join(this.folder, name);
      if (ownFiles.has(path) || !(await isAbandoned(path, name))) continue;
      const ours = join(this.folder, fileName(name.slice(0, 12)));
      ownFiles.add(ours);
      try {
        // Whoever renames it first has it.
        await rename(path, ours);
        return new SpoolFile(ours);
      } catch {
        ownFiles.delete(ours);
      }
    }
    return undefined;
  }

  /** Its file belongs to nobody from now on, where there is one. */
  release(): void {
    ownFiles.delete(this.path);
  }

  private fitting(events: readonly WireEvent[]): { text: string; left: WireEvent[] } {
    const lines: string[] = [];
    const left: WireEvent[] = [];
    let bytes = this.bytes;
    for (const event of events) {
      const line = `${lineOf(event)}\n`;
      const size = Buffer.byteLength(line);
      const limit = event.type.startsWith('run.') ? this.bytesMax + RUN_EVENTS_RESERVE_BYTES : this.bytesMax;
      if (bytes + size > limit) left.push(event);
      else {
        lines.push(line);
        bytes += size;
      }
    }
    return { text: lines.join(''), left };
  }
}

/** A spool file that is only read. */
export class SpoolFile {
  private offset = 0;

  constructor(readonly path: string) {}

  async next(eventsMax: number): Promise<SpooledChunk | undefined> {
    const chunk = await readChunk(this.path, this.offset, eventsMax);
    if (chunk.bytes === 0) return undefined;
    return {
      events: chunk.events,
      damaged: chunk.damaged,
      done: async () => {
        this.offset += chunk.bytes;
        await Promise.resolve();
      },
    };
  }

  /** Everything of it is sent. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true });
    ownFiles.delete(this.path);
  }

  /** Leaves it to whoever comes next. */
  release(): void {
    ownFiles.delete(this.path);
  }
}

function fileName(madeHex = Date.now().toString(16).padStart(12, '0')): string {
  return `${madeHex}-${process.pid}-${randomBytes(4).toString('hex')}.ndjson`;
}

async function isAbandoned(path: string, name: string): Promise<boolean> {
  const pid = Number(NAME.exec(name)?.[2]);
  const file = await stat(path).catch(() => undefined);
  if (!file) return false;
  const quietMs = Date.now() - file.mtimeMs;
  if (pid === process.pid) return quietMs > RESTARTED_MS;
  return quietMs > ABANDONED_MS || !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whole lines from an offset: at most `eventsMax`, and at least one where there is one. */
async function readChunk(path: string, offset: number, eventsMax: number) {
  const none = { events: [] as WireEvent[], damaged: 0, bytes: 0, atEnd: true };
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return none;
  try {
    const { size } = await file.stat();
    if (offset >= size) return none;
    let text = Buffer.alloc(0);
    for (let read = READ_BYTES; !text.includes(10) && text.length < size - offset; read *= 2) {
      text = Buffer.alloc(Math.min(read, size - offset));
      await file.read(text, 0, text.length, offset);
    }
    return linesOf(text, eventsMax, offset + text.length >= size);
  } finally {
    await file.close();
  }
}

function linesOf(text: Buffer, eventsMax: number, isLast: boolean) {
  const events: WireEvent[] = [];
  let damaged = 0;
  let from = 0;
  while (events.length + damaged < eventsMax && from < text.length) {
    const end = text.indexOf(10, from);
    if (end < 0 && !isLast) break;
    const line = text.toString('utf8', from, end < 0 ? text.length : end);
    const event = eventOfLine(line);
    if (event) events.push(event);
    else if (line.trim() !== '') damaged++;
    from = end < 0 ? text.length : end + 1;
  }
  return { events, damaged, bytes: from, atEnd: isLast && from >= text.length };
}
