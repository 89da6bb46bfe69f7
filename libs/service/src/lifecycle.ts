import { Health } from './health.js';
import { createLogger, describeError, type Logger } from './logging.js';
import { createMetrics, type Metrics } from './metrics.js';
import {
  type CoreSettings,
  readSettings,
  type SettingsDefinition,
  SettingsError,
  type SettingsOf,
} from './settings.js';

/** What a service is given as it starts. */
export interface Service<S> {
  readonly name: string;
  readonly settings: S;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** Logs the error and ends the process with code 1: for what no retry mends. */
  readonly fatal: (error: unknown) => never;
}

/** Finishes the work in hand and closes what is open. */
export type Drain = () => Promise<void>;

export interface ServiceOptions<D extends SettingsDefinition> {
  /** `gateway`, `projector`: in logs and metrics. */
  name: string;
  /** Settings to read; `coreSettings` among them. */
  settings: D;
  /** Starts the work and returns what drains it. Throwing ends the process with code 1. */
  start: (service: Service<SettingsOf<D>>) => Promise<Drain>;
  /** Longest drain, milliseconds. @default the setting RUNSPINE_DRAIN_MS */
  drainMsMax?: number;
  /** Fields for every log line. */
  logFields?: () => Record<string, unknown>;
}

/** A second signal this soon is the terminal's and the launcher's word for one Ctrl-C, not impatience. Milliseconds. */
const ONE_SIGNAL_MS = 300;
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Runs a service until it is told to stop. SIGTERM, SIGINT, or the end of the parent that forked it: unready at once,
 * then `drain` in bounded time, then exit 0. A second signal exits at once, with 128 + its number. An unhandled
 * rejection, an uncaught exception and a failed start are logged and exit 1.
 */
export async function runService<D extends SettingsDefinition>(options: ServiceOptions<D>): Promise<void> {
  const settings = settingsOrExit(options.name, options.settings);
  const core = settings as unknown as CoreSettings;
  const logger = createLogger(options.name, core, options.logFields ? { fields: options.logFields } : {});
  const service: Service<SettingsOf<D>> = {
    name: options.name,
    settings,
    logger,
    metrics: createMetrics(options.name),
    health: new Health(),
    fatal: (error) => exitFatal(logger, error, 'ended by a fatal error'),
  };
  process.on('uncaughtException', (error) => exitFatal(logger, error, 'uncaught exception'));
  process.on('unhandledRejection', (reason) => exitFatal(logger, reason, 'unhandled rejection'));

  // A turn later, so that a signal during the very first steps already finds its listener.
  const started = Promise.resolve().then(() => options.start(service));
  stopOnSignals(service, started, options.drainMsMax ?? core.drainMs);
  try {
    await started;
  } catch (error) {
    // Told to stop while it waited for what it needs: the drain below ends the process.
    if (!service.health.draining) exitFatal(logger, error, 'could not start');
  }
}

/** A command that runs and ends: set-up, repair. A failure is logged, and told on stderr in plain words; exit code 1. */
export async function runCommand<D extends SettingsDefinition>(options: {
  name: string;
  settings: D;
  run: (command: { settings: SettingsOf<D>; logger: Logger }) => Promise<void>;
}): Promise<void> {
  const settings = settingsOrExit(options.name, options.settings);
  const logger = createLogger(options.name, settings as unknown as CoreSettings);
  try {
    await options.run({ settings, logger });
  } catch (error) {
    logger.fatal({ err: error }, 'failed');
    process.stderr.write(`${options.name}: ${String(describeError(error).message)}\n`);
    process.exit(1);
  }
}

function settingsOrExit<D extends SettingsDefinition>(name: string, definition: D): SettingsOf<D> {
  try {
    return readSettings(definition);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    return process.exit(1);
  }
}

function stopOnSignals(service: Service<unknown>, started: Promise<Drain>, drainMsMax: number): void {
  let stoppingSinceMs: number | undefined;
  const stop = (reason: keyof typeof SIGNAL_NUMBERS | 'disconnect') => {
    if (stoppingSinceMs !== undefined) {
      if (reason === 'disconnect' || Date.now() - stoppingSinceMs < ONE_SIGNAL_MS) return;
      service.logger.warn({ signal: reason }, 'second signal: leaving at once');
      process.exit(128 + SIGNAL_NUMBERS[reason]);
    }
    stoppingSinceMs = Date.now();
    service.logger.info({ signal: reason, drain_ms_max: drainMsMax }, 'draining');
    void drainAndExit(service, started, drainMsMax);
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  if (process.channel) process.on('disconnect', () => stop('disconnect'));
}

async function drainAndExit(service: Service<unknown>, started: Promise<Drain>, drainMsMax: number): Promise<never> {
  service.health.beginDraining();
  const fromMs = Date.now();
  const late = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), drainMsMax));
  try {
    const begun = started.catch((error: unknown) => {
      service.logger.info({ err: error }, 'stopped before it had started');
    });
    const drained = begun.then((drain) => drain?.()).then(() => 'drained' as const);
    const how = await Promise.race([drained, late]);
    const fields = { duration_ms: Date.now() - fromMs };
    if (how === 'late') service.logger.warn(fields, 'drain cut short');
    else service.logger.info(fields, 'drained');
    return process.exit(0);
  } catch (error) {
    return exitFatal(service.logger, error, 'drain failed');
  }
}

function exitFatal(logger: Logger, error: unknown, what: string): never {
  logger.fatal({ err: error }, what);
  return process.exit(1);
}
