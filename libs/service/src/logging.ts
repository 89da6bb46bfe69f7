import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';
import { type CoreSettings, maskPasswords } from './settings.js';

/** A JSON logger: `logger.info({ run_id }, 'what happened')`. Fields in snake case; never payloads. */
export type Logger = PinoLogger;

export interface LoggerOptions {
  /** Fields for every line, asked at each: the request's id and tenant. */
  fields?: () => Record<string, unknown>;
  /** Where lines go. @default standard output, written at once */
  destination?: DestinationStream;
}

/** Names under which payloads and secrets might be logged by mistake: their values are never written. */
const REDACTED = [
  'data',
  'payload',
  'value',
  'body',
  'input',
  'output',
  'authorization',
  'cookie',
  'password',
  'ticket',
];

/**
 * A logger that writes one JSON object a line: level, time (RFC 3339), service, instance, the line's own fields, msg.
 * Of an error (`{ err }`) it writes type, message, code, stack and cause, with passwords in addresses masked; nothing
 * else that a driver hangs on it, since PostgreSQL's details quote rows.
 */
export function createLogger(
  service: string,
  settings: Pick<CoreSettings, 'logLevel' | 'instance'>,
  options: LoggerOptions = {},
): Logger {
  return pino(
    {
      level: settings.logLevel,
      base: { service, instance: settings.instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '(not logged)' },
      serializers: { err: describeError, error: describeError },
      ...(options.fields ? { mixin: options.fields } : {}),
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

/** What may be written of an error, its causes included (at most 5). */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error, message: maskPasswords(String(error)) };
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return {
    type: error.name,
    message: maskPasswords(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    stack: maskPasswords(error.stack ?? ''),
    ...(cause !== undefined && depth < 5 ? { cause: describeError(cause, depth + 1) } : {}),
  };
}

/** Nest's own lines about its modules and routes: of use to someone who looks for a fault in the wiring. */
const WIRING = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** Takes Nest's log lines (its LoggerService, by shape): `NestFactory.create(…, { logger: new NestLogger(logger) })`. */
export class NestLogger {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    this.write(typeof context === 'string' && WIRING.has(context) ? 'debug' : 'info', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nest hands over, after the message, a stack (with errors) and last the context's name. */
  private write(
    level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal',
    message: unknown,
    rest: unknown[],
  ): void {
    const context = typeof rest.at(-1) === 'string' ? rest.at(-1) : undefined;
    const stack = rest.slice(0, -1).find((item) => typeof item === 'string');
    const fields = { ...(context === undefined ? {} : { context }), ...(stack === undefined ? {} : { stack }) };
    if (message instanceof Error) this.logger[level]({ ...fields, err: message }, message.message);
    else this.logger[level](fields, typeof message === 'string' ? maskPasswords(message) : JSON.stringify(message));
  }
}
