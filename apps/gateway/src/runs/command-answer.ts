import { type CommandDefinition, ERRORS, type Outcome, type Pending, type RejectionReason } from '@runspine/contracts';
import { isStepEvent, runResource, stepResource } from '@runspine/run-model';
import type { FastifyReply } from 'fastify';
import { sendError } from '@runspine/service/http';
import type { CommandResult } from './run-commands.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Sends what a write came to: 201 or 200 with the resource, 202 while it is pending, or the refusal by its reason. One
 * string with its length, so that it leaves in one segment.
 */
export function sendResult(reply: FastifyReply, command: CommandDefinition, result: CommandResult): void {
  const { outcome, event } = result;
  if (result.preferenceApplied !== undefined) reply.header('preference-applied', result.preferenceApplied);
  if (!outcome) return sendPending(reply, event.id, event.subject, stepIdOf(result));
  if (outcome.repeat) reply.header('idempotency-replayed', 'true');
  if (outcome.outcome !== 'applied') return sendRefusal(reply, outcome, event.expectedversion);
  const { run, step } = result;
  const created = command.event.type === 'run.created' || command.event.type === 'step.created';
  if (command.event.type === 'run.created') reply.header('location', `/v1/runs/${outcome.run_id}`);
  if (step && command.resource === 'step') {
    return sendJson(reply, created ? 201 : 200, outcome.run_sequence, stepResource(step));
  }
  if (!run) throw new Error('An applied event has no resource.');
  sendJson(reply, created ? 201 : 200, outcome.run_sequence, runResource(run, Date.now()));
}

/** 202: where to ask for the outcome. */
function sendPending(reply: FastifyReply, eventId: string, runId: string, stepId: string | undefined): void {
  const body: Pending = {
    event_id: eventId,
    run_id: runId,
    ...(stepId === undefined ? {} : { step_id: stepId }),
    outcome: 'pending',
  };
  reply.code(202).header('content-type', JSON_TYPE).header('location', `/v1/events/${eventId}`);
  reply.send(JSON.stringify(body));
}

function sendJson(reply: FastifyReply, status: number, version: number, resource: unknown): void {
  reply.code(status).header('content-type', JSON_TYPE).header('etag', `"${version}"`).send(JSON.stringify(resource));
}

function sendRefusal(reply: FastifyReply, outcome: Exclude<Outcome, { outcome: 'applied' }>, expected?: number): void {
  const { event_id, run_id, step_id } = outcome;
  const about = { event_id, run_id, ...(step_id === null ? {} : { step_id }) };
  if (outcome.outcome === 'parked') {
    return sendError(reply, 'event.parked', ERRORS['event.parked'].meaning, { sqlstate: outcome.sqlstate, ...about });
  }
  const { reason, current, version } = outcome;
  if (reason === 'run.version_mismatch') {
    const details = { current: version, version, expected: expected ?? null, status: current, ...about };
    return sendError(reply, reason, `The run has version ${version ?? 0}, expected was ${expected}.`, details);
  }
  sendError(reply, reason, messageOf(reason, current), { current, version, ...about });
}

function messageOf(reason: RejectionReason, current: string | null): string {
  if (reason === 'run.invalid_transition') return `The run is ${current}, which refuses this.`;
  if (reason === 'step.invalid_transition') return `The step is ${current}, which refuses this.`;
  return ERRORS[reason].meaning;
}

function stepIdOf({ event }: CommandResult): string | undefined {
  return isStepEvent(event) ? event.data.step_id : undefined;
}
