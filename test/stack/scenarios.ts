import type { ForeignEvent, ForeignProducer } from './foreign-producer.js';

/** A step of a pipeline: one that reads, asks a model, or breaks and is tried again. */
type StepKind = 'read' | 'ask' | 'retry';
const KINDS: StepKind[] = ['read', 'ask', 'retry'];

/** Events of one run in a room, from its creation to its end: every kind of step, `steps` of them, in turn. */
export function pipelineRun(team: ForeignProducer, room: string | undefined, steps: number): ForeignEvent[] {
  const run_id = team.runId(room);
  const created = { run_id, name: 'nightly', kind: 'pipeline', stage: 'extract', input: { path: 'docs', limit: 10 } };
  return [
    { type: 'run.created', data: { ...created, ...(room === undefined ? {} : { room_id: room }) } },
    { type: 'run.started', data: { run_id, task_count: steps } },
    ...Array.from({ length: steps }, (_, index) =>
      stepEvents(team, run_id, KINDS[index % KINDS.length]!, index),
    ).flat(),
    { type: 'run.annotated', data: { run_id, tags: { team: 'a' }, scores: [{ name: 'quality', value: 0.5 }] } },
    {
      type: 'run.completed',
      data: { run_id, output: { files: steps }, duration_ms: 1234.5, metrics: { rows_out: steps } },
    },
  ];
}

function stepEvents(team: ForeignProducer, run_id: string, kind: StepKind, index: number): ForeignEvent[] {
  const ids = { run_id, step_id: team.stepId() };
  const begun: ForeignEvent[] = [
    { type: 'step.created', data: { ...ids, name: `${kind} ${index}`, kind } },
    { type: 'step.inputs_resolved', data: { ...ids, inputs: { path: `docs/${index}.md`, nested: [1, { two: '2' }] } } },
    { type: 'step.started', data: ids },
  ];
  const provider = { provider: 'openai', model: 'm' };
  const middle: Record<StepKind, ForeignEvent[]> = {
    read: [],
    ask: [
      { type: 'step.provider_called', data: { ...ids, ...provider, prompt_len: 300 } },
      { type: 'step.provider_responded', data: { ...ids, ...provider, output_len: 90, tokens_in: 70, tokens_out: 20 } },
    ],
    retry: [
      { type: 'step.failed', data: { ...ids, error: { code: 'timeout', message: 'no answer' }, duration_ms: 12.5 } },
      { type: 'step.started', data: { ...ids, attempt: 2 } },
    ],
  };
  const ended = { ...ids, output: { ok: true }, duration_ms: 3, metrics: { rows_in: 2, rows_out: 1 } };
  return [...begun, ...middle[kind], { type: 'step.completed', data: ended }];
}
