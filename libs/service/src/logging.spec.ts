import { describe, expect, it } from '@jest/globals';
import { createLogger, NestLogger } from './logging.js';

function logged(level: 'info' | 'trace' = 'info', fields?: () => Record<string, unknown>) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const options = fields ? { destination, fields } : { destination };
  return { lines, logger: createLogger('gateway', { logLevel: level, instance: 'here-1' }, options) };
}

describe('createLogger', () => {
  it('writes one JSON object a line with service, instance, time and the fields of the moment', () => {
    const { lines, logger } = logged('info', () => ({ request_id: 'r1' }));

    logger.info({ run_id: 'run_a' }, 'submitted');
    logger.debug('not at this level');

    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        service: 'gateway',
        instance: 'here-1',
        request_id: 'r1',
        run_id: 'run_a',
        msg: 'submitted',
      },
    ]);
  });

  it('never writes payloads or secrets', () => {
    const { lines, logger } = logged();

    logger.info({
      data: 'hidden',
      event: { data: 'hidden', type: 'run.created' },
      headers: { authorization: 'hidden' },
    });

    expect(JSON.stringify(lines)).not.toContain('hidden');
    expect(lines[0]).toMatchObject({ event: { type: 'run.created' } });
  });

  it('keeps of an error its message, code and causes, not what a driver hangs on it', () => {
    const { lines, logger } = logged();
    const cause = Object.assign(new Error('at postgres://me:hidden@db'), { code: '22P02', detail: 'hidden row' });

    logger.error({ err: new Error('batch refused', { cause }) }, 'paused');

    expect(JSON.stringify(lines)).not.toContain('hidden');
    expect(lines[0]).toMatchObject({
      level: 'error',
      msg: 'paused',
      err: { message: 'batch refused', cause: { code: '22P02', message: 'at postgres://me:***@db' } },
    });
  });

  it('survives causes that go round in a circle', () => {
    const { lines, logger } = logged();
    const error = new Error('round');
    error.cause = error;

    logger.error({ err: error }, 'circle');

    expect(lines).toHaveLength(1);
  });
});

describe('NestLogger', () => {
  it('passes Nest’s lines on with their context, and its wiring only to those who debug', () => {
    const { lines, logger } = logged();
    const nest = new NestLogger(logger);

    nest.log('Mapped {/v1/runs, POST} route', 'RouterExplorer');
    nest.log('started', 'Gateway');
    nest.error('went wrong', 'Error: went wrong\n    at x', 'Gateway');
    nest.warn(new Error('careful'), 'Gateway');

    expect(lines).toMatchObject([
      { level: 'info', msg: 'started', context: 'Gateway' },
      { level: 'error', msg: 'went wrong', context: 'Gateway', stack: expect.stringContaining('at x') },
      { level: 'warn', msg: 'careful', context: 'Gateway' },
    ]);
  });
});
