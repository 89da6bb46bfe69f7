import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunspineClient } from '@runspine/client';
import stringWidth from 'string-width';
import type { CommandLine } from '../stack/command-line.js';
import type { RecordedRuns } from '../stack/recorded-pipeline.js';
import { type RecordedStack, startRecordedStack } from '../stack/recorded-stack.js';
import { until } from '../stack/until.js';

/** A failing pipeline explained, compared and replayed by the command line, against the real services. */
let on: RecordedStack;
let client: RunspineClient;
let cli: CommandLine;
let recorded: RecordedRuns;

beforeAll(async () => {
  on = await startRecordedStack();
  ({ client, cli, recorded } = on);
});

afterAll(() => on?.close());

describe('a failing pipeline', () => {
  it('is explained: where, why, what the step received, and what changed since it went well', async () => {
    const { out, code } = await cli.inTerminal(['runs', 'explain', recorded.badParent.slice(0, 30)]);
    const text = stripVTControlCharacters(out);
    expect(code).toBe(0);
    expect(text).toContain('nightly → extract orders → step parse');
    expect(text).toMatch(/error +row 2 has 1 column/);
    expect(text).toMatch(/caused by +TypeError: no delimiter/);
    expect(text).toMatch(/What the step received[\s\S]*delimiter +;/);
    expect(text).toContain(recorded.good);
    expect(text).toMatch(/config\.model[\s\S]*- small-1[\s\S]*\+ small-2/);
    expect(text).toMatch(/step received delimiter[\s\S]*- ,[\s\S]*\+ ;/);
    expect(text).toContain('runspine runs diff');
    expect(text.split('\n').filter((line) => stringWidth(line) > 80)).toEqual([]);
    const narrow = await cli.here(['runs', 'explain'], { columns: 50 });
    // What is to be copied stays in one line.
    const lines = stripVTControlCharacters(narrow.out)
      .split('\n')
      .filter((line) => !line.startsWith('  runspine '));
    expect(lines.filter((line) => stringWidth(line) > 50)).toEqual([]);
    const { out: json } = await cli.here(['runs', 'explain', recorded.bad, '--json']);
    expect(JSON.parse(json)).toMatchObject({
      path: [{ name: 'nightly' }, { run_id: recorded.bad }],
      step: { name: 'parse' },
      last_good: { run_id: recorded.good },
      inputs_changed: [{ path: 'delimiter', before: ',', after: ';' }],
    });
  });

  it('is not explained where it did not fail', async () => {
    expect((await cli.here(['runs', 'explain', recorded.good])).out).toContain('did not fail');
    expect((await cli.here(['runs', 'explain', recorded.open])).out).toContain('is still running');
    expect(JSON.parse((await cli.here(['runs', 'explain', recorded.good, '--json'])).out)).toMatchObject({
      step: null,
    });
  });

  it('explains what never went well, was lost, or has gone silent', async () => {
    const first = await client.runs.create({ name: 'first of all', stage: 'new', stale_after_s: 1 });
    await client.runs.start(first.run_id);
    const step = await client.steps.create(first.run_id, { name: 'wait' });
    await client.steps.start(first.run_id, step.step_id);
    await until('it to stall', async () => (await client.runs.get(first.run_id)).stalled);
    const silent = await cli.here(['runs', 'explain', first.run_id]);
    expect(silent.out).toMatch(/no sign of life since/);
    expect(silent.out).toContain('step wait');
    expect((await cli.here(['runs', 'tail', '--stalled'])).out).toContain('◌ stalled');
    await client.runs.fail(first.run_id, { error: { code: 'run.lost', message: 'No sign of life.' } });
    const { out } = await cli.here(['runs', 'explain', first.run_id], { columns: 90 });
    expect(out).toContain('went away without a word');
    expect(out).toContain('None of the runs of stage new before it completed');
  });

  it('is compared with a good run, and an event with another', async () => {
    const { out } = await cli.here(['runs', 'diff', recorded.good, recorded.bad], {
      columns: 80,
      env: { NO_COLOR: '1' },
    });
    expect(out).toMatch(
      /config\.model[\s\S]*status[\s\S]*- completed[\s\S]*\+ failed[\s\S]*Steps[\s\S]*inputs\.delimiter/,
    );
    const json = JSON.parse(
      (await cli.here(['runs', 'diff', `${recorded.good}@3`, `${recorded.good}@5`, '--json'])).out,
    ) as {
      steps: { name: string; differences: unknown[] }[];
    };
    expect(json.steps).toMatchObject([{ name: 'download' }]);
    const beside = async (...runs: string[]) => {
      const sides = JSON.parse((await cli.here(['runs', 'diff', ...runs, '--json'])).out) as {
        first: { run_id: string };
        second: { run_id: string };
      };
      return [sides.first.run_id, sides.second.run_id];
    };
    expect(await beside('good', recorded.bad)).toEqual([recorded.good, recorded.bad]);
    expect(await beside(`${recorded.bad}@3`, 'good')).toEqual([recorded.bad, recorded.good]);
    expect((await cli.here(['runs', 'diff', 'good', recorded.good])).code).toBe(3);
    expect((await cli.here(['runs', 'diff', 'good', 'good'])).code).toBe(2);
    expect((await cli.here(['runs', 'diff', recorded.good, recorded.good])).out).toContain('differ in nothing');
    expect((await cli.here(['runs', 'diff', `${recorded.good}@99`, recorded.good])).code).toBe(2);
    expect((await cli.here(['runs', 'diff', `${recorded.good}@x`, recorded.good])).code).toBe(2);
  });

  it('is replayed: as of an event, event by event, and by keys', async () => {
    const at = await cli.here(['runs', 'replay', recorded.bad, '--at', '5'], { columns: 80 });
    expect(stripVTControlCharacters(at.out)).toMatch(/Event 5 of 11[\s\S]*● running[\s\S]*● download/);
    const json = await cli.here(['runs', 'replay', recorded.bad, '--at', '2', '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ sequence: 2, run: { status: 'running' }, steps: [] });
    expect((await cli.here(['runs', 'replay', recorded.bad])).out.trim().split('\n')).toHaveLength(11);
    expect(await cli.lines('runs', 'replay', recorded.bad)).toHaveLength(11);
    const keys = await cli.inTerminal(['runs', 'replay', recorded.bad, '-i'], { keys: 'npGgxq' });
    const shown = [...stripVTControlCharacters(keys.out).matchAll(/Event (\d+) of 11/g)].map(([, number]) => number);
    expect({ code: keys.code, shown }).toEqual({ code: 0, shown: ['1', '2', '1', '11', '1'] });
    expect((await cli.here(['runs', 'replay', recorded.bad, '-i'])).code).toBe(2);
    const sofar = await cli.here(['runs', 'replay', recorded.bad, '-i', '--at', '10'], {
      columns: 60,
      keys: ['n', 'n', 'p', 'q'],
    });
    const moved = [...stripVTControlCharacters(sofar.out).matchAll(/Event (\d+) of 11/g)].map(([, number]) => number);
    expect({ code: sofar.code, moved }).toEqual({ code: 0, moved: ['10', '11', '10'] });
  });

  it('has its events listed, and followed to the end', async () => {
    const failed = await cli.here(['runs', 'events', recorded.bad, '--type', 'step.failed']);
    expect(failed.out).toMatch(/^ +10 .* step\.failed +row 2 has 1 column\n$/);
    expect((await cli.here(['runs', 'events', recorded.bad, '--after', '11'])).err).toContain('fits');
    const { run_id: id } = await client.runs.create({ name: 'watched' });
    const following = cli.lines<{ type: string }>('runs', 'events', id, '-f', '--type', 'run.completed');
    await client.runs.start(id);
    await client.runs.complete(id);
    expect((await following).map(({ type }) => type)).toEqual(['run.completed']);
  });
});
