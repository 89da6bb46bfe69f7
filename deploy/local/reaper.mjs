import { rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, signal, startedWith, startOf } from './processes.mjs';

/**
 * Ends what a launcher started when the launcher itself can no longer do it. It holds the reading end of a pipe: the
 * kernel closes the pipe however the launcher ends, kill -9 included. Lines of JSON say what there is to end:
 * {add: child}, {drop: pid}, {mark: setting} that all children have in their environment, {command: [...]} to run and
 * {remove: folder} to delete at the end.
 */
const LOOK_MS = 50;
/** Nobody waits for a graceful end any more, so each child is given less time than its launcher would. */
const GRACE_MAX_MS = 5000;
const COMMAND_MAX_MS = 60_000;

const children = new Map();
const marks = [];
const commands = [];
const folders = [];

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.add) children.set(message.add.pid, message.add);
  if (message.drop) children.delete(message.drop);
  if (message.mark) marks.push(message.mark);
  if (message.command) commands.push(message.command);
  if (message.remove) folders.push(message.remove);
  if (message.done) process.exit(0);
}

for (const child of [...children.values()].reverse()) await end(child);
// A child that began as the launcher ended, which then could tell nobody of it. It has its own environment a moment later.
await sleep(LOOK_MS);
for (const pid of marks.flatMap(startedWith)) {
  await end({ pid, started: startOf(pid), stopSignal: 'SIGTERM', graceMs: GRACE_MAX_MS, group: false });
}
for (const [command, ...args] of commands) spawnSync(command, args, { stdio: 'ignore', timeout: COMMAND_MAX_MS });
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });

async function end({ pid, started, stopSignal, graceMs, group }) {
  if (isAlive(pid, started)) {
    signal(pid, stopSignal, group);
    const deadline = Date.now() + Math.min(graceMs, GRACE_MAX_MS);
    while (isAlive(pid, started) && Date.now() < deadline) await sleep(LOOK_MS);
    if (isAlive(pid, started)) signal(pid, 'SIGKILL');
  }
  signal(pid, 'SIGKILL', true);
}
