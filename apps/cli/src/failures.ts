import { isRunspineError, type RunspineError } from '@runspine/client';
import type { Settings } from './settings.js';

/** How a process ends; docs/cli.md has them for scripts. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  forbidden: 5,
  interrupted: 130,
} as const;

/** What each exit code means. */
export const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'Done.'],
  [EXIT.failed, 'The operation failed or was refused; a check found differences.'],
  [EXIT.usage, 'An unknown command or option, or a value that does not fit. Nothing was done.'],
  [EXIT.notFound, 'What was asked for is not there.'],
  [EXIT.unreachable, 'The gateway, or what it needs, does not answer. The same call may succeed later.'],
  [EXIT.forbidden, 'The caller lacks the role that this takes.'],
  [EXIT.interrupted, 'Ctrl-C.'],
];

/** A failure that a person is told of, with what to do next. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly exitCode: number,
    /** What to do about it, a line each. */
    readonly hints: readonly string[] = [],
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** A value that does not fit. */
export function usage(message: string, ...hints: string[]): Failure {
  return new Failure('cli.usage', message, EXIT.usage, hints);
}

/** What a failure of any kind is to a person. */
export function failureOf(error: unknown, settings: Settings | undefined): Failure {
  if (error instanceof Failure) return error;
  if (isRunspineError(error)) return failureOfAnswer(error, settings);
  const { code, message, path } = (error ?? {}) as { code?: unknown; message?: unknown; path?: unknown };
  if (code === 'ENOENT' && typeof path === 'string') return usage(`There is no file ${path}.`);
  if (code === 'EISDIR') return usage('That is a folder; a file is needed.');
  return new Failure('cli.failed', typeof message === 'string' ? message : String(error), EXIT.failed);
}

function failureOfAnswer(error: RunspineError, settings: Settings | undefined): Failure {
  const { code, message, status, requestId, details } = error;
  const known = { ...details, status, ...(requestId === undefined ? {} : { request_id: requestId }) };
  const failure = (exitCode: number, ...hints: string[]) => new Failure(code, message, exitCode, hints, known);
  if (code === 'client.unreachable' || code === 'client.timeout') {
    const where = settings?.address ?? 'the gateway';
    return new Failure(
      code,
      `Nothing answers at ${where}: ${reasonOf(message)}.`,
      EXIT.unreachable,
      [
        '`npm start` in the repository starts Runspine on this machine.',
        'It is elsewhere? --address, RUNSPINE_ADDRESS or `runspine config set address URL` say where.',
      ],
      known,
    );
  }
  if (code === 'client.bad_answer') {
    return failure(EXIT.failed, `Is ${settings?.address ?? 'this'} the address of a gateway of Runspine?`);
  }
  if (status === 401 || status === 403) return failure(EXIT.forbidden, ...roleHints(details, settings));
  if (status === 404 || status === 410) return failure(EXIT.notFound, ...notFoundHints(code, settings));
  if (status === 400) return new Failure(code, withFaults(message, details), EXIT.usage, [], known);
  if (status >= 502 && status <= 504) return failure(EXIT.unreachable, 'It may be there again soon: try once more.');
  return failure(EXIT.failed);
}

function reasonOf(message: string): string {
  return message.replace(/^The gateway cannot be reached: /, '').replace(/\.$/, '');
}

function roleHints(details: Readonly<Record<string, unknown>>, settings: Settings | undefined): string[] {
  const role = Array.isArray(details.required) ? details.required.join(' or ') : (details.required ?? 'admin');
  const roles = ['reader', 'writer', 'ingester', typeof role === 'string' ? role.split(' ')[0] : 'admin'].join(',');
  return settings?.token === undefined
    ? [`It takes the role ${String(role)}. In development: --roles ${roles}, or RUNSPINE_ROLES=${roles}`]
    : [`It takes the role ${String(role)}, which the token in use does not give.`];
}

function notFoundHints(code: string, settings: Settings | undefined): string[] {
  const whose = settings ? ` of tenant ${settings.tenant}, env ${settings.env}` : '';
  if (code === 'run.not_found') return [`\`runspine runs list\` shows the runs${whose}.`];
  if (code.startsWith('nexus')) return [`\`runspine nexus spaces\` shows the spaces${whose}.`];
  if (code === 'request.not_found' || code === 'http.not_found' || code === 'route.not_found') {
    return ['This gateway does not know the route: it may be older than this command.'];
  }
  return whose === '' ? [] : [`Looked among what is there${whose}.`];
}

function withFaults(message: string, details: Readonly<Record<string, unknown>>): string {
  const { faults } = details;
  if (!Array.isArray(faults) || faults.length === 0) return message;
  const lines = (faults as { path?: unknown; message?: unknown }[])
    .slice(0, 8)
    .map(({ path, message: what }) => `  ${String(path)}: ${String(what)}`);
  return [message, ...lines].join('\n');
}
