import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient } from '../client.js';
import { fail, GatewayFixture } from '../gateway.fixture.js';
import { sendSpooled } from './send-spooled.js';

const BUILT = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
let gateway: GatewayFixture;
let spoolDir: string;

beforeEach(async () => {
  gateway = await GatewayFixture.start();
  spoolDir = mkdtempSync(join(tmpdir(), 'runspine-client-'));
});

afterEach(async () => {
  await gateway.die();
  rmSync(spoolDir, { recursive: true, force: true });
});

/** A pipeline that nobody catches the error of: its process ends before anything is sent. */
async function uncaught(): Promise<string> {
  const code = `import { trackRun } from ${JSON.stringify(BUILT)};
    await trackRun({ name: 'nightly' }, () => { throw new Error('no rows'); });`;
  const env = { ...process.env, RUNSPINE_ADDRESS: gateway.address, RUNSPINE_SPOOL_DIR: spoolDir };
  return new Promise((resolve) =>
    execFile(process.execPath, ['--input-type=module', '-e', code], { env }, (_error, _out, err) => resolve(err)),
  );
}

const files = () =>
  readdirSync(spoolDir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ndjson'));
const client = () => createClient({ address: gateway.address, retries: { attempts: 0 } });

describe('what an ended process left on disk', () => {
  it('is sent, with the failure that ended it, and only once', async () => {
    if (!existsSync(BUILT)) return;
    expect(await uncaught()).toContain('Error: no rows');
    expect(gateway.events).toEqual([]);

    expect(await sendSpooled(client(), { spoolDir })).toMatchObject({
      sent: 3,
      runs: [expect.any(String)],
      refused: 0,
    });
    expect(gateway.events.map(({ type }) => type)).toEqual(['run.created', 'run.started', 'run.failed']);
    expect(gateway.events[2]!.data).toMatchObject({ error: { message: 'no rows' } });
    expect(files()).toEqual([]);
    expect(await sendSpooled(client(), { spoolDir })).toEqual({ runs: [], sent: 0, refused: 0, failure: undefined });
  });

  it('waits on while the gateway is away, and is of no other tenant', async () => {
    if (!existsSync(BUILT)) return;
    await uncaught();
    const other = createClient({ address: gateway.address, tenant: 'other' });
    expect(await sendSpooled(other, { spoolDir })).toMatchObject({ sent: 0 });
    await gateway.die();
    expect(await sendSpooled(client(), { spoolDir })).toMatchObject({
      sent: 0,
      runs: [],
      failure: expect.objectContaining({ code: 'client.unreachable' }),
    });
    expect(files()).toHaveLength(1);
  });

  it('is set aside where the gateway refuses it for what it is', async () => {
    if (!existsSync(BUILT)) return;
    await uncaught();
    gateway.handler = ({ path }, response) =>
      path.endsWith('/events') && fail(response, 400, 'request.invalid', {}, {});
    expect(await sendSpooled(client(), { spoolDir })).toMatchObject({ sent: 0, refused: 3, failure: undefined });
    expect(files()).toEqual([expect.stringContaining('refused.ndjson')]);
    expect(readFileSync(join(spoolDir, files()[0]!), 'utf8')).toContain('no rows');
  });
});
