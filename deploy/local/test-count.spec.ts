import { describe, expect, it } from '@jest/globals';
import { countTests, lineOf } from './test-count.ts';

const results = {
  success: true,
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  numRuntimeErrorTestSuites: 0,
};

describe('the last line of npm test', () => {
  it('counts what passed, failed and was skipped', () => {
    expect(lineOf(countTests(results, 'exit code 0'))).toBe('5 passed, 0 failed, 2 skipped');
  });

  it('counts a file that could not run as a failure', () => {
    const broken = { ...results, success: false, numFailedTests: 1, numRuntimeErrorTestSuites: 2 };
    expect(lineOf(countTests(broken, 'exit code 1'))).toBe('5 passed, 3 failed, 2 skipped');
  });

  it('never says that nothing failed when Jest ended badly', () => {
    expect(countTests(results, 'signal SIGKILL').failed).toBe(1);
    expect(countTests({ ...results, success: false }, 'exit code 0').failed).toBe(1);
    expect(countTests(undefined, 'exit code 1')).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
