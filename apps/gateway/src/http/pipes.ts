import type { PipeTransform } from '@nestjs/common';
import {
  type CommandDefinition,
  type Fault,
  findUnstorable,
  invalidRequest,
  isEventId,
  isRunId,
  isStepId,
  RUN_ID_PATTERN,
  STEP_ID_PATTERN,
} from '@runspine/contracts';

/** The body of a write: an object that fits the command, without what PostgreSQL cannot keep. No body is `{}`. */
export class CommandBodyPipe implements PipeTransform<unknown, Record<string, unknown>> {
  constructor(private readonly command: CommandDefinition) {}

  transform(sent: unknown): Record<string, unknown> {
    const body = sent ?? {};
    // First what is too deep to be walked by anything else.
    const unstorable = findUnstorable(body);
    if (unstorable) throw invalidRequest([unstorable]);
    if (!this.command.check(body)) throw invalidRequest(named(this.command.faults(body)));
    return body as Record<string, unknown>;
  }
}

/** The `:runId` of a path. */
export const runIdPipe: PipeTransform<string, string> = {
  transform: (value) => checkId(value, 'runId', isRunId, RUN_ID_PATTERN),
};

/** The `:stepId` of a path. */
export const stepIdPipe: PipeTransform<string, string> = {
  transform: (value) => checkId(value, 'stepId', isStepId, STEP_ID_PATTERN),
};

/** The `:eventId` of a path, in lower case. */
export const eventIdPipe: PipeTransform<string, string> = {
  transform: (value) => checkId(value, 'eventId', isEventId, 'a UUID').toLowerCase(),
};

function checkId(value: string, path: string, fits: (value: string) => boolean, pattern: string): string {
  if (!fits(value)) throw invalidRequest([{ path, message: `must match ${pattern}` }]);
  return value;
}

/** A fault of the whole body has the path `/`, since an empty one reads like none. */
function named(faults: Fault[]): Fault[] {
  return faults.map(({ path, message }) => ({ path: path || '/', message }));
}
