import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pipeline, TrackerFixture, until } from './tracker.fixture.js';

let at: TrackerFixture;

beforeEach(async () => {
  at = await TrackerFixture.start();
});

afterEach(() => at.remove());

describe('a gateway that is not as it should be', () => {
  it('away for longer than the disk has room: what is dropped is counted and said once, and runs have their ends', async () => {
    await at.gateway.die();
    const tracking = at.tracker({ spoolBytesMax: 4000 });
    await tracking.trackRun({ name: 'big' }, async (run) => {
      for (let part = 0; part < 50; part++) await run.task(`part ${part}`, () => part);
    });
    await tracking.flush();
    const { dropped, spooled } = tracking.stats;
    expect(dropped).toBeGreaterThan(50);
    expect(spooled + dropped).toBe(153);
    await at.gateway.listen();
    await until(() => at.gateway.events.length === spooled || (void tracking.flush(), false));

    expect(at.gateway.events.at(-1)!.type).toBe('run.completed');
    expect(at.warnings).toContain('events are lost: there is no room for them');
  });

  it('away, with no disk to write to: events wait in memory, bounded', async () => {
    await at.gateway.die();
    writeFileSync(join(at.folder, 'file'), '');
    const broken = at.tracker({ spoolDir: join(at.folder, 'file', 'spool') });
    const memory = at.tracker({ spoolDir: false, memoryBytesMax: 3000 });
    for (const tracking of [broken, memory]) {
      expect(await pipeline(tracking, 'kept')).toBe(10);
      expect(await tracking.flush()).toBe(false);
    }
    expect(at.warnings).toContain('events cannot be written to disk, and wait in memory');
    expect(memory.stats.dropped).toBeGreaterThan(0);
    expect(broken.stats.dropped).toBe(0);
    await at.gateway.listen();
    await until(() => broken.stats.sent === 21 || (void broken.flush(), false));
    expect(await memory.flush()).toBe(true);
  });

  it('leaves all that a process recorded on disk when it exits at once', async () => {
    const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
    if (!existsSync(built)) return;
    const code = `import { Tracker } from ${JSON.stringify(built)};
      const tracker = new Tracker({ address: ${JSON.stringify(at.gateway.address)}, spoolDir: ${JSON.stringify(join(at.folder, 'spool'))}, batchMs: 1000 });
      await tracker.trackRun({ name: 'short' }, () => 1);
      process.exit(0);`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
    expect(at.gateway.events).toEqual([]);
    expect(at.spoolFiles()).toHaveLength(1);
    const next = at.tracker();
    await until(() => at.gateway.events.length === 3);
    await next.close();
  });

  it('sends what was recorded before a process ends by itself', async () => {
    const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
    if (!existsSync(built)) return;
    const code = `import { Tracker } from ${JSON.stringify(built)};
      const tracker = new Tracker({ address: ${JSON.stringify(at.gateway.address)}, spoolDir: ${JSON.stringify(join(at.folder, 'spool'))} });
      await tracker.trackRun({ name: 'short' }, () => 1);`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);

    expect(at.gateway.events).toHaveLength(3);
  });
});
