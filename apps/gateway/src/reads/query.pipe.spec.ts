import { expect, it } from '@jest/globals';
import { RunsQuery } from '@runspine/contracts';
import { QueryPipe } from './query.pipe.js';

const pipe = new QueryPipe(RunsQuery);
const faultsOf = (sent: Record<string, string | string[]>) => {
  try {
    return { taken: pipe.transform(sent) };
  } catch (error) {
    return (error as { details: { faults: { path: string; message: string }[] } }).details.faults;
  }
};

it('types what it takes', () => {
  expect(pipe.transform({ limit: '7', stalled: 'false', stage: 'load', since: '2026-01-31t12:00:00+01:00' })).toEqual({
    limit: 7,
    stalled: false,
    stage: 'load',
    since: '2026-01-31T11:00:00.000Z',
  });
  expect(pipe.transform({})).toEqual({});
});

it.each<[Record<string, string | string[]>, string]>([
  [{ stat: 'running' }, 'stat'],
  [{ __proto__x: '1' }, '__proto__x'],
  [{ constructor: '1' }, 'constructor'],
  [{ status: 'Running' }, 'status'],
  [{ status: '' }, 'status'],
  [{ status: ['created', 'running'] }, 'status'],
  [{ stage: '' }, 'stage'],
  [{ stage: 'x'.repeat(129) }, 'stage'],
  [{ stage: 'a\u0000b' }, 'stage'],
  [{ stage: '\ud800' }, 'stage'],
  [{ room: '../etc' }, 'room'],
  [{ parent: 'run_x' }, 'parent'],
  [{ limit: '0' }, 'limit'],
  [{ limit: '201' }, 'limit'],
  [{ limit: '-1' }, 'limit'],
  [{ limit: '1e2' }, 'limit'],
  [{ limit: '0x10' }, 'limit'],
  [{ limit: ' 5' }, 'limit'],
  [{ limit: '99999999999999999999' }, 'limit'],
  [{ stalled: '1' }, 'stalled'],
  [{ stalled: 'TRUE' }, 'stalled'],
  [{ since: '2026-01-31' }, 'since'],
  [{ until: 'yesterday' }, 'until'],
  [{ until: '2026-02-30T00:00:00Z' }, 'until'],
])('refuses %j and names it', (sent, path) => {
  expect(faultsOf(sent)).toEqual([{ path, message: expect.any(String) }]);
});

it('names every fault of one request', () => {
  expect(faultsOf({ stat: '1', limit: ['1', '2'] })).toHaveLength(2);
  expect(faultsOf({ status: 'x', limit: 'y' })).toHaveLength(2);
});
