import type { NexusAnswer, NexusHit, NexusQuery } from '@runspine/client';
import { type Field, fieldLines, isEmpty, preview } from '../output/fields.js';
import type { Terminal } from '../output/terminal.js';
import { clean } from '../output/text.js';
import type { Session } from '../session.js';
import { findRun } from '../runs/run-ids.js';

export interface QueryOptions {
  readonly top: number;
  readonly mode?: NexusQuery['mode'];
  readonly filter?: Record<string, unknown>;
  readonly global?: boolean;
  readonly rerank?: boolean;
  readonly cursor?: string;
  readonly asOf?: string;
  readonly afterTask?: string;
  readonly correlation?: string;
  readonly run?: string;
  readonly step?: string;
  readonly explain?: boolean;
}

/** What a space has on a question. */
export async function query(
  session: Session,
  space: string,
  words: readonly string[],
  options: QueryOptions,
): Promise<void> {
  const { client, call, terminal, json } = session;
  const asked = await askedOf(session, words.join(' '), options);
  if (options.explain) {
    const path = `/nexus/spaces/${encodeURIComponent(space)}/query/explain`;
    const { body } = await client.request('POST', path, { ...call, body: asked, keyless: true });
    return terminal.printJson(body);
  }
  const { correlation: correlationId } = options;
  const belongs = correlationId === undefined ? call : { ...call, correlationId };
  const answer = await client.nexus.query(space, asked, belongs);
  if (json) return terminal.printJson(answer);
  if (answer.hits.length === 0) {
    terminal.note(`${clean(space)} has nothing on that.`, 'What there is: runspine nexus spaces');
    return;
  }
  terminal.print(...hitLines(terminal, answer));
  const more = answer.next_cursor === null ? [] : [`More: --cursor ${answer.next_cursor}`];
  terminal.note(...[`The same again: --as-of ${answer.snapshot}`, ...more].map((line) => terminal.colours.dim(line)));
}

async function askedOf(session: Session, words: string, options: QueryOptions): Promise<NexusQuery> {
  const { top, mode, filter, global, rerank, cursor, asOf, afterTask, run, step } = options;
  const found = run === undefined ? undefined : await findRun(session, run);
  return {
    ...(words === '' ? {} : { query: words }),
    top_k: top,
    ...(mode === undefined ? {} : { mode }),
    ...(filter === undefined ? {} : { filter }),
    ...(global ? { include_global: true } : {}),
    ...(rerank ? { rerank: true } : {}),
    ...(cursor === undefined ? {} : { cursor }),
    ...(asOf === undefined ? {} : { as_of: asOf }),
    ...(afterTask === undefined ? {} : { after_task: afterTask }),
    ...(found === undefined ? {} : { run_id: found.run_id }),
    ...(step === undefined ? {} : { step_id: step }),
  };
}

export function hitLines(terminal: Terminal, { hits, score_kind: kind }: NexusAnswer): string[] {
  const { bold, dim, cyan } = terminal.colours;
  return hits.flatMap((hit, at) => {
    const scope = hit.source_scope === 'global' ? cyan('  global') : '';
    const head = `${dim(String(at + 1).padStart(3))}  ${bold(clean(hit.id))}  ${dim(`${kind} ${hit.score.toFixed(4)}`)}${scope}`;
    return [head, ...fieldLines(terminal, terminal.width - 5, hitFields(terminal, hit)).map((line) => `     ${line}`)];
  });
}

function hitFields(terminal: Terminal, { text, type, metadata, source_uri }: NexusHit): Field[] {
  const room = 3 * (Math.min(terminal.width, 200) - 18);
  return [
    ['text', text === undefined ? undefined : preview(terminal, text, room)],
    ['type', type],
    ['metadata', isEmpty(metadata) ? undefined : preview(terminal, metadata, room)],
    ['source', source_uri],
  ];
}
