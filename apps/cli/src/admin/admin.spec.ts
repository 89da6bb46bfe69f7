import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { called } from '../called.fixture.js';
import { AdminStandIn } from './admin-stand-in.fixture.js';

/** The operators' commands against a stand-in of the admin endpoints, of the shapes of libs/contracts. */
const standIn = new AdminStandIn();
let address: string;

beforeAll(async () => {
  address = await standIn.start();
});

afterAll(() => standIn.close());

const cli = (...args: string[]) => called(address, args);
const job = (fields: object) => ({ job_id: 'job_1', kind: 'projections_verify', result: null, error: null, ...fields });
const lastAsked = () => standIn.asked.at(-1);

describe('projections', () => {
  it('are verified as a job that is watched; differences end with 1', async () => {
    standIn.on('POST /v1/admin/projections/verify', { status: 202, body: { job_id: 'job_1' } });
    const running = job({ status: 'running', progress: { done: 500, total: 2000 } });
    const result = { events: 2000, seconds: 1.5, differences: [], differences_total: 0 };
    const done = job({ status: 'completed', progress: { done: 2000, total: 2000 }, result });
    standIn.on('GET /v1/admin/jobs/job_1', { body: running }, { body: done });
    const fine = await cli('projections', 'verify');
    expect(fine.code).toBe(0);
    expect(fine.err).toContain('500 of 2,000');
    expect(fine.out).toContain('✔ completed  projections_verify  2,000 of 2,000');

    standIn.on('GET /v1/admin/jobs/job_1', { body: running }, { body: done });
    expect((await cli('terminal', 'projections', 'verify')).err).toContain('\r');

    const differences = [{ table: 'proj_runs', tenant_id: 'default', id: 'run_1', what: 'status' }];
    standIn.on('GET /v1/admin/jobs/job_1', { body: { ...done, result: { ...result, differences } } });
    const other = await cli('projections', 'verify');
    expect(other.code).toBe(1);
    expect(other.out).toContain('what status');
  });

  it('are rebuilt only by who says so, and need not be waited for', async () => {
    standIn.on('POST /v1/admin/projections/rebuild', { status: 202, body: { job_id: 'job_2' } });
    expect((await cli('projections', 'rebuild')).code).toBe(2);
    expect(await cli('projections', 'rebuild', '--yes', '--no-wait')).toMatchObject({ code: 0, out: 'job_2\n' });
    expect(JSON.parse((await cli('projections', 'rebuild', '--yes', '--no-wait', '--json')).out)).toEqual({
      job_id: 'job_2',
    });
  });

  it('say how far they are, and why they failed', async () => {
    standIn.on('GET /v1/admin/jobs/job_2', { body: job({ status: 'running', progress: { done: 5, total: null } }) });
    expect((await cli('jobs', 'show', 'job_2')).out).toContain('● running  projections_verify  5\n');
    const error = { code: 'admin.busy', message: 'Another rebuild is under way.' };
    standIn.on('GET /v1/admin/jobs/job_2', { body: job({ status: 'failed', error }) });
    expect(await cli('jobs', 'show', 'job_2', '--wait')).toMatchObject({
      code: 1,
      err: expect.stringContaining(error.message),
    });
    standIn.on('GET /v1/admin/jobs/job_2', { body: job({ status: 'cancelled' }) });
    expect((await cli('jobs', 'show', 'job_2', '--json')).err).toContain('was cancelled');
  });
});

describe('dead letters', () => {
  const letter = {
    partition: 0,
    offset: 17,
    source: { topic: 'runspine.runs.v1', partition: 2, offset: 40, group: 'g' },
    code: 'event.malformed',
    detail: 'data.name is no text',
    time: '2026-01-31T12:00:00Z',
    event_id: null,
  };

  it('are listed, page by page', async () => {
    standIn.on('GET /v1/admin/dead-letters', { body: { items: [letter], next_cursor: 'c2' } });
    const list = await cli('dead-letters', 'list', '--topic', 'runspine.runs.v1', '--code', 'event.malformed');
    expect(list.out).toMatch(/0\/17 .* event\.malformed +runspine\.runs\.v1 2\/40 +data\.name is no text/);
    expect(list.err).toContain('--cursor c2');
    expect(lastAsked()!.query).toMatchObject({ topic: 'runspine.runs.v1', code: 'event.malformed', limit: '20' });
    const json = await cli('dead-letters', 'list', '--json');
    expect(JSON.parse(json.out)).toEqual(letter);
    expect(JSON.parse(json.err)).toEqual({ next_cursor: 'c2' });
    standIn.on('GET /v1/admin/dead-letters', { body: { items: [], next_cursor: null } });
    expect((await cli('terminal', 'dead-letters', 'list')).err).toContain('no dead letters');
  });

  it('are shown with their record', async () => {
    standIn.on('GET /v1/admin/dead-letters/0/17', {
      body: { ...letter, value: '{"name":1}', headers: { ce_id: 'x' } },
    });
    const { out } = await cli('dead-letters', 'show', '0/17');
    expect(out).toMatch(/came from +runspine\.runs\.v1 2\/40/);
    expect(out).toMatch(/value +\{"name":1\}/);
    expect(JSON.parse((await cli('dead-letters', 'show', '0/17', '--json')).out)).toMatchObject({
      value: '{"name":1}',
    });
    expect((await cli('dead-letters', 'show', 'seventeen')).code).toBe(2);
    expect((await cli('dead-letters', 'show', '9/9')).code).toBe(3);
  });

  it('are sent again: chosen, bounded, and tried dry first', async () => {
    const result = { dry_run: true, matched: 1, redriven: 0, skipped: 0, letters: [letter] };
    standIn.on('POST /v1/admin/dead-letters/redrive', { body: result });
    expect((await cli('dead-letters', 'redrive')).code).toBe(2);
    expect((await cli('dead-letters', 'redrive', '0/17')).err).toContain('--dry-run shows');
    const dry = await cli(
      'dead-letters',
      'redrive',
      '0/17',
      '--code',
      'event.malformed',
      '--dry-run',
      '--limit',
      '10',
      '--rate',
      '5',
    );
    expect(dry).toMatchObject({ code: 0, out: expect.stringMatching(/matched +1/) });
    expect(lastAsked()!.body).toEqual({
      selection: { letters: [{ partition: 0, offset: 17 }], code: 'event.malformed' },
      dry_run: true,
      limit: 10,
      rate: 5,
    });
    await cli('dead-letters', 'redrive', '--topic', 't', '--event', 'e', '--yes', '--json');
    expect(lastAsked()!.body).toEqual({ selection: { topic: 't', event_id: 'e' }, dry_run: false });
  });
});

