import type { RecordedEvent, SubmittedEvent } from '@runspine/contracts';
import { type View, isStepEvent } from './state.js';

/** The place that the writer of the sequence gives an event. A heartbeat takes the run's current one. */
export interface Place {
  run_sequence: number;
  /** Null without a room. */
  room_sequence: number | null;
  /** By the writer's clock, RFC 3339. */
  recorded_at: string;
}

/**
 * An event as it is recorded, once {@link decide} let it apply. Env, project, surface, room and correlation are the
 * run's own once it exists, whatever a producer of a later event says; what caused it is known here only.
 */
export function record(view: View, event: SubmittedEvent, place: Place): RecordedEvent {
  const { run } = view;
  const recorded = {
    event_id: event.id,
    type: event.type,
    time: event.time,
    source: event.source,
    tenant_id: run ? run.tenant_id : event.tenantid,
    env: run ? run.env : event.env,
    project_id: run ? run.project_id : event.projectid,
    surface_id: run ? run.surface_id : event.surfaceid,
    run_id: event.data.run_id,
    step_id: isStepEvent(event) ? event.data.step_id : null,
    room_id: run ? run.room_id : event.type === 'run.created' ? (event.data.room_id ?? null) : null,
    run_sequence: place.run_sequence,
    room_sequence: place.room_sequence,
    correlation_id: run ? run.correlation_id : (event.correlationid ?? event.id),
    causation_id: causeOf(view, event),
    producer_correlation_id: event.correlationid ?? null,
    producer_causation_id: event.causationid ?? null,
    traceparent: event.traceparent ?? null,
    recorded_at: place.recorded_at,
    data: event.data,
  };
  return recorded as RecordedEvent;
}

function causeOf({ run, step }: View, event: SubmittedEvent): string | null {
  if (!run) return event.causationid ?? null;
  // A step.created that applies meets no step: the run's latest run event led to it.
  return isStepEvent(event) && step ? step.last_event_id : run.last_run_event_id;
}
