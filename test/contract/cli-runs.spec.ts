import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, type Run, type RunspineClient, Tracker } from '@runspine/client';
import stringWidth from 'string-width';
import { CommandLine } from '../stack/command-line.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/** The command line against the real gateway, projector, Kafka and PostgreSQL, with runs that the client recorded. */
let stack: Stack;
let client: RunspineClient;
let cli: CommandLine;
let folder: string;
const recorded: Record<'good' | 'bad' | 'badParent' | 'open', string> = { good: '', bad: '', badParent: '', open: '' };

async function pipeline(delimiter: string): Promise<{ stage: string; whole: string }> {
  const ids = { stage: '', whole: '' };
  const tracker = new Tracker({ client, spoolDir: false, codeRef: 'abc123' });
  const config = { model: delimiter === ',' ? 'small-1' : 'small-2' };
  const stage = { stage: 'extract', name: 'extract orders', input: { file: 'orders.csv' }, config };
  await tracker
    .trackRun({ name: 'nightly', kind: 'pipeline', tags: { customer: 'acme' } }, async (run) => {
      ids.whole = run.id;
      await tracker.trackStage(stage, async (part) => {
        ids.stage = part.id;
        await part.task({ name: 'download', inputs: { url: 'https://example.com' } }, () => 'ok');
        await part.task({ name: 'parse', inputs: { delimiter } }, () => {
          if (delimiter !== ',') throw new Error('row 2 has 1 column', { cause: new TypeError('no delimiter') });
        });
        part.measure({ rows_in: 3, rows_out: 3, tokens_in: 1200, tokens_out: 300, cost_usd: 0.012 });
      });
    })
    .catch(() => undefined);
  await tracker.close();
  return ids;
}

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  const { address } = stack.gateways[0]!;
  client = createClient({ address });
  cli = new CommandLine(address);
  folder = mkdtempSync(join(tmpdir(), 'runspine-cli-'));
  recorded.good = (await pipeline(',')).stage;
  const bad = await pipeline(';');
  Object.assign(recorded, { bad: bad.stage, badParent: bad.whole });
  const open = await client.runs.create({ name: 'open \u001b]0;title\u0007\u001b[31mred', stage: 'slow' });
  recorded.open = (await client.runs.start(open.run_id)).run_id;
  await until('the runs', async () => (await client.runs.list().first(9)).length === 5);
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stack.close();
});

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
    const { out, err } = await cli.here(['runs', 'show', recorded.bad], { columns: 80 });
    const bad = stripVTControlCharacters(out);
    expect(bad).toMatch(/First failure[\s\S]*parse[\s\S]*row 2 has 1 column[\s\S]*TypeError: no delimiter/);
    expect(bad).toContain(recorded.badParent);
    expect(err).toContain('runs explain');
    for (const line of bad.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(80);
    expect((await cli.here(['runs', 'show', recorded.badParent])).out).toContain(recorded.bad);
  });
});

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
    for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(80);
    const narrow = await cli.here(['runs', 'explain'], { columns: 50 });
    // What is to be copied stays in one line.
    const lines = stripVTControlCharacters(narrow.out)
      .split('\n')
      .filter((line) => !line.startsWith('  runspine '));
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(50);
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

