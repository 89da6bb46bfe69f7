import { TestEnvironment } from 'jest-environment-node';

/** Jest's Node environment, which prints what the services of a stack logged when a test fails. */
export default class FailureLogs extends TestEnvironment {
  startedMs = 0;

  handleTestEvent(event) {
    if (event.name === 'test_start') this.startedMs = Date.now();
    if (event.name !== 'test_fn_failure' && event.name !== 'hook_failure') return;
    const logs = this.global.servicesLogged?.(event.name === 'hook_failure' ? 0 : this.startedMs);
    if (logs) process.stderr.write(`\n${event.test?.name ?? 'a hook'} failed; the services logged\n${logs}\n`);
  }
}
