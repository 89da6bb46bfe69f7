import { DEFAULT_NAME, SPEC_VERSION, type SubmittedEvent } from '../envelope.js';
import { type EventData, type EventType, definitionOf } from '../events.js';
import { partitionKeyOf } from '../ids.js';
import { nexusDefinitionOf, type NexusEventType } from '../nexus-events.js';
import { NEXUS_EXAMPLE_DATA } from './nexus-examples.js';

/** Who and where the examples of the documents and golden files are. */
export const EXAMPLE = {
  tenantId: 'acme',
  env: 'prod',
  roomId: 'lobby',
  /** The first eight hex digits of sha256(`acme/prod/lobby`). */
  affinity: '2d9e751c',
  time: '2026-01-31T12:00:00.000Z',
  runId: 'run_019c13ec9e002d9e751ca1b2c3d4e5f6',
  stepId: 'step_019c13ec9e00a1b2c3d4e5f60718293a',
  taskId: 'task_019c13ec9e00a1b2c3d4e5f60718293a',
} as const;

/** Keys with their murmur2 as a signed 32-bit integer, and their partition among 4 and among 12. */
export const PARTITION_EXAMPLES = [
  { key: 'acme/2d9e751c', murmur2: 330_251_020, of4: 0, of12: 4 },
  { key: 'default/00000000', murmur2: 1_235_555_718, of4: 2, of12: 6 },
  { key: 'default/00c0ffee', murmur2: -455_120_751, of4: 1, of12: 5 },
] as const;

const run = { run_id: EXAMPLE.runId };
const step = { run_id: EXAMPLE.runId, step_id: EXAMPLE.stepId };
const earlierRun = 'run_019c0ec642002d9e751c0f1e2d3c4b5a';
const earlierStep = 'step_019c13ec9e000123456789abcdef0123';
const metrics = {
  rows_in: 120,
  rows_out: 118,
  llm_calls: 2,
  tokens: 1500,
  tokens_in: 1200,
  tokens_out: 300,
  cost_usd: 0.01,
};
const error = { code: 'source.unreadable', message: 'docs/a.md: no such file', detail: { path: 'docs/a.md' } };

/** Data of each event with every field that is defined. */
export const EXAMPLE_DATA: { [T in EventType]: EventData<T> } = {
  'run.created': {
    ...run,
    room_id: EXAMPLE.roomId,
    external_id: 'airflow:nightly:2026-01-31',
    name: 'Nightly document check',
    kind: 'pipeline',
    stage: 'extract',
    parent_run_id: earlierRun,
    rerun_of: earlierRun,
    command: 'node check.js --all',
    cwd: '/srv/documents',
    stale_after_s: 600,
    input: { folder: 'docs' },
    tags: { team: 'docs', branch: 'main' },
    metadata: { requested_by: 'scheduler' },
    code_ref: 'git:4f2c1d0',
    config_hash: `sha256:${'1'.repeat(64)}`,
    input_fingerprint: `sha256:${'2'.repeat(64)}`,
    trace_id: '0af7651916cd43dd8448eb211c80319c',
  },
  'run.started': { ...run, task_count: 4 },
  'run.completed': {
    ...run,
    output: { documents: 118 },
    duration_ms: 5230.5,
    metrics,
    source: 'executed',
    checkpoint_run_id: earlierRun,
  },
  'run.failed': { ...run, error, failed_step_id: EXAMPLE.stepId, duration_ms: 5230.5, metrics },
  'run.cancelled': { ...run, reason: 'Superseded by a newer run.' },
  'run.heartbeat': { ...run },
  'run.annotated': {
    ...run,
    tags: { reviewed: 'yes' },
    scores: [{ name: 'quality', value: 0.93, comment: 'Two links were wrong.' }],
    metadata: { reviewer: { team: 'docs' } },
  },
  'run.erased': { ...run, reason: 'Asked for by the person concerned.' },
  'step.created': {
    ...step,
    name: 'Extract links',
    kind: 'transform',
    parent_step_id: earlierStep,
    depends_on: [earlierStep],
    attempt: 1,
  },
  'step.inputs_resolved': { ...step, inputs: { files: ['docs/a.md', 'docs/b.md'] } },
  'step.started': { ...step, attempt: 1 },
  'step.completed': { ...step, output: { links: 42 }, duration_ms: 310, metrics, source: 'executed' },
  'step.failed': { ...step, error, duration_ms: 310, metrics },
  'step.template_resolved': { ...step, template: 'Summarise {{title}}', result: 'Summarise Runspine' },
  'step.provider_called': { ...step, provider: 'openai', model: 'gpt-x', prompt_len: 4800 },
  'step.provider_responded': {
    ...step,
    provider: 'openai',
    model: 'gpt-x',
    output_len: 1200,
    tokens_used: 1500,
    tokens_in: 1200,
    tokens_out: 300,
  },
  'step.skipped': { ...step, reason: 'Nothing changed.' },
  'step.schema_validated': { ...step, schema_path: 'schemas/summary.json', valid: true },
  'step.retrieved': {
    ...step,
    space: 'handbook',
    query: { text: 'how are runs routed?' },
    hits: [{ id: 'routing#1', score: 0.82 }],
    snapshot: { handbook: 7 },
  },
};

/** Data of each event of every topic. */
export const ALL_EXAMPLE_DATA = { ...EXAMPLE_DATA, ...NEXUS_EXAMPLE_DATA };

/** The example data with the required fields only. */
export function minimalData(type: EventType | NexusEventType): Record<string, unknown> {
  const { required } = (definitionOf(type) ?? nexusDefinitionOf(type))!.schema as { required?: string[] };
  const data: Record<string, unknown> = ALL_EXAMPLE_DATA[type];
  return Object.fromEntries((required ?? []).map((name) => [name, data[name]]));
}

/** A submitted event with every attribute that a producer may set. */
export function exampleEvent(type: EventType): SubmittedEvent {
  return {
    id: '019c13ec-9e00-7abc-8def-0123456789ab',
    source: '/pipelines/documents',
    type,
    time: EXAMPLE.time,
    subject: EXAMPLE.runId,
    dataschema: definitionOf(type)!.dataschema,
    tenantid: EXAMPLE.tenantId,
    env: EXAMPLE.env,
    projectid: DEFAULT_NAME,
    surfaceid: DEFAULT_NAME,
    partitionkey: partitionKeyOf(EXAMPLE.tenantId, EXAMPLE.runId),
    correlationid: 'nightly-2026-01-31',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    data: EXAMPLE_DATA[type],
  } as SubmittedEvent;
}

/** An event in the structured mode of the CloudEvents Kafka binding: one JSON object. */
export function encodeStructured(event: SubmittedEvent): {
  key: string;
  headers: Record<string, string>;
  value: string;
} {
  const { data, ...attributes } = event;
  return {
    key: event.partitionkey,
    headers: { 'content-type': 'application/cloudevents+json' },
    value: JSON.stringify({ specversion: SPEC_VERSION, ...attributes, data }),
  };
}