describe('runs export and import', () => {
  it('gives the whole trail, and takes it elsewhere', async () => {
    const json = JSON.parse((await cli.here(['runs', 'export', recorded.bad])).out) as { events: unknown[] };
    expect(json).toMatchObject({ run: { run_id: recorded.bad }, steps: [{}, {}] });
    expect(json.events).toHaveLength(11);
    const lines = (await cli.here(['runs', 'export', recorded.bad, '--format', 'ndjson'])).out.trim().split('\n');
    expect(JSON.parse(lines[10]!)).toMatchObject({ run_sequence: 11, type: 'run.failed' });
    const file = join(folder, 'run.ndjson');
    const written = await cli.here(['runs', 'export', recorded.bad, '--format', 'import', '-o', file]);
    expect(written.err).toContain(`11 events of ${recorded.bad}`);
    const elsewhere = ['--tenant', 'elsewhere'];
    const imported = await cli.here(['runs', 'import', file, ...elsewhere]);
    expect(imported).toMatchObject({ code: 0, out: '11 events of 1 runs are sent.\n' });
    expect((await cli.here(['runs', 'import', file, ...elsewhere, '--json'])).code).toBe(0);
    const there = JSON.parse((await cli.here(['runs', 'show', 'latest', '--json', ...elsewhere])).out) as { run: Run };
    expect(there.run).toMatchObject({ run_id: recorded.bad, status: 'failed', version: 11 });
  });

  it('says what of a file it could not take', async () => {
    const file = join(folder, 'broken.ndjson');
    writeFileSync(file, 'no event\n');
    const broken = await cli.here(['runs', 'import', file]);
    expect(broken.code).toBe(1);
    expect(broken.err).toContain('1 lines are no events');
    expect((await cli.here(['runs', 'import', join(folder, 'nowhere')])).code).toBe(2);
    const line = { id: '019c13ec-9e00-7abc-8def-0123456789ab', type: 'run.started', data: { run_id: recorded.good } };
    writeFileSync(file, `${JSON.stringify(line)}\n`);
    const refused = await cli.here(['runs', 'import', file]);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('run.invalid_transition') });
    expect((await cli.here(['rejections', '--run', recorded.good])).out).toContain('run.invalid_transition');
    expect((await cli.here(['rejections', '--reason', 'run.exists'])).err).toContain('No event was refused');
    expect(await cli.lines('rejections', '--limit', '5')).toHaveLength(1);
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

describe('what changes a run', () => {
  it('annotates, scores, cancels, and erases only for admins', async () => {
    const { run_id: id } = await client.runs.create({ name: 'changed', input: { secret: 'of Ada' } });
    expect((await cli.here(['runs', 'annotate', id])).code).toBe(2);
    await cli.here([
      'runs',
      'annotate',
      id,
      '--tag',
      'reviewed=yes',
      '--metadata',
      'ticket=42',
      '--metadata',
      'by=Ada',
    ]);
    await cli.here(['runs', 'score', id, 'faithful', '0.9', '--comment', 'read by hand']);
    expect((await cli.here(['runs', 'score', id, 'faithful', 'high'])).code).toBe(2);
    const cancelled = await cli.here(['runs', 'cancel', id, '--reason', 'no need', '--json']);
    expect(JSON.parse(cancelled.out)).toMatchObject({
      status: 'cancelled',
      tags: { reviewed: 'yes' },
      metadata: { ticket: 42, by: 'Ada' },
      scores: [{ name: 'faithful', value: 0.9 }],
    });
    expect((await cli.here(['runs', 'explain', id])).out).toContain('was cancelled: no need');
    expect((await cli.here(['runs', 'cancel', id])).code).toBe(1);
    expect((await cli.here(['runs', 'show', id])).out).toContain('faithful 0.9 (read by hand)');
    const erase = ['runs', 'erase', id, '--reason', 'request 4711'];
    expect((await cli.here(erase)).err).toContain('--yes answers it.');
    const refused = await cli.here([...erase, '--yes']);
    expect(refused.code).toBe(5);
    expect(refused.err).toContain('--roles');
  });
});

describe('runs rerun', () => {
  let repo: string;
  let head: string;

  beforeAll(() => {
    repo = mkdtempSync(join(tmpdir(), 'runspine-rerun-'));
    const built = pathToFileURL(join(import.meta.dirname, '../../libs/client/dist/index.js')).href;
    writeFileSync(
      join(repo, 'job.mjs'),
      `import { Tracker } from '${built}'; const tracker = new Tracker({ spoolDir: false });
       await tracker.trackRun({ name: 'job' }, () => console.log('ran again')); await tracker.close(); process.exit(3);`,
    );
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: repo });
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'job');
    head = git('rev-parse', 'HEAD').toString().trim();
  });

  afterAll(() => rmSync(repo, { recursive: true, force: true }));

  const job = (fields: object = {}) =>
    client.runs.create({ name: 'job', command: `${process.execPath} job.mjs`, cwd: repo, code_ref: head, ...fields });

  it('shows the command, asks, runs it, and links what it recorded', async () => {
    const { run_id: id } = await job();
    const { out, code } = await cli.inTerminal(['runs', 'rerun', id], { keys: 'y\r' });
    expect(out).toContain('job.mjs');
    expect(out).toContain('Run it? [y/N]');
    expect(out).toContain('ran again');
    expect(code).toBe(3);
    const latest = (await client.runs.list({ limit: 1 }).first(1))[0]!;
    expect(latest).toMatchObject({ name: 'job', rerun_of: id, status: 'completed' });
    expect(out).toContain(latest.run_id);
    const declined = await cli.here(['runs', 'rerun', id], { columns: 80, keys: ['n\r'] });
    expect(declined).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was done.') });
  });

  it('runs what a part of a run belongs to, for programs too', async () => {
    const { run_id: id } = await job();
    const child = await client.runs.create({ parent_run_id: id });
    const { code, out } = await cli.here(['runs', 'rerun', child.run_id, '--yes', '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ rerun_of: id, exit_code: 3, run_id: expect.stringMatching(/^run_/) });
  });

  it('refuses other code unless told, and what it cannot run', async () => {
    const other = await job({ code_ref: 'f'.repeat(40) });
    const refused = await cli.here(['runs', 'rerun', other.run_id, '--yes']);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('--other-code');
    expect((await cli.here(['runs', 'rerun', other.run_id, '--yes', '--other-code', '--command', 'exit 7'])).code).toBe(
      7,
    );
    const dirty = await job({ code_ref: `${head}-dirty` });
    expect((await cli.here(['runs', 'rerun', dirty.run_id, '--yes'])).code).toBe(1);
    expect((await cli.here(['runs', 'rerun', recorded.open, '--yes'])).err).toContain('No command was recorded');
    const secret = await job({ command: 'job --token ***' });
    expect((await cli.here(['runs', 'rerun', secret.run_id])).err).toContain('secret');
    const gone = await job({ cwd: '/nowhere' });
    expect((await cli.here(['runs', 'rerun', gone.run_id])).err).toContain('--cwd');
    expect((await cli.here(['runs', 'rerun', (await job()).run_id])).err).toContain('Nobody is there');
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
