import { maskPasswords } from './settings.js';

/** What a check found; `detail` says why, or how much. */
export interface CheckResult {
  ok: boolean;
  detail?: string;
}

/** A readiness check. Throwing is not ok, with the error's message. */
export type Check = () => CheckResult | Promise<CheckResult>;

/** The answer of `/health/ready`. */
export interface Readiness {
  status: 'ok' | 'unready';
  checks: Record<string, CheckResult>;
}

/** How long a check may take by default, milliseconds. */
export const CHECK_MS_MAX = 1000;

interface Registered {
  check: Check;
  msMax: number;
  running: Promise<CheckResult> | undefined;
}

/**
 * Whether a process lives, and whether it can do its work. Live: the process answers. Ready: every check passes and it
 * is not draining. A check is asked at each reading, never twice at once, and one that takes too long is not ok.
 */
export class Health {
  private readonly checks = new Map<string, Registered>();
  private drainingSince: Date | undefined;

  /** Adds a check; the same name again replaces it. `msMax`: milliseconds it may take. @default 1000 */
  add(name: string, check: Check, msMax: number = CHECK_MS_MAX): void {
    this.checks.set(name, { check, msMax, running: undefined });
  }

  /** Takes a check away; a name that is not there is fine. */
  remove(name: string): void {
    this.checks.delete(name);
  }

  /** From now on unready, so that balancers send no more work. */
  beginDraining(): void {
    this.drainingSince ??= new Date();
  }

  /** True once the process is shutting down. */
  get draining(): boolean {
    return this.drainingSince !== undefined;
  }

  /** The answer of `/health/live`. */
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Asks every check, at once. */
  async ready(): Promise<Readiness> {
    const entries = await Promise.all(
      [...this.checks].map(async ([name, registered]) => [name, await ask(registered)] as const),
    );
    const checks = Object.fromEntries(entries);
    if (this.drainingSince) checks.draining = { ok: false, detail: `since ${this.drainingSince.toISOString()}` };
    return { status: Object.values(checks).every((check) => check.ok) ? 'ok' : 'unready', checks };
  }
}

async function ask(registered: Registered): Promise<CheckResult> {
  registered.running ??= attempt(registered.check).finally(() => (registered.running = undefined));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: `no answer in ${registered.msMax} ms` }), registered.msMax);
  });
  try {
    return await Promise.race([registered.running, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function attempt(check: Check): Promise<CheckResult> {
  try {
    return await check();
  } catch (error) {
    return { ok: false, detail: maskPasswords(error instanceof Error ? error.message : String(error)) };
  }
}
