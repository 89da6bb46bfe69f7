import { performance } from 'node:perf_hooks';
import type { Metrics } from '../resources/run-types.js';
import { errorInfoOf } from '../tracking/error-info.js';
import { boundedValue, jsonText } from '../tracking/json-text.js';
import { currentContext } from '../tracking/run-context.js';
import type { TrackedRun } from '../tracking/tracked-run.js';

/** What an adapter records of calls to a provider. */
export interface AdapterOptions {
  /** Who serves the model, as events name it. @default what the wrapped client says of itself */
  readonly provider?: string;
  /** Record prompts and answers as well, as inputs and output of the call's task. @default false: their lengths only */
  readonly recordContent?: boolean;
  /** What a call costs, in US dollars; added to the run's cost. @default not known */
  readonly costUsd?: (model: string, usage: Usage) => number | undefined;
}

/** Tokens as a provider counts them. */
export interface Usage {
  tokensIn?: number | undefined;
  tokensOut?: number | undefined;
  tokensUsed?: number | undefined;
}

/** What came back. */
export interface ProviderAnswer {
  readonly outputLength: number;
  readonly usage: Usage;
  /** Recorded only if asked for. */
  readonly content?: unknown;
}

/** One call to a provider, as it is recorded. */
export interface ProviderCall {
  answered(answer: ProviderAnswer): void;
  failed(error: unknown): void;
}

const NOT_RECORDED: ProviderCall = { answered: () => undefined, failed: () => undefined };

/**
 * Begins to record a call: on the task that the code is part of, else as a task of its own in the run. Outside of any run
 * nothing is recorded. Never throws.
 */
export function beginCall(
  options: AdapterOptions,
  call: { provider: string; model: string; prompt: unknown; operation: string },
): ProviderCall {
  const context = currentContext();
  if (!context) return NOT_RECORDED;
  const { run } = context;
  const names = { provider: options.provider ?? call.provider, model: call.model };
  const task = context.taskId === undefined ? new CallTask(run, call.operation) : undefined;
  const taskId = context.taskId ?? task!.id;
  const called = { task_id: taskId, ...names };
  if (options.recordContent) {
    run.log.emit('task_inputs_resolved', { task_id: taskId, inputs: contentOf(call.prompt) });
  }
  run.log.emit('provider_called', { ...called, prompt_len: lengthOf(call.prompt) });
  let open = true;
  return {
    answered: ({ outputLength, usage, content }) => {
      if (!open) return;
      open = false;
      run.log.emit('provider_responded', { ...called, output_len: outputLength, ...tokensOf(usage) });
      const cost = costOf(options, call.model, usage);
      if (cost !== undefined) run.measure({ cost_usd: cost });
      task?.completed(options.recordContent ? contentOf(content) : undefined, cost);
    },
    failed: (error) => {
      if (!open) return;
      open = false;
      task?.failed(error);
    },
  };
}

/** The task that a call is, where it is part of none. */
class CallTask {
  private static calls = 0;
  readonly id: string;
  private readonly beganMs = performance.now();

  constructor(
    private readonly run: TrackedRun,
    operation: string,
  ) {
    this.id = `${operation}/${++CallTask.calls}`;
    run.log.emit('task_scheduled', { task_id: this.id, name: operation, kind: 'llm' });
    run.log.emit('task_started', { task_id: this.id });
  }

  completed(output: unknown, costUsd: number | undefined): void {
    const metrics: Metrics | undefined = costUsd === undefined ? undefined : { cost_usd: costUsd };
    this.run.log.emit('task_completed', {
      task_id: this.id,
      ...(output === undefined ? {} : { output }),
      duration_ms: performance.now() - this.beganMs,
      ...(metrics ? { metrics } : {}),
    });
  }

  failed(error: unknown): void {
    this.run.log.emit('task_failed', {
      task_id: this.id,
      error: errorInfoOf(error),
      duration_ms: performance.now() - this.beganMs,
    });
  }
}

/** Characters of what a model reads or writes: of all text in it. */
export function lengthOf(content: unknown, depth = 0): number {
  if (typeof content === 'string') return content.length;
  if (typeof content !== 'object' || content === null || depth > 16 || ArrayBuffer.isView(content)) return 0;
  if (Array.isArray(content)) return content.reduce((sum: number, item) => sum + lengthOf(item, depth + 1), 0);
  const {
    content: inner,
    text,
    arguments: args,
    function: called,
    input,
    parts,
    value,
  } = content as Record<string, unknown>;
  return [inner, text, args, called, input, parts, value].reduce(
    (sum: number, item) => sum + lengthOf(item, depth + 1),
    0,
  );
}

function contentOf(content: unknown): unknown {
  return boundedValue(JSON.parse(jsonText(content)));
}

function tokensOf({ tokensIn, tokensOut, tokensUsed }: Usage): Record<string, number> {
  return {
    ...(typeof tokensIn === 'number' ? { tokens_in: tokensIn } : {}),
    ...(typeof tokensOut === 'number' ? { tokens_out: tokensOut } : {}),
    ...(typeof tokensUsed === 'number' ? { tokens_used: tokensUsed } : {}),
  };
}

function costOf({ costUsd }: AdapterOptions, model: string, usage: Usage): number | undefined {
  try {
    return costUsd?.(model, usage);
  } catch {
    return undefined;
  }
}
