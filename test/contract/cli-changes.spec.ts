import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Run, RunLog, type RunspineClient, writeRunLog } from '@runspine/client';
import type { CommandLine } from '../stack/command-line.js';
import type { RecordedRuns } from '../stack/recorded-pipeline.js';
import { type RecordedStack, startRecordedStack } from '../stack/recorded-stack.js';

/** What the command line writes: exports, imports, annotations, reruns, against the real services. */
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
    expect(imported).toMatchObject({ code: 0, out: '11 events of 1 run are sent.\n' });
    expect((await cli.here(['runs', 'import', file, ...elsewhere, '--json'])).code).toBe(0);
    const there = JSON.parse((await cli.here(['runs', 'show', 'latest', '--json', ...elsewhere])).out) as { run: Run };
    expect(there.run).toMatchObject({ run_id: recorded.bad, status: 'failed', version: 11 });
  });

  it('takes a log that was kept in a process, as it was written to a file', async () => {
    const log = new RunLog();
    log.emit('workflow_started', {});
    log.emit('task_inputs_resolved', { task_id: 'parse', inputs: { rows: 7 } });
    log.emit('task_failed', { task_id: 'parse', error: { message: 'row 2' } });
    log.emit('workflow_failed', { error: { message: 'row 2' }, failed_task_id: 'parse' });
    const file = join(folder, 'log.ndjson');
    const id = await writeRunLog(log, file, { name: 'kept in a process' });
    for (let time = 0; time < 2; time++) {
      const imported = await cli.here(['runs', 'import', file]);
      expect(imported).toMatchObject({ code: 0, out: expect.stringMatching(/ of 1 run are/) });
    }
    const shown = await cli.here(['runs', 'explain', id]);
    expect(shown.out).toMatch(/kept in a process → step parse[\s\S]*row 2[\s\S]*rows +7/);
  });

  it('says what of a file it could not take', async () => {
    const file = join(folder, 'broken.ndjson');
    writeFileSync(file, 'no event\n');
    const broken = await cli.here(['runs', 'import', file]);
    expect(broken.code).toBe(1);
    expect(broken.err).toContain('1 line is no event');
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
