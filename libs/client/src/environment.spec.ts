import { expect, it } from '@jest/globals';
import { readEnvironment } from './environment.js';

it('takes what it is not told from the environment', () => {
  expect(
    readEnvironment({ RUNSPINE_ADDRESS: 'http://a', RUNSPINE_TENANT: '', RUNSPINE_TRACKING: 'off' }),
  ).toMatchObject({ address: 'http://a', tenant: undefined, tracking: 'off' });
});
