import type { Run, Step } from '@runspine/client';

/** A value that is not the same in two things. Undefined: it is not there. */
export interface Difference {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

const DEPTH_MAX = 8;
const DIFFERENCES_MAX = 200;

/** What differs between two JSON values, by path. Lists of the same length are compared item by item. */
export function differencesOf(before: unknown, after: unknown, path = '', depth = 0): Difference[] {
  if (same(before, after)) return [];
  const [a, b] = [before, after];
  const nested =
    depth < DEPTH_MAX &&
    isObject(a) &&
    isObject(b) &&
    Array.isArray(a) === Array.isArray(b) &&
    (!Array.isArray(a) || !Array.isArray(b) || a.length === b.length);
  if (!nested) return [{ path, before, after }];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names
    .flatMap((name) => differencesOf(a[name], b[name], joined(path, name, Array.isArray(a)), depth + 1))
    .slice(0, DIFFERENCES_MAX);
}

function joined(path: string, name: string, item: boolean): string {
  if (item) return `${path}[${name}]`;
  return path === '' ? name : `${path}.${name}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isObject(a) || !isObject(b)) return false;
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((name) => [name, sorted(value[name])]),
  );
}

/** What of a run is worth comparing with another's. */
export function comparable(run: Run): Record<string, unknown> {
  const { config, ...metadata } = run.metadata;
  return {
    code: run.code_ref,
    config: config ?? run.config_hash,
    input: run.input,
    command: run.command,
    name: run.name,
    kind: run.kind,
    stage: run.stage,
    tags: run.tags,
    metadata,
    status: run.status,
    source: run.source,
    error: run.error === null ? null : { code: run.error.code, message: run.error.message },
    output: run.output,
    metrics: run.metrics,
    scores: Object.fromEntries(run.scores.map(({ name, value }) => [name, value])),
  };
}

/** What led to a run's result, rather than what came of it. */
export function causesChanged(before: Run, after: Run): Difference[] {
  const given = (run: Run) => {
    const { code, config, input, command, tags, metadata } = comparable(run);
    return { code, config, input, command, tags, metadata };
  };
  return withInput(before, after, differencesOf(given(before), given(after)));
}

/** All that differs between two runs but ids and times. */
export function runDifferences(before: Run, after: Run): Difference[] {
  return withInput(before, after, differencesOf(comparable(before), comparable(after)));
}

/** An input that is not recorded shows in the fingerprint, where code and configuration, which are in it too, are the same. */
function withInput(before: Run, after: Run, found: Difference[]): Difference[] {
  const [a, b] = [before.input_fingerprint, after.input_fingerprint];
  const elsewhere = found.some(({ path }) => /^(code|config|input)\b/.test(path));
  if (elsewhere || a === b || !a?.startsWith('sha256:') || !b?.startsWith('sha256:')) return found;
  return [{ path: 'input (its fingerprint)', before: a, after: b }, ...found];
}

export interface StepPair {
  readonly name: string;
  readonly before: Step | undefined;
  readonly after: Step | undefined;
}

/** Steps of two runs by name, and by their order among those of the same name. */
export function pairedSteps(before: readonly Step[], after: readonly Step[]): StepPair[] {
  const first = keyed(before);
  const second = keyed(after);
  return [...new Set([...first.keys(), ...second.keys()])].map((name) => ({
    name,
    before: first.get(name),
    after: second.get(name),
  }));
}

function keyed(steps: readonly Step[]): Map<string, Step> {
  const counts = new Map<string, number>();
  return new Map(
    steps.map((step) => {
      const name = step.name ?? step.step_id;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return [count === 1 ? name : `${name} #${count}`, step];
    }),
  );
}

/** What of a step is worth comparing with another's. */
export function comparableStep(step: Step): Record<string, unknown> {
  const { kind, attempt, status, inputs, output, error, skip_reason, source, metrics } = step;
  const said = error === null ? null : { code: error.code, message: error.message };
  return { kind, attempt, status, inputs, output, error: said, skip_reason, source, metrics };
}
