import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient, type Run, type RunspineClient } from '@runspine/client';
import { CommandLine } from '../stack/command-line.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

// Real: everything. A pipeline's process is killed while it works; nothing of it can say so.

const BUILT = pathToFileURL(join(import.meta.dirname, '../../libs/client/dist/index.js')).href;
const PIPELINE = `import { trackRun, Tracker } from '${BUILT}';
  const tracker = new Tracker({ spoolDir: false });
  await trackRun({ tracker, name: 'nightly', staleAfterS: 2 }, (run) =>
    run.task({ name: 'load', inputs: { rows: 7 } }, () => new Promise((resolve) => setTimeout(resolve, 600_000))));`;
let stack: Stack;
let client: RunspineClient;
let cli: CommandLine;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, settings: { RUNSPINE_LOST_AFTER_S: '8', RUNSPINE_LOST_SWEEP_S: '1' } });
  const { address } = stack.gateways[0]!;
  client = createClient({ address });
  cli = new CommandLine(address);
});
afterAll(() => stack.close());

it('a pipeline that is killed reads stalled, then failed as lost, and is explained', async () => {
  const pipeline = spawn(process.execPath, ['--input-type=module', '-e', PIPELINE], {
    env: { ...process.env, RUNSPINE_ADDRESS: stack.gateways[0]!.address },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = once(pipeline, 'exit');
  const { run_id: id } = await until('the pipeline to work', async () => {
    const [run] = await client.runs.list({ status: 'running' }).first(1);
    return run && (await client.steps.list(run.run_id).first(1))[0]?.status === 'running' ? run : undefined;
  });
  // Signs of life keep it from being taken for dead, though its task says nothing.
  await until('a sign of life', async () => {
    const { last_seen_at: seen, started_at: started } = await client.runs.get(id);
    return Date.parse(seen) - Date.parse(started!) > 2500;
  });
  expect((await client.runs.get(id)).stalled).toBe(false);
  pipeline.kill('SIGKILL');
  await ended;

  await until('it to stall', async () => (await cli.here(['runs', 'tail'])).out.includes('◌ stalled'));
  expect(await cli.lines<Run>('runs', 'list', '--stalled')).toMatchObject([{ run_id: id, status: 'running' }]);
  expect((await cli.here(['runs', 'explain', id])).out).toMatch(/no sign of life[\s\S]*rows +7/);

  await until('it to be given up', async () => (await cli.here(['runs', 'tail'])).out.includes('✖ failed'));
  expect(await client.runs.get(id)).toMatchObject({ status: 'failed', error: { code: 'run.lost' } });
  const explained = await cli.here(['runs', 'explain']);
  expect(explained.out).toMatch(/nightly → step load[\s\S]*went away without a word[\s\S]*run\.lost/);
});
