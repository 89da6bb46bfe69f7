import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { GatewayFixture } from '../gateway.fixture.js';
import { Tracker, type TrackerOptions } from './tracker.js';

/** A commit, as `codeRef` has it where the tree has no changes. */
export const CLEAN = '0123456789abcdef0123456789abcdef01234567';

/** A gateway's stand-in, a folder, and trackers that know both, for one test. */
export class TrackerFixture {
  readonly folder = mkdtempSync(join(tmpdir(), 'runspine-client-'));
  /** What trackers warned of. */
  readonly warnings: string[] = [];
  private readonly trackers: Tracker[] = [];

  private constructor(readonly gateway: GatewayFixture) {}

  static async start(): Promise<TrackerFixture> {
    return new TrackerFixture(await GatewayFixture.start());
  }

  tracker(options: TrackerOptions = {}): Tracker {
    const made = new Tracker({
      address: this.gateway.address,
      spoolDir: join(this.folder, 'spool'),
      batchMs: 5,
      sendTimeoutMs: 10_000,
      codeRef: CLEAN,
      logger: { warn: (message) => void this.warnings.push(message) },
      ...options,
    });
    this.trackers.push(made);
    return made;
  }

  spoolFiles(): string[] {
    const spool = join(this.folder, 'spool');
    if (!existsSync(spool)) return [];
    return readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ndjson'));
  }

  /** The gateway has all that one {@link pipeline} leaves, each event once and in order. */
  expectComplete(name: string): void {
    const { gateway } = this;
    const [outer] = gateway.events.filter(({ type, data }) => type === 'run.created' && data.name === name);
    const id = String(outer!.data.run_id);
    const [inner] = gateway.events.filter(({ type, data }) => type === 'run.created' && data.parent_run_id === id);
    expect(gateway.typesOf(id)).toEqual([
      'run.created',
      'run.started',
      ...Array.from({ length: 5 }, () => ['step.created', 'step.started', 'step.completed']).flat(),
      'run.completed',
    ]);
    expect(gateway.typesOf(String(inner!.data.run_id))).toEqual(['run.created', 'run.started', 'run.completed']);
    const ids = gateway.events.map((event) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
  }

  async remove(): Promise<void> {
    await this.gateway.die();
    await Promise.all(this.trackers.map((each) => each.close(50)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Two runs, one in the other: 21 events. Gives 10. */
export function pipeline(tracking: Tracker, name: string): Promise<number> {
  return tracking.trackRun({ name }, async (run) => {
    let sum = 0;
    for (let part = 0; part < 5; part++) sum += await run.task(`part ${part}`, () => part);
    await tracking.trackStage({ stage: 'inner' }, () => sum);
    return sum;
  });
}

export async function until(what: () => boolean): Promise<void> {
  const endMs = Date.now() + 40_000;
  while (!what()) {
    if (Date.now() > endMs) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
