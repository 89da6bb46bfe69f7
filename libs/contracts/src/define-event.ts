import Type, { type Static, type TObject, type TProperties } from 'typebox';
import { Compile } from 'typebox/compile';
import { boundedPath, type Fault } from './json.js';

/** Where the schemas of event data live: `{base}/{type}/v{version}`. An identifier; nothing is fetched from it. */
export const SCHEMA_BASE = 'runspine://schemas';

/** One type of event in one version: its data's type, its compiled validator, its JSON Schema. */
export interface EventDefinition<Name extends string = string, Schema extends TObject = TObject> {
  readonly type: Name;
  readonly version: number;
  /** JSON Schema of `data`. Unknown extra fields are allowed, and kept. */
  readonly schema: Schema;
  readonly description: string;
  /** The envelope's `dataschema`. */
  readonly dataschema: string;
  /** Fields of `data` that hold what people wrote or models said: what an erasure takes away. */
  readonly payload: readonly string[];
  /** True when `data` fits. */
  check(data: unknown): boolean;
  /** Every fault of `data`, with paths as JSON pointers; empty when it fits. */
  faults(data: unknown): Fault[];
}

/** What a definition's data looks like. */
export type DataOf<Definition> = Definition extends EventDefinition<string, infer Schema> ? Static<Schema> : never;

/**
 * Defines an event: the only place that knows its fields. Fields may be added, never removed or retyped: a new meaning
 * is a new version. `payload` names the fields that an erasure takes away.
 */
export function defineEvent<Name extends string, Properties extends TProperties>(
  type: Name,
  version: number,
  description: string,
  properties: Properties,
  payload: readonly (keyof Properties & string)[] = [],
): EventDefinition<Name, TObject<Properties>> {
  const schema = Type.Object(properties, { additionalProperties: true });
  const compiled = Compile(schema);
  return {
    type,
    version,
    schema,
    description,
    payload,
    dataschema: `${SCHEMA_BASE}/${type}/v${version}`,
    check: (data) => compiled.Check(data),
    faults: (data) => faultsOf(compiled, data),
  };
}

interface CompiledSchema {
  Errors(value: unknown): {
    instancePath: string;
    message: string;
    keyword: string;
    params: object;
  }[];
}

/** The faults that a compiled schema finds, at most 20, a missing field named by its own path. */
export function faultsOf(compiled: CompiledSchema, value: unknown): Fault[] {
  const faults = new Map<string, Fault>();
  for (const error of compiled.Errors(value)) {
    for (const fault of expand(error)) {
      if (!faults.has(fault.path)) faults.set(fault.path, { ...fault, path: boundedPath(fault.path) });
    }
    if (faults.size >= 20) break;
  }
  return [...faults.values()];
}

function expand(error: { instancePath: string; message: string; keyword: string; params: object }): Fault[] {
  const params = error.params as { requiredProperties?: string[]; allowedValues?: unknown[] };
  if (error.keyword === 'required' && params.requiredProperties) {
    return params.requiredProperties.map((name) => ({
      path: `${error.instancePath}/${name}`,
      message: 'is required',
    }));
  }
  if (error.keyword === 'enum' && params.allowedValues) {
    return [{ path: error.instancePath, message: `must be one of ${params.allowedValues.join(', ')}` }];
  }
  // A name that no pattern of its object allows comes twice: as itself, and in a list of all of them.
  if (error.keyword === 'boolean') return [{ path: error.instancePath, message: 'has a name that is not allowed' }];
  if (error.keyword === 'additionalProperties') return [];
  return [{ path: error.instancePath, message: error.message }];
}
