import type { ErrorInfo, Json } from '../resources/run-types.js';
import type { LogEntry } from './log-entry.js';

/** A task as its entries tell it. */
export interface ReplayedTask {
  readonly taskId: string;
  name: string;
  status: 'scheduled' | 'running' | 'completed' | 'failed';
  attempt: number;
  dependsOn: readonly string[];
  inputs?: Json;
  output?: Json;
  error?: ErrorInfo;
  llmCalls: number;
  tokens: number;
}

/** A run as its entries tell it. */
export interface ReplayedRun {
  /** `created` before its first entry. */
  status: 'created' | 'running' | 'completed' | 'failed';
  output?: Json;
  error?: ErrorInfo;
  llmCalls: number;
  tokens: number;
  readonly tasks: ReadonlyMap<string, ReplayedTask>;
  readonly entries: readonly LogEntry[];
}

/** Folds entries, in order, into the run that they tell of. Pure. */
export function replay(entries: readonly LogEntry[]): ReplayedRun {
  const tasks = new Map<string, ReplayedTask>();
  const run: ReplayedRun = { status: 'created', llmCalls: 0, tokens: 0, tasks, entries };
  for (const entry of entries) {
    const task = entry.taskId === undefined ? undefined : taskOf(tasks, entry.taskId);
    apply(run, task, entry);
  }
  return run;
}

function taskOf(tasks: Map<string, ReplayedTask>, taskId: string): ReplayedTask {
  const known = tasks.get(taskId);
  if (known) return known;
  const task: ReplayedTask = {
    taskId,
    name: taskId,
    status: 'scheduled',
    attempt: 1,
    dependsOn: [],
    llmCalls: 0,
    tokens: 0,
  };
  tasks.set(taskId, task);
  return task;
}

function apply(run: ReplayedRun, task: ReplayedTask | undefined, { type, data }: LogEntry): void {
  if (run.status === 'created') run.status = 'running';
  switch (type) {
    case 'workflow_completed':
      run.status = 'completed';
      if (data.output !== undefined) run.output = data.output;
      return;
    case 'workflow_failed':
      run.status = 'failed';
      run.error = data.error as ErrorInfo;
      return;
    case 'provider_called':
      run.llmCalls++;
      if (task) task.llmCalls++;
      return;
    case 'provider_responded': {
      const tokens = tokensOf(data);
      run.tokens += tokens;
      if (task) task.tokens += tokens;
      return;
    }
    default:
      if (task) applyToTask(task, type, data);
  }
}

function applyToTask(task: ReplayedTask, type: LogEntry['type'], data: Record<string, unknown>): void {
  if (type === 'task_scheduled') {
    if (typeof data.name === 'string') task.name = data.name;
    if (Array.isArray(data.depends_on)) task.dependsOn = data.depends_on.map(String);
  } else if (type === 'task_inputs_resolved') task.inputs = data.inputs;
  else if (type === 'task_started') {
    task.attempt = typeof data.attempt === 'number' ? data.attempt : task.attempt + (task.status === 'failed' ? 1 : 0);
    task.status = 'running';
    delete task.error;
  } else if (type === 'task_completed') {
    task.status = 'completed';
    if (data.output !== undefined) task.output = data.output;
  } else if (type === 'task_failed') {
    task.status = 'failed';
    task.error = data.error as ErrorInfo;
  }
}

/** All tokens of an answer: those of prompt and answer, else the sum that the provider named. */
export function tokensOf(data: Record<string, unknown>): number {
  const { tokens_in: tokensIn, tokens_out: tokensOut, tokens_used: used } = data;
  if (tokensIn === undefined && tokensOut === undefined) return countOf(used);
  return countOf(tokensIn) + countOf(tokensOut);
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
