import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Run, RunspineClient } from '@runspine/client';
import stringWidth from 'string-width';
import type { CommandLine } from '../stack/command-line.js';
import type { RecordedRuns } from '../stack/recorded-pipeline.js';
import { type RecordedStack, startRecordedStack } from '../stack/recorded-stack.js';
import { until } from '../stack/until.js';

/** Lists of runs, numbers, completion and settings of the command line, against the real services. */
let on: RecordedStack;
let client: RunspineClient;
let cli: CommandLine;
let recorded: RecordedRuns;
let folder: string;

beforeAll(async () => {
  on = await startRecordedStack();
  ({ client, cli, recorded, folder } = on);
});

afterAll(() => on?.close());

describe('runs tail and list', () => {
  it('answers as a whole process within 500 ms', async () => {
    const times: number[] = [];
    for (let time = 0; time < 5; time++) {
      const { code, tookMs, out } = await cli.inPipe(['runs', 'tail']);
      expect({ code, lines: out.trim().split('\n').length }).toEqual({ code: 0, lines: 6 });
      times.push(tookMs);
    }
    expect(Math.min(...times)).toBeLessThan(500);
  });

  it('gives a pipe whole ids, no colours and no width', async () => {
    const { out } = await cli.inPipe(['runs', 'list', '--status', 'failed']);
    expect(out).toContain(recorded.bad);
    expect(out).toContain('✖ failed');
    expect(out).not.toContain('\u001b');
  });

  it.each([60, 80, 100, 200])('fits a terminal of %d columns, coloured by status', async (columns) => {
    const { out, code } = await cli.inTerminal(['runs', 'tail'], { columns });
    expect(code).toBe(0);
    expect(out).toContain('\u001b[31m✖ failed');
    expect(out).toContain('\u001b[32m✔ completed');
    expect(out).toContain('\u001b[33m● running');
    for (const line of out.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
  });

  it('honours NO_COLOR and FORCE_COLOR, and draws ASCII where the locale has no more', async () => {
    expect((await cli.inTerminal(['runs', 'tail'], { env: { NO_COLOR: '1' } })).out).not.toContain('\u001b[3');
    expect((await cli.inPipe(['runs', 'tail'], { FORCE_COLOR: '1' })).out).toContain('\u001b[31m');
    expect((await cli.inPipe(['runs', 'tail', '--color'])).out).toContain('\u001b[31m');
    const { out } = await cli.here(['runs', 'show', recorded.bad], { columns: 80, env: { LANG: 'C', NO_COLOR: '1' } });
    expect(out).toContain('x failed');
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it('shows no control characters of names', async () => {
    const { out } = await cli.inTerminal(['runs', 'show', recorded.open]);
    expect(out).not.toContain('\u001b]0');
    expect(stripVTControlCharacters(out)).toContain('open ]0;title[31mred');
  });

  it('gives programs a line a run', async () => {
    const runs = await cli.lines<Run>('runs', 'list', '--stage', 'extract');
    expect(runs.map(({ run_id: id }) => id)).toEqual([recorded.bad, recorded.good]);
    const page = await cli.here(['runs', 'list', '--limit', '2', '--json']);
    const { next_cursor: cursor } = JSON.parse(page.err) as { next_cursor: string };
    expect(await cli.lines<Run>('runs', 'list', '--limit', '4', '--cursor', cursor)).toHaveLength(3);
    expect(await cli.lines<Run>('runs', 'list', '--all')).toHaveLength(5);
  });

  it('pages for people, by number or whole', async () => {
    const first = await cli.here(['runs', 'list', '--limit', '2']);
    expect(first.err).toContain('--page 2');
    const third = await cli.here(['runs', 'list', '--limit', '2', '--page', '3']);
    expect({ lines: third.out.trim().split('\n').length, err: third.err }).toEqual({ lines: 2, err: '' });
    expect((await cli.here(['runs', 'list', '--all'])).out.trim().split('\n')).toHaveLength(6);
  });

  it('filters by what the API filters by', async () => {
    const count = async (...args: string[]) => (await cli.lines('runs', 'list', ...args)).length;
    expect(await count('--tag', 'customer=acme', '--kind', 'pipeline')).toBe(2);
    expect(await count('--parent', recorded.badParent.slice(0, 30))).toBe(1);
    expect(await count('--since', '1h', '--until', '0s')).toBe(5);
    expect(await count('--since', '2020-01-01', '--until', '2020-01-02')).toBe(0);
    expect(await count('--stalled')).toBe(0);
  });

  it('says what to do where there is nothing', async () => {
    const none = await cli.here(['runs', 'list', '--stage', 'nowhere']);
    expect(none).toMatchObject({ code: 0, out: '' });
    expect(none.err).toContain('With fewer filters');
    expect((await cli.here(['runs', 'tail', '--tenant', 'nobody'])).err).toContain('no runs yet in tenant nobody');
    expect((await cli.here(['runs', 'show', 'latest', '--tenant', 'nobody'])).code).toBe(3);
    expect((await cli.here(['runs', 'explain', '--tenant', 'nobody'])).err).toContain('No run failed.');
  });

  it('follows: a line for each change, until it is told to stop', async () => {
    const stop = new AbortController();
    let seen = '';
    const onWrite = (text: string) => (seen += text);
    const options = { signal: stop.signal, onWrite, columns: 100, env: { NO_COLOR: '1' } };
    const following = cli.here(['runs', 'tail', '-n', '1', '-f', '--stage', 'followed'], options);
    await until('the first look', () => seen.includes('No run fits'));
    const { run_id: id } = await client.runs.create({ name: 'followed', stage: 'followed' });
    await until('it to be created', () => seen.includes('○ created'));
    await client.runs.start(id);
    await until('it to run', () => seen.includes('● running'));
    await client.runs.complete(id, { duration_ms: 1234 });
    await until('its end', () => /✔ completed .* 1\.2 s/.test(seen));
    stop.abort();
    expect((await following).code).toBe(130);
    expect(seen.match(/RUN/g)).toHaveLength(1);
  });

  it('ends with 130 at Ctrl-C, and silently where a reader has read enough', async () => {
    const { code, out } = await cli.inTerminal(['runs', 'tail', '-f'], { keys: '\u0003' });
    expect({ code, trace: /Error|at .*\.js/.test(out) }).toEqual({ code: 130, trace: false });
    const cut = await cli.inShell(`set -o pipefail; $RUNSPINE runs events ${recorded.bad} --json | head -n 1`);
    expect({ code: cut.code, err: cut.err, lines: cut.out.trim().split('\n').length }).toEqual({
      code: 0,
      err: '',
      lines: 1,
    });
  });
});

describe('ids', () => {
  it('takes the beginning of an id, with or without run_', async () => {
    for (const given of [recorded.bad, recorded.bad.slice(0, 30), recorded.bad.slice(4, 30), 'failed']) {
      const { out } = await cli.here(['runs', 'show', given, '--json']);
      expect((JSON.parse(out) as { run: Run }).run.status).toBe('failed');
    }
  });

  it('lists what a beginning fits, says what is no id, and what is not there', async () => {
    const several = await cli.here(['runs', 'show', recorded.bad.slice(0, 8)]);
    expect(several.code).toBe(2);
    expect(several.err).toContain(recorded.good);
    expect((await cli.here(['runs', 'show', 'nightly'])).code).toBe(2);
    expect((await cli.here(['runs', 'show', `run_${'0'.repeat(32)}`])).code).toBe(3);
    const missing = await cli.here(['runs', 'show', 'run_ffff', '--json']);
    expect(missing.code).toBe(3);
    expect(JSON.parse(missing.err)).toMatchObject({ error: { code: 'run.not_found', exit_code: 3 } });
  });
});

describe('runs show', () => {
  it('has panels of what, when, lineage, steps, the first failure, counts and links', async () => {
    const good = stripVTControlCharacters((await cli.inTerminal(['runs', 'show', recorded.good])).out);
    for (const title of ['What', 'When', 'Lineage', 'Steps', 'Counts', 'Links']) expect(good).toContain(`─ ${title} ─`);
    expect(good).toContain('1,500 (1,200 in, 300 out)');
    expect(good).toMatch(/✔ download +[·█]{24}/);
    expect(good).not.toContain('First failure');
    // Ids of steps where there is room for them, whole.
    expect(good).not.toContain('step_');
    expect((await cli.here(['runs', 'show', recorded.good], { columns: 110 })).out).toMatch(
      /download .* step_[0-9a-f]{32}/,
    );
    expect((await cli.here(['runs', 'show', recorded.good])).out).toMatch(/download .* step_[0-9a-f]{32}\n/);
    const { out, err } = await cli.here(['runs', 'show', recorded.bad], { columns: 80 });
    const bad = stripVTControlCharacters(out);
    expect(bad).toMatch(/First failure[\s\S]*parse[\s\S]*row 2 has 1 column[\s\S]*TypeError: no delimiter/);
    expect(bad).toContain(recorded.badParent);
    expect(err).toContain('runs explain');
    for (const line of bad.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(80);
    expect((await cli.here(['runs', 'show', recorded.badParent])).out).toContain(recorded.bad);
  });
});

describe('runs stats', () => {
  it('counts by stage, with failure rate, percentiles, tokens and cost', async () => {
    const stats = await cli.lines<Record<string, unknown>>('runs', 'stats', '--since', '7d', '--stage', 'extract');
    expect(stats).toMatchObject([
      { group: 'extract', runs: 2, completed: 1, failed: 1, failure_rate: 0.5, tokens: 1500 },
    ]);
    const { out } = await cli.here(['runs', 'stats', '--by', 'name', '--tag', 'customer'], { columns: 80 });
    expect(stripVTControlCharacters(out)).toMatch(/NAME +RUNS +DONE[\s\S]*nightly +2 +1 +1 +50 %/);
    expect((await cli.here(['runs', 'stats', '--stage', 'nowhere'])).err).toContain('No run fits');
    expect((await cli.here(['runs', 'stats'])).out).toMatch(/\nall /);
  });
});

describe('a shell', () => {
  it('completes commands, options, choices and runs', async () => {
    const complete = async (...words: string[]) => (await cli.here(['__complete', '--', ...words])).out;
    expect(await complete('ru')).toMatch(/^runs\t/);
    expect(await complete('runs', 'ex')).toMatch(/^explain\t.*\nexport\t/);
    expect(await complete('runs', 'list', '--st')).toMatch(/--status\t[\s\S]*--stage\t/);
    expect(await complete('runs', 'list', '--status', 'fa')).toBe('failed\t\n');
    expect(await complete('completion', '')).toContain('fish');
    expect(await complete('runs', 'show', recorded.bad.slice(0, 12))).toContain(recorded.bad);
    expect(await complete('nexus', 'query', '')).toBe('');
    const away = await cli.here(['__complete', '--', 'runs', 'show', ''], {
      env: { RUNSPINE_ADDRESS: 'http://127.0.0.1:1' },
    });
    expect(away).toMatchObject({ code: 0, out: '' });
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await cli.here(['completion', shell])).out).toContain('__complete');
  });

  it('is completed by bash itself', async () => {
    const { out } = await cli.inShell(`
      runspine() { "$NODE" "$BIN" "$@"; }; source <(runspine completion bash)
      COMP_WORDS=(runspine runs expl); COMP_CWORD=2; _runspine; echo "\${COMPREPLY[@]}"`);
    expect(out.trim()).toBe('explain');
  });
});

describe('settings', () => {
  it('come from options, the environment, the config file, in this order', async () => {
    const config = join(folder, 'config.json');
    const env = { RUNSPINE_CONFIG: config };
    const shown = async (args: string[] = [], more: Record<string, string> = {}) =>
      JSON.parse((await cli.here(['config', 'show', '--json', ...args], { env: { ...env, ...more } })).out) as {
        settings: Record<string, { value?: string; from: string }>;
      };
    await cli.here(['config', 'set', 'tenant', 'acme'], { env });
    await cli.here(['config', 'set', 'token', 'very-secret'], { env });
    expect((await shown()).settings).toMatchObject({
      tenant: { value: 'acme', from: config },
      address: { from: 'RUNSPINE_ADDRESS' },
      env: { value: 'default', from: 'default' },
      token: { value: '***' },
    });
    expect((await shown([], { RUNSPINE_TENANT: 'beta' })).settings.tenant).toEqual({
      value: 'beta',
      from: 'RUNSPINE_TENANT',
    });
    expect((await shown(['--tenant', 'gamma'])).settings.tenant).toEqual({ value: 'gamma', from: '--tenant' });
    expect(readFileSync(config, 'utf8')).toContain('very-secret');
    await cli.here(['config', 'unset', 'tenant', '--json'], { env });
    const table = await cli.here(['config', 'show'], { env });
    expect(table.out).toMatch(/tenant +default +default/);
    expect((await cli.here(['config', 'set', 'colour', 'red'], { env })).code).toBe(2);
  });
});
