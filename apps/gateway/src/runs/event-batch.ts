import {
  batchFaults,
  definitionOf,
  type EventBatch,
  type Fault,
  findUnstorable,
  invalidRequest,
  ServiceError,
  type SubmittedEvent,
} from '@runspine/contracts';
import { type Identity, requireRole } from '@runspine/request-context';
import type { WriteRequest } from '../http/write-headers.js';
import { hashOfRequest, submitted } from './command-event.js';
import { eventIdOf } from './own-ids.js';

/** An event of a batch, and whether the caller brought its id. */
export interface BatchedEvent {
  readonly event: SubmittedEvent;
  readonly ownId: boolean;
}

/** Most faults that one answer names. */
const FAULTS_MAX = 20;
/** Longest key of a batch: `#999` is put behind it. */
const KEY_LENGTH_MAX = 251;

/**
 * The events of a batch, all of them checked: a batch is taken whole or not at all.
 * @throws ServiceError `request.invalid` with the path of each fault, such as `/events/3/data/name`; `auth.forbidden`
 *   where one of them takes another role than the route.
 */
export function eventsOfBatch(
  caller: Identity,
  runId: string,
  body: unknown,
  request: WriteRequest,
  nowMs: number,
): BatchedEvent[] {
  const unstorable = findUnstorable(body ?? {});
  if (unstorable) throw invalidRequest([unstorable]);
  const faults = [...batchFaults(body ?? {}), ...headerFaults(request)];
  if (faults.length > 0) throw invalidRequest(faults);
  const hash = request.idempotencyKey === undefined ? undefined : hashOfRequest(request);
  const events: BatchedEvent[] = [];
  (body as EventBatch).events.forEach((given, index) => {
    if (faults.length >= FAULTS_MAX) return;
    const path = `/events/${index}`;
    const taken = eventOfBatch(caller, runId, given, request, nowMs, path);
    if (Array.isArray(taken)) return void faults.push(...taken);
    if (hash !== undefined) {
      taken.event.idempotencykey = `${request.idempotencyKey}#${index}`;
      taken.event.idempotencyhash = hash;
    }
    events.push(taken);
  });
  if (faults.length > 0) throw invalidRequest(faults.slice(0, FAULTS_MAX));
  // As of the event's own route: what it takes away does not come back.
  if (events.some(({ event }) => event.type === 'run.erased')) requireRole(caller, 'admin');
  return events;
}

function eventOfBatch(
  caller: Identity,
  runId: string,
  given: EventBatch['events'][number],
  request: WriteRequest,
  nowMs: number,
  path: string,
): BatchedEvent | Fault[] {
  const definition = definitionOf(given.type);
  if (!definition) return [{ path: `${path}/type`, message: 'is not a known type' }];
  if (given.data.run_id !== undefined && given.data.run_id !== runId) {
    return [{ path: `${path}/data/run_id`, message: "must be the path's, or absent" }];
  }
  const data = { ...given.data, run_id: runId };
  if (!definition.check(data)) {
    return definition.faults(data).map((fault) => ({ path: `${path}/data${fault.path}`, message: fault.message }));
  }
  const id = eventIdOf(given.id, nowMs);
  try {
    const source = { id, time: given.time, headers: request, nowMs };
    return { event: submitted(caller, definition, data, source), ownId: given.id !== undefined };
  } catch (error) {
    return faultsOfError(error, path);
  }
}

/** The faults of times and ids, at their place in the batch. */
function faultsOfError(error: unknown, path: string): Fault[] {
  if (!(error instanceof ServiceError)) throw error;
  const faults = (error.details.faults ?? []) as Fault[];
  return faults.map((fault) => ({
    path: fault.path === '/time' ? `${path}/time` : `${path}/data${fault.path}`,
    message: fault.message,
  }));
}

function headerFaults({ expectedVersion, idempotencyKey }: WriteRequest): Fault[] {
  const faults: Fault[] = [];
  if (expectedVersion !== undefined) {
    faults.push({ path: 'If-Match', message: 'does not apply to a batch, whose events each move the version' });
  }
  if ((idempotencyKey?.length ?? 0) > KEY_LENGTH_MAX) {
    faults.push({ path: 'Idempotency-Key', message: `must be at most ${KEY_LENGTH_MAX} characters for a batch` });
  }
  return faults;
}
