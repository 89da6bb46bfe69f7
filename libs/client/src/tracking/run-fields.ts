import type { RunFields } from '../resources/event-data.js';
import { canonicalHash } from './canonical.js';
import type { CodeRef } from './code-ref.js';
import { fingerprintOf, unknownFingerprint } from './fingerprint.js';
import { jsonText } from './json-text.js';
import { inputPayload } from './payload.js';
import type { RunOptions } from './run-options.js';
import type { StageInput } from './stage-input.js';

/** What the tracker knows of a run beside its options. */
export interface RunSurroundings {
  readonly room: string | undefined;
  readonly parentRunId: string | undefined;
  readonly rerunOf: string | undefined;
  readonly traceId: string | undefined;
  readonly cwd: string;
  /** Whether the command line is recorded. */
  readonly command: boolean;
}

/**
 * What `run.created` will say. Values that the run may change are taken now; the version of the code when it is asked
 * for, since git may still be answering.
 */
export function runFieldsFor(
  options: RunOptions,
  input: StageInput | undefined,
  surroundings: RunSurroundings,
  code: () => CodeRef,
): () => RunFields {
  const madeMs = Date.now();
  const { recordInput = true, config } = options;
  const shown = recordInput ? inputPayload(options.input) : undefined;
  const inputText = shown === undefined ? undefined : jsonText(shown);
  const metadataText = jsonText({
    ...(config === undefined ? {} : { config: inputPayload(config) }),
    ...options.metadata,
  });
  const configHash = input ? input.configHash : configHashOf(config);
  return () => ({
    ...compact({
      name: options.name ?? options.stage,
      kind: options.kind,
      stage: options.stage,
      room_id: surroundings.room,
      external_id: options.externalId,
      parent_run_id: surroundings.parentRunId,
      rerun_of: surroundings.rerunOf,
      stale_after_s: options.staleAfterS,
      trace_id: surroundings.traceId,
      config_hash: configHash ?? undefined,
    }),
    ...(surroundings.command ? { command: commandLine(process.argv), cwd: surroundings.cwd } : {}),
    ...(options.tags === undefined ? {} : { tags: { ...options.tags } }),
    ...(metadataText === '{}' ? {} : { metadata: JSON.parse(metadataText) as Record<string, unknown> }),
    ...(inputText === undefined ? {} : { input: JSON.parse(inputText) as unknown }),
    code_ref: code().ref,
    ...(input ? { input_fingerprint: fingerprintFor(input, code(), madeMs) } : {}),
  });
}

function fingerprintFor({ hash, configHash }: StageInput, code: CodeRef, madeMs: number): string {
  if (hash === undefined) return unknownFingerprint(madeMs);
  return fingerprintOf({ inputHash: hash, configHash, codeRef: code.ref });
}

function configHashOf(config: unknown): string | undefined {
  try {
    return config === undefined ? undefined : canonicalHash(config);
  } catch {
    return undefined;
  }
}

function compact(fields: RunFields & Record<string, unknown>): RunFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as RunFields;
}

const SECRET = /key|token|secret|passw|auth|credential/i;

/** The command line as a shell takes it; what looks like a secret is `***`. */
export function commandLine(argv: readonly string[]): string {
  let masked = false;
  const words = argv.map((word) => {
    if (masked) {
      masked = false;
      if (!word.startsWith('-')) return '***';
    }
    const [name = '', value] = word.split(/=(.*)/s, 2);
    if (!name.startsWith('-') && value === undefined) return word;
    if (!SECRET.test(name)) return word;
    if (value !== undefined) return `${name}=***`;
    masked = true;
    return word;
  });
  return words.map((word) => (/^[\w@%+=:,./*-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
