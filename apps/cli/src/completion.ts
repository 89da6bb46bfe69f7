import type { Command, Option } from 'commander';
import { nameOf } from './runs/run-table.js';
import { clean } from './output/text.js';
import type { Session } from './session.js';

/** Shells that completion is written for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A word that may come next, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly meaning: string;
}

/** What a shell reads to complete `runspine`: it asks the command itself. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_runspine() {
  local IFS=$'\\n'
  COMPREPLY=($(runspine __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
  if [ \${#COMPREPLY[@]} -eq 0 ]; then compopt -o default 2>/dev/null; fi
}
complete -F _runspine runspine
`,
  zsh: `#compdef runspine
_runspine() {
  local -a found
  local line
  for line in "\${(@f)$(runspine __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [ -n "$line" ] && found+=("\${line/$'\\t'/:}")
  done
  if (( \${#found} )); then _describe 'runspine' found; else _files; fi
}
compdef _runspine runspine
`,
  fish: `function __runspine_complete
  set -l words (commandline -opc) (commandline -ct)
  runspine __complete -- $words[2..-1] 2>/dev/null
end
complete -c runspine -a '(__runspine_complete)'
`,
};

const RUNS_OFFERED = 20;
/** A shell waits for no longer than this. */
const ASK_MS = 700;

/** What may stand in the place of the last word. */
export async function candidatesFor(root: Command, words: readonly string[], session: Session): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  const { command, args, pending } = place(root, words.slice(0, -1));
  if (pending)
    return fitting(
      (pending.argChoices ?? []).map((word) => ({ word, meaning: '' })),
      current,
    );
  if (current.startsWith('-')) return fitting(optionsOf(command), current);
  const subcommands = command.commands.filter((each) => !isHidden(each));
  if (subcommands.length > 0) {
    return fitting(
      subcommands.map((each) => ({ word: each.name(), meaning: each.description() })),
      current,
    );
  }
  const argument = command.registeredArguments[Math.min(args, command.registeredArguments.length - 1)];
  if (!argument) return [];
  if (argument.argChoices)
    return fitting(
      argument.argChoices.map((word) => ({ word, meaning: '' })),
      current,
    );
  return argument.name().startsWith('run') || /^[ab]$/.test(argument.name()) ? runsFor(session, current) : [];
}

/** Where in the tree of commands the words before lead, and what they wait for. */
function place(
  root: Command,
  words: readonly string[],
): { command: Command; args: number; pending: Option | undefined } {
  let command = root;
  let args = 0;
  let pending: Option | undefined;
  for (const word of words) {
    if (pending) {
      pending = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const option = [...command.options, ...root.options].find(({ short, long }) => word === short || word === long);
      pending = option?.required || option?.optional ? option : undefined;
      continue;
    }
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next) command = next;
    else args += 1;
  }
  return { command, args, pending };
}

function optionsOf(command: Command): Candidate[] {
  const all: Option[] = [];
  for (let at: Command | null = command; at; at = at.parent) all.push(...at.options);
  return all
    .filter(({ hidden, long }) => !hidden && long)
    .map(({ long, description }) => ({ word: long!, meaning: description }));
}

function isHidden(command: Command): boolean {
  return command.name().startsWith('__');
}

function fitting(candidates: readonly Candidate[], current: string): Candidate[] {
  return candidates.filter(({ word }) => word.startsWith(current));
}

/** The newest runs; none where the gateway takes too long. */
async function runsFor({ client }: Session, current: string): Promise<Candidate[]> {
  try {
    const runs = await client.runs.list({ limit: RUNS_OFFERED }, { timeoutMs: ASK_MS, retries: 0 }).first(RUNS_OFFERED);
    const found = runs.map((run) => ({ word: run.run_id, meaning: `${run.status} ${clean(nameOf(run))}`.trim() }));
    return fitting(
      [{ word: 'latest', meaning: 'the newest run' }, { word: 'failed', meaning: 'the newest that failed' }, ...found],
      current,
    );
  } catch {
    return [];
  }
}
