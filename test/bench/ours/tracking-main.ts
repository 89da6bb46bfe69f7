import { RunLog, Tracker } from '@runspine/client';
import { percentiles } from '../http-load.ts';

/**
 * A process that tracks: prints what a tracked stage around nothing takes of its caller's time, and how fast a log takes
 * entries, as JSON. Arguments: the gateway's address, a folder for the spool, how many stages.
 */
const [address, spoolDir, stages] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4])];
const WARM_UP = 300;
/** About 200 stages a second: more than pipelines do, and time for what happens behind the caller's back. */
const PAUSE_MS = 5;
const EMITS = 400_000;
const ROUNDS = 5;

const logger = { warn: () => undefined };
const tracker = new Tracker({ address, spoolDir, logger });
const times: number[] = [];
for (let stage = -WARM_UP; stage < stages; stage += 1) {
  const fromMs = performance.now();
  await tracker.trackStage({ stage: 'empty', input: { day: stage }, config: { rates: 'january' } }, nothing);
  if (stage >= 0) times.push(performance.now() - fromMs);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
await tracker.close();
const { sent, spooled, dropped } = tracker.stats;

const [ours, bare] = [fastest(() => emitAll(new RunLog())), fastest(appendAll)];
process.stdout.write(JSON.stringify({ ...percentiles(times), sent, spooled, dropped, emits: ours, appends: bare }));

function nothing(): void {}

/** A task's life, over and over. */
function emitAll(log: RunLog): void {
  for (let task = 0; task < EMITS / 4; task += 1) {
    const task_id = `task-${task}`;
    log.emit('task_scheduled', { task_id, name: 'parse' });
    log.emit('task_inputs_resolved', { task_id, inputs: { rows: task } });
    log.emit('task_started', { task_id });
    log.emit('task_completed', { task_id, duration_ms: 1.5 });
  }
}

/** The limit: the same entries as JSON on a list, with a number and a time each. */
function appendAll(): void {
  const entries: { id: number; type: string; atMs: number; text: string }[] = [];
  const append = (type: string, data: object) =>
    entries.push({ id: entries.length + 1, type, atMs: performance.now(), text: JSON.stringify(data) });
  for (let task = 0; task < EMITS / 4; task += 1) {
    const task_id = `task-${task}`;
    append('task_scheduled', { task_id, name: 'parse' });
    append('task_inputs_resolved', { task_id, inputs: { rows: task } });
    append('task_started', { task_id });
    append('task_completed', { task_id, duration_ms: 1.5 });
  }
}

/** Emits a second, of the fastest of some rounds: what else the machine does only ever makes one slower. */
function fastest(round: () => void): number {
  const tookMs = Array.from({ length: ROUNDS }, () => {
    const fromMs = performance.now();
    round();
    return performance.now() - fromMs;
  });
  return (1000 * EMITS) / Math.min(...tookMs);
}
