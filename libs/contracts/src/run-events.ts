import Type from 'typebox';
import { defineEvent } from './define-event.js';
import {
  Count,
  described,
  DurationMs,
  ErrorInfo,
  Fingerprint,
  Json,
  Label,
  Metadata,
  Metrics,
  Reason,
  ResultSource,
  Score,
  Tags,
  Title,
} from './fields.js';
import { NameId, RunId, StepId } from './ids.js';

/** A run exists. First of a run; its id decides the partition of everything that follows. */
export const runCreated = defineEvent(
  'run.created',
  1,
  'A run exists, not yet executing.',
  {
    run_id: RunId,
    room_id: Type.Optional(described(NameId, 'The room that streams this run, for life. It decides the affinity.')),
    external_id: Type.Optional(
      Type.String({ minLength: 1, maxLength: 512, description: 'The id that another system knows this run by.' }),
    ),
    name: Type.Optional(described(Title, 'A name for people.')),
    kind: Type.Optional(described(Label, 'What sort of run it is, such as `agent` or `pipeline`.')),
    stage: Type.Optional(
      described(Label, 'Its place in a larger job, such as `extract`. Checkpoints are found by it.'),
    ),
    parent_run_id: Type.Optional(described(RunId, 'The run that began this one.')),
    rerun_of: Type.Optional(described(RunId, 'The run that this one repeats.')),
    command: Type.Optional(Type.String({ maxLength: 16_384, description: 'The command line.' })),
    cwd: Type.Optional(Type.String({ maxLength: 4096, description: 'The working directory.' })),
    stale_after_s: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 31_536_000,
        description: 'Seconds without a sign of life after which the run reads `stalled`; 900 by default.',
      }),
    ),
    input: Type.Optional(Json),
    tags: Type.Optional(Tags),
    metadata: Type.Optional(Metadata),
    code_ref: Type.Optional(Type.String({ maxLength: 512, description: 'The code that ran, such as a commit.' })),
    config_hash: Type.Optional(described(Fingerprint, 'A digest of the configuration.')),
    input_fingerprint: Type.Optional(
      described(Fingerprint, 'What the run works on: `sha256:` and 64 hex digits. A checkpoint is looked up by it.'),
    ),
    trace_id: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$', description: 'W3C trace id.' })),
  },
  ['name', 'external_id', 'command', 'cwd', 'input', 'tags', 'metadata'],
);

/** A run left `created` and is executing. A second one is refused. */
export const runStarted = defineEvent('run.started', 1, 'The run is executing.', {
  run_id: RunId,
  task_count: Type.Optional(described(Count, 'Steps that the producer expects; a hint for progress, never enforced.')),
});

/** A running run reached its end. */
export const runCompleted = defineEvent(
  'run.completed',
  1,
  'The run reached its end.',
  {
    run_id: RunId,
    output: Type.Optional(Json),
    duration_ms: Type.Optional(DurationMs),
    metrics: Type.Optional(Metrics),
    source: Type.Optional(ResultSource),
    checkpoint_run_id: Type.Optional(
      described(RunId, 'The run whose result this is, where it came from a checkpoint.'),
    ),
  },
  ['output'],
);

/** A run ended with an error; a run that never started may fail, too. */
export const runFailed = defineEvent(
  'run.failed',
  1,
  'The run ended with an error.',
  {
    run_id: RunId,
    error: ErrorInfo,
    failed_step_id: Type.Optional(described(StepId, 'The step that failed it.')),
    duration_ms: Type.Optional(DurationMs),
    metrics: Type.Optional(Metrics),
  },
  ['error'],
);

/** Somebody stopped a run. */
export const runCancelled = defineEvent(
  'run.cancelled',
  1,
  'Somebody stopped the run.',
  { run_id: RunId, reason: Type.Optional(Reason) },
  ['reason'],
);

/** A sign of life. Takes no sequence and is not journalled. */
export const runHeartbeat = defineEvent('run.heartbeat', 1, 'The run is still alive.', { run_id: RunId });

/** Something was said about a run, in any of its states; merged at the top level. */
export const runAnnotated = defineEvent(
  'run.annotated',
  1,
  'Tags, scores or metadata were added; the last of a name wins.',
  {
    run_id: RunId,
    tags: Type.Optional(Tags),
    scores: Type.Optional(Type.Array(Score, { maxItems: 64 })),
    metadata: Type.Optional(Metadata),
  },
  ['tags', 'scores', 'metadata'],
);

/** The payloads of a run are gone; the hashes of what was recorded stay. */
export const runErased = defineEvent('run.erased', 1, "The run's payloads are gone; hashes stay.", {
  run_id: RunId,
  reason: Reason,
});

/** Every event of a run, in the order of a run's life. */
export const RUN_EVENT_DEFINITIONS = [
  runCreated,
  runStarted,
  runCompleted,
  runFailed,
  runCancelled,
  runHeartbeat,
  runAnnotated,
  runErased,
] as const;
