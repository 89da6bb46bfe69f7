import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, type RunspineClient } from '@runspine/client';
import { CommandLine } from '../stack/command-line.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/** The operators' commands against the real gateway and projector. */
let stack: Stack;
let client: RunspineClient;
let cli: CommandLine;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  const { address } = stack.gateways[0]!;
  client = createClient({ address });
  cli = new CommandLine(address, { RUNSPINE_ROLES: 'reader,writer,admin,system' });
});

afterAll(() => stack.close());

describe('operators', () => {
  it('verify and rebuild projections', async () => {
    await client.runs.create({ name: 'kept' });
    const verified = await cli.here(['projections', 'verify']);
    expect(verified).toMatchObject({ code: 0, out: expect.stringContaining('✔ completed  projections_verify') });
    const rebuilt = await cli.here(['projections', 'rebuild', '--yes', '--json']);
    expect(JSON.parse(rebuilt.out)).toMatchObject({ status: 'completed', result: { differences_total: 0 } });
  });

  it('list, show and send dead letters again', async () => {
    expect((await cli.here(['dead-letters', 'list'])).err).toContain('There are no dead letters.');
    const producer = await stack.foreign();
    const record = producer.record({ type: 'run.created', data: { run_id: producer.runId() } });
    await producer.sendRecords([{ ...record, value: 'not JSON' }]);
    const listed = () =>
      cli.lines<{ partition: number; offset: number; code: string; redriven: string | null }>('dead-letters', 'list');
    const [letter] = await until('the letter', async () => {
      const letters = await listed();
      return letters.length > 0 ? letters : undefined;
    });
    const name = `${letter!.partition}/${letter!.offset}`;
    expect((await cli.here(['dead-letters', 'show', name])).out).toContain('not JSON');
    expect((await cli.here(['dead-letters', 'list'], { columns: 80 })).out).toContain(name);
    const dry = await cli.here(['dead-letters', 'redrive', name, '--dry-run', '--json']);
    expect(JSON.parse(dry.out)).toMatchObject({ status: 'completed', result: { matched: 1, redriven: 0 } });
    expect((await cli.here(['dead-letters', 'redrive', name, '--yes'])).code).toBe(0);
    await until('it to come back', async () => (await listed()).some(({ redriven }) => redriven !== null));
  });

  it('erase a run, and find what was touched in the journal', async () => {
    const { run_id: id } = await client.runs.create({ name: 'erased', input: { secret: 'of Ada' } });
    expect((await cli.here(['runs', 'erase', id, '--reason', 'request 4711', '--yes'])).code).toBe(0);
    const shown = await cli.here(['runs', 'show', id]);
    expect(shown.out).toContain('its payloads were erased');
    expect(shown.out).not.toContain('Ada');
    expect(await cli.here(['audit', 'verify', '--run', id])).toMatchObject({ code: 0 });
    expect(await cli.here(['audit', 'verify'])).toMatchObject({ code: 0 });

    await stack.database.rows("UPDATE run_events SET source = '/elsewhere' WHERE run_id = $1 AND run_sequence = 1", [
      id,
    ]);
    const touched = await cli.here(['audit', 'verify', '--run', id]);
    expect(touched.code).toBe(1);
    expect(touched.out).toMatch(/findings .*sequence 1, fault changed/);
    expect((await cli.here(['audit', 'verify'])).code).toBe(1);
  });
});
