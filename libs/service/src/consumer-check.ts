import type { CheckResult } from './health.js';

/** What a consumer of Kafka says of itself, as far as its readiness goes. */
export interface ConsumerState {
  /** True: a member of its group. */
  readonly joined: boolean;
  /** True: every partition it was given is read. */
  readonly ready: boolean;
  readonly partitions: readonly { readonly partition: number; readonly state: string; readonly error?: string }[];
}

/** The readiness of a consumer: a member of its group, with no partition that stopped or fails. Undefined: not started. */
export function consumerCheck(state: ConsumerState | undefined): CheckResult {
  if (!state?.joined) return { ok: false, detail: 'not a member of its group yet' };
  const faulty = state.partitions.filter((one) => one.state === 'stopped' || one.state === 'retrying');
  if (faulty.length > 0) {
    return { ok: false, detail: faulty.map(({ partition, error }) => `partition ${partition}: ${error}`).join('; ') };
  }
  return { ok: state.ready, detail: `${state.partitions.length} partitions` };
}
