/** What is read of Jest's own results (`--json`). */
export interface JestResults {
  success: boolean;
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Files that could not run at all: none of their tests is among the failed ones. */
  numRuntimeErrorTestSuites: number;
}

export interface TestCount {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * What a run of Jest came to, true to the run: a file that could not run counts as a failure, and whatever else made
 * Jest end badly counts as one when nothing else did. `ended` is how its process ended.
 */
export function countTests(results: JestResults | undefined, ended: string): TestCount {
  if (!results) return { passed: 0, failed: 1, skipped: 0 };
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const bad = !results.success || ended !== 'exit code 0';
  return {
    passed: results.numPassedTests,
    failed: bad ? Math.max(failed, 1) : failed,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/** The last line of `npm test`. */
export function lineOf({ passed, failed, skipped }: TestCount): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
