import { createHash } from 'node:crypto';
import {
  type CommandDefinition,
  type EventDefinition,
  canonicalize,
  type Fault,
  idFaults,
  invalidRequest,
  normalizeTime,
  partitionKeyOf,
  type SubmittedEvent,
} from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import type { WriteHeaders, WriteRequest } from '../http/write-headers.js';
import { eventIdOf, runIdOf, stepIdOf } from './own-ids.js';

/** What the path of a write names. */
export interface CommandTarget {
  /** Absent where the write creates the run. */
  runId?: string;
  /** Absent for writes to runs, and where the write creates the step. */
  stepId?: string;
}

/** Who says our events. */
const SOURCE = '/gateway';

/** The event that a write submits. Its body fits the command already. @throws ServiceError `request.invalid` */
export function eventOf(
  caller: Identity,
  command: CommandDefinition,
  target: CommandTarget,
  body: Record<string, unknown>,
  request: WriteRequest,
  nowMs: number,
): SubmittedEvent {
  const ids = idsOf(caller, command, target, body, request, nowMs);
  const data: Record<string, unknown> = { run_id: ids.runId };
  if (ids.stepId !== undefined) data.step_id = ids.stepId;
  for (const [name, value] of Object.entries(body)) {
    if (!command.envelopeFields.has(name) && name !== 'run_id' && name !== 'step_id') keep(data, name, value);
  }
  const event = submitted(caller, command.event, data, {
    id: eventIdOf(body.event_id as string | undefined, nowMs),
    time: body.time as string | undefined,
    headers: request,
    nowMs,
  });
  const correlation = correlationOf(command, body, request);
  if (correlation !== undefined) event.correlationid = correlation;
  if (request.idempotencyKey !== undefined) {
    event.idempotencykey = request.idempotencyKey;
    event.idempotencyhash = hashOfRequest(request);
  }
  return event;
}

export interface EnvelopeSource {
  id: string;
  /** As the caller wrote it; the time of arrival when absent. */
  time: string | undefined;
  headers: WriteHeaders;
  nowMs: number;
  /** Where the fault of a time is named. @default '/time' */
  timePath?: string;
}

/** An event in its envelope. @throws ServiceError `request.invalid` for times and ids that are out of range. */
export function submitted(
  caller: Identity,
  definition: EventDefinition,
  data: Record<string, unknown>,
  { id, time, headers, nowMs, timePath = '/time' }: EnvelopeSource,
): SubmittedEvent {
  const ids = data as { run_id: string; step_id?: string; room_id?: string };
  const faults = idFaults(caller.tenantId, caller.env, ids, nowMs);
  const normalized = time === undefined ? { time: new Date(nowMs).toISOString() } : normalizeTime(time, nowMs);
  if ('message' in normalized) faults.push({ path: timePath, message: normalized.message });
  if (faults.length > 0) throw invalidRequest(faults);
  const event = {
    id,
    source: SOURCE,
    type: definition.type,
    time: 'time' in normalized ? normalized.time : '',
    subject: ids.run_id,
    dataschema: definition.dataschema,
    tenantid: caller.tenantId,
    env: caller.env,
    projectid: caller.projectId,
    surfaceid: caller.surfaceId,
    partitionkey: partitionKeyOf(caller.tenantId, ids.run_id),
    data,
  } as unknown as SubmittedEvent;
  if (headers.correlationId !== undefined) event.correlationid = headers.correlationId;
  if (headers.causationId !== undefined) event.causationid = headers.causationId;
  if (headers.traceparent !== undefined) event.traceparent = headers.traceparent;
  if (headers.expectedVersion !== undefined) event.expectedversion = headers.expectedVersion;
  return event;
}

/** What an idempotency key stands for: method, path and body, as hex SHA-256. Key order of the body does not count. */
export function hashOfRequest({ route, sentBody }: WriteRequest): string {
  return createHash('sha256')
    .update(`${route}\n${canonicalize(sentBody ?? {})}`)
    .digest('hex');
}

function idsOf(
  caller: Identity,
  command: CommandDefinition,
  target: CommandTarget,
  body: Record<string, unknown>,
  request: WriteRequest,
  nowMs: number,
): { runId: string; stepId: string | undefined } {
  const faults: Fault[] = [];
  const given = { runId: body.run_id as string | undefined, stepId: body.step_id as string | undefined };
  for (const [name, field] of [
    ['runId', 'run_id'],
    ['stepId', 'step_id'],
  ] as const) {
    if (target[name] !== undefined && given[name] !== undefined && given[name] !== target[name]) {
      faults.push({ path: `/${field}`, message: "must be the path's, or absent" });
    }
  }
  if (faults.length > 0) throw invalidRequest(faults);
  const source = {
    tenantId: caller.tenantId,
    env: caller.env,
    roomId: body.room_id as string | undefined,
    idempotencyKey: request.idempotencyKey,
    eventId: (body.event_id as string | undefined)?.toLowerCase(),
  };
  const runId = target.runId ?? given.runId ?? runIdOf(source, nowMs);
  if (command.resource === 'run') return { runId, stepId: undefined };
  return { runId, stepId: target.stepId ?? given.stepId ?? stepIdOf(source, nowMs) };
}

function correlationOf(
  command: CommandDefinition,
  body: Record<string, unknown>,
  request: WriteRequest,
): string | undefined {
  const field = command.envelopeFields.has('correlation_id') ? (body.correlation_id as string | undefined) : undefined;
  if (field !== undefined && request.correlationId !== undefined && field !== request.correlationId) {
    throw invalidRequest([{ path: '/correlation_id', message: 'must be that of X-Correlation-Id, or absent' }]);
  }
  return field ?? request.correlationId;
}

/** An own property whatever its name: plain assignment would take `__proto__` for a prototype. */
function keep(data: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(data, name, { value, enumerable: true, configurable: true });
  else data[name] = value;
}