describe('audit', () => {
  const report = { tenant_id: 'default', verified: true, events: 12, findings: [], findings_total: 0 };

  it('verifies a tenant, at once or as a job, and names what was touched', async () => {
    standIn.on('GET /v1/admin/audit', { body: report });
    expect(await cli('audit', 'verify', '--of-tenant', 'acme')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/events +12/),
    });
    expect(lastAsked()!.query).toEqual({ tenant: 'acme' });
    const findings = [
      { chain: 'run', id: 'run_1', sequence: 4, fault: 'changed', detail: 'The hash of row 4 is another.' },
    ];
    const broken = { ...report, verified: false, findings, findings_total: 1 };
    standIn.on('GET /v1/admin/audit', { status: 202, body: { job_id: 'job_3' } });
    standIn.on('GET /v1/admin/jobs/job_3', { body: job({ kind: 'audit', status: 'completed', result: broken }) });
    const found = await cli('audit', 'verify');
    expect(found.code).toBe(1);
    expect(found.out).toContain('The hash of row 4 is another.');
  });

  it('verifies a run', async () => {
    const id = `run_${'0'.repeat(32)}`;
    standIn.on(`GET /v1/runs/${id}`, { body: { run_id: id } });
    standIn.on(`GET /v1/runs/${id}/audit`, { body: report });
    expect((await cli('audit', 'verify', '--run', id)).out).toContain('as it was written.');
    expect(JSON.parse((await cli('audit', 'verify', '--run', id, '--json')).out)).toEqual(report);
    standIn.on(`GET /v1/runs/${id}/audit`, { body: { ...report, verified: false } });
    expect(await cli('audit', 'verify', '--run', id)).toMatchObject({
      code: 1,
      out: expect.stringContaining('is not as it was'),
    });
  });
});

describe('runs erase and nexus runs', () => {
  it('erases with a reason', async () => {
    const id = `run_${'1'.repeat(32)}`;
    standIn.on(`GET /v1/runs/${id}`, { body: { run_id: id, name: 'secret' } });
    standIn.on(`POST /v1/runs/${id}/erase`, { body: { run_id: id, erased_at: '2026-01-31T12:00:00Z' } });
    expect((await cli('runs', 'erase', id, '--reason', 'asked', '--yes')).out).toContain(`Erased what ${id} held`);
    expect(lastAsked()!.body).toEqual({ reason: 'asked' });
    expect(JSON.parse((await cli('runs', 'erase', id, '--reason', 'asked', '--yes', '--json')).out)).toMatchObject({
      run_id: id,
    });
    expect((await cli('runs', 'erase', id, '--yes')).code).toBe(2);
  });

  it('shows what was ingested and asked', async () => {
    const counts = { cards: 3, atoms: 1200, searches: 2, packs: 0, assets: 0 };
    const run = {
      id: 'trace-1',
      project: 'default',
      kind: 'ingest',
      status: 'completed',
      started_at: '',
      last_event_at: '2026-01-31T12:00:00Z',
      counts,
    };
    const more = { ...run, id: 'study', status: 'running', kind: 'search' };
    standIn.on('GET /nexus/runs', { body: { items: [run, more], next_cursor: 'c' } });
    const { out, err } = await cli('terminal', 'nexus', 'runs', '--window', '30', '--kind', 'ingest');
    expect(out).toMatch(/trace-1 +ingest +✔ completed .* 3 +1,200 +2/);
    expect(err).toContain('--page 2, --limit 100, or --all');
    expect(lastAsked()!.query).toEqual({ window_days: '30', kind: 'ingest', limit: '20' });
    const lines = await cli('nexus', 'runs', '--json');
    expect(lines.out.trim().split('\n')).toHaveLength(2);
    expect(lines.err).toContain('{"next_cursor":"c"}');
    standIn.on('GET /nexus/runs', { body: { items: [run], next_cursor: 'c' } }, { body: { items: [more] } });
    expect((await cli('nexus', 'runs', '--all', '--json')).out).toContain('"study"');
    standIn.on('GET /nexus/runs', { body: { items: [run], next_cursor: 'c' } }, { body: { items: [more] } });
    expect((await cli('nexus', 'runs', '--page', '2')).out).toContain('study');
    expect(lastAsked()!.query).toMatchObject({ cursor: 'c' });
    standIn.on('GET /nexus/runs', { body: { items: [run, { ...more, project: 'x' }] } });
    expect((await cli('nexus', 'runs', '--all')).out).toContain('PROJECT');
    standIn.on('GET /nexus/runs', { body: { items: [] } });
    expect((await cli('nexus', 'runs', '--status', 'failed')).err).toContain('With fewer filters');
    expect((await cli('nexus', 'runs', '--kind', 'nothing')).code).toBe(2);
    expect((await cli('nexus', 'runs')).err).toContain('last 7 days');
  });
});
