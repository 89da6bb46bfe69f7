import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminStandIn } from './admin/admin-stand-in.fixture.js';
import { called } from './called.fixture.js';
import { runCli } from './program.js';

/** What is said of failures, and how the process ends, against a stand-in that fails as it is told. */
const standIn = new AdminStandIn();
let address: string;

beforeAll(async () => {
  address = await standIn.start();
});

afterAll(() => standIn.close());

const cli = (...args: string[]) => called(address, args);

describe('runs tail --follow', () => {
  it('says that the gateway is away, once, and goes on when it is back', async () => {
    const run = (status: string) => ({
      run_id: `run_${'2'.repeat(32)}`,
      name: 'slow',
      status,
      stalled: false,
      metrics: {},
      created_at: '2026-01-31T12:00:00Z',
    });
    const page = (status: string) => ({ body: { items: [run(status)], next_cursor: null } });
    const error = { code: 'store.unavailable', message: 'PostgreSQL does not answer.', retryable: true, details: {} };
    const away = { status: 503, body: { error } };
    standIn.on('GET /v1/runs', page('running'), away, away, away, away, away, away, page('running'), page('completed'));
    const stop = new AbortController();
    const written = { out: '', err: '' };
    const sink = (name: 'out' | 'err') => ({
      write: (text: string) => {
        written[name] += text;
        if (written.out.includes('completed')) stop.abort();
      },
    });
    const code = await runCli(['runs', 'tail', '-f', '--json'], {
      env: { RUNSPINE_ADDRESS: address, RUNSPINE_CONFIG: '/nonexistent' },
      cwd: '/',
      stdin: new PassThrough(),
      stdout: sink('out'),
      stderr: sink('err'),
      signal: stop.signal,
    });
    expect(code).toBe(130);
    expect(written.err).toBe('PostgreSQL does not answer. Trying on.\nThe gateway is back.\n');
    expect(
      written.out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { status: string }).status),
    ).toEqual(['running', 'completed']);
  });
});

describe('a failure', () => {
  it('ends with what kind it is', async () => {
    const answer = (status: number, code: string, details = {}) => ({
      status,
      body: { error: { code, message: 'So it is.', retryable: false, details, request_id: 'r1' } },
    });
    const codeOf = async (status: number, code: string, details = {}) => {
      standIn.on('GET /v1/rejections', answer(status, code, details));
      return cli('rejections');
    };
    expect(await codeOf(404, 'request.not_found')).toMatchObject({
      code: 3,
      err: expect.stringContaining('older than'),
    });
    expect(await codeOf(403, 'auth.forbidden', { required: ['admin', 'system'] })).toMatchObject({ code: 5 });
    const faults = [{ path: '/limit', message: 'must be integer' }];
    expect(await codeOf(400, 'request.invalid', { faults })).toMatchObject({
      code: 2,
      err: expect.stringContaining('/limit: must'),
    });
    expect(await codeOf(409, 'run.exists')).toMatchObject({
      code: 1,
      err: expect.stringContaining('run.exists, request r1'),
    });
    expect(await codeOf(503, 'store.unavailable')).toMatchObject({ code: 4 });
    standIn.on('GET /v1/rejections', { body: { error: 'no page' } });
    expect(await cli('rejections')).toMatchObject({
      code: 1,
      err: expect.stringContaining('the address of a gateway'),
    });
  });

  it('is told as JSON where JSON was asked for', async () => {
    const { code, err, out } = await cli('runs', 'list', '--limit', 'many', '--json');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'cli.usage', exit_code: 2 } });
  });

  it('names the gateway that is away, and how to start one', async () => {
    const away = await cli('runs', 'tail', '--address', 'http://127.0.0.1:9', '--timeout', '2');
    expect(away.code).toBe(4);
    expect(away.err).toContain('Nothing answers at http://127.0.0.1:9');
    expect(away.err).toContain('npm start');
    expect((await cli('runs', 'tail', '--address', 'nowhere')).code).toBe(2);
  });

  it('of usage suggests what was meant', async () => {
    expect((await cli('runs', 'tial')).err).toContain('Did you mean tail?');
    expect((await cli('runs')).code).toBe(2);
    expect((await cli('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await cli('terminal', 'runs', 'explain', '--help')).out).toMatch(/Examples:\n +runspine runs explain/);
  });
});
