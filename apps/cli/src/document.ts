import type { Argument, Option } from 'commander';
import { PassThrough } from 'node:stream';
import type { CliCommand } from './command.js';
import { EXIT_MEANINGS } from './failures.js';
import { buildProgram } from './program.js';
import { SETTINGS } from './settings.js';

/** docs/cli.md: the commands as they are. */
export function renderDocument(): string {
  const sink = { write: () => true };
  const io = {
    env: {},
    cwd: '/',
    stdin: new PassThrough(),
    stdout: sink,
    stderr: sink,
    signal: new AbortController().signal,
  };
  const program = buildProgram({ io, exitCode: 0, session: undefined, json: false });
  const groups = visible(program).map((command) => groupText(command));
  return `${[headText(program), ...groups, settingsText(), readingText(), exitText()].join('\n\n')}\n`;
}

function headText(program: CliCommand): string {
  return `# The command line

Rendered from \`apps/cli/src\` by \`npm run docs\`; a test holds the two together.

In the repository \`npx runspine\` runs it, once it is built (\`npm start\` builds, as does \`npm run build\`). Elsewhere it is the package \`@runspine/cli\`.

${codeText(program.examples.map(([line, meaning]) => `${line}  # ${meaning}`))}

## Options of every command

${optionTable(program.options)}`;
}

function groupText(command: CliCommand): string {
  const inside = visible(command);
  const title = `## ${pathOf(command)}`;
  if (inside.length === 0) return `${title}\n\n${bodyText(command)}`;
  const parts = inside.map((each) => `### ${pathOf(each)}\n\n${bodyText(each)}`);
  return [title, `${sentence(command.description())}`, ...parts].join('\n\n');
}

function bodyText(command: CliCommand): string {
  const usage = ['runspine', ...pathOf(command).split(' ').slice(1), ...command.registeredArguments.map(argumentText)];
  const options = command.options.filter(({ hidden }) => !hidden);
  return [
    sentence(command.description()),
    codeText([`${usage.join(' ')}${options.length > 0 ? ' [options]' : ''}`]),
    ...(command.registeredArguments.length > 0 ? [argumentTable(command.registeredArguments)] : []),
    ...(options.length > 0 ? [optionTable(options)] : []),
    ...(command.examples.length > 0
      ? [codeText(command.examples.flatMap(([line, meaning]) => [`# ${meaning}`, line]))]
      : []),
  ].join('\n\n');
}

function settingsText(): string {
  const rows = Object.entries(SETTINGS).map(([name, { variable, default: value, meaning }]) => [
    `\`${name}\``,
    `\`${variable}\``,
    name === 'token' ? '' : `\`--${name}\``,
    value === undefined ? '' : `\`${value}\``,
    meaning,
  ]);
  return `## Settings

An option counts before an environment variable, that before the config file, that before the default. \`runspine config show\` says what is in force and why. The file is \`~/.config/runspine/config.json\` (\`XDG_CONFIG_HOME\` and \`RUNSPINE_CONFIG\` move it), a JSON object of texts; \`runspine config set\` writes it, for its owner alone.

${tableText(['setting', 'variable', 'option', 'default', 'meaning'], rows)}

Colours: \`--color\` and \`--no-color\`, then \`FORCE_COLOR\`, then \`NO_COLOR\`, else where a terminal is. Signs and lines are ASCII where the locale is not UTF-8.`;
}

function readingText(): string {
  return `## In a terminal, in a pipe

A terminal is shown what fits its width: ids cut to what tells them apart, times as people say them. A pipe has whole ids and times, nothing is cut, and what is said beside the answer goes to stderr.

\`--json\` gives programs JSON: a line an item (NDJSON) for lists, one object otherwise; failures are \`{"error":{code, message, exit_code, hints, details}}\` on stderr, and so is the \`{"next_cursor"}\` of a list that goes on.

The beginning of a run's id is enough, with or without \`run_\`; where it fits several they are listed. \`latest\` is the newest run, \`failed\` the newest that failed.`;
}

function exitText(): string {
  const rows = EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning]);
  return `## Exit codes\n\n${tableText(['code', 'meaning'], rows)}\n\n\`runs rerun\` exits as the command that it ran.`;
}

function visible(command: CliCommand): CliCommand[] {
  return (command.commands as CliCommand[]).filter((each) => !each.name().startsWith('__') && each.name() !== 'help');
}

function pathOf(command: CliCommand): string {
  const names: string[] = [];
  for (let at: CliCommand | null = command; at; at = at.parent as CliCommand | null) names.unshift(at.name());
  return names.join(' ');
}

function argumentText(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function argumentTable(given: readonly Argument[]): string {
  const rows = given.map((argument) => [
    `\`${argumentText(argument)}\``,
    withChoices(argument.description, argument.argChoices, argument.defaultValue),
  ]);
  return tableText(['argument', 'meaning'], rows);
}

function optionTable(given: readonly Option[]): string {
  const rows = given.map((option) => [
    `\`${option.flags}\``,
    withChoices(option.description, option.argChoices, option.negate ? undefined : option.defaultValue),
  ]);
  return tableText(['option', 'meaning'], rows);
}

function withChoices(text: string, choices: readonly string[] | undefined, value: unknown): string {
  return [
    text,
    ...(choices ? [`one of ${choices.join(', ')}`] : []),
    ...(value === undefined ? [] : [`default: ${String(value)}`]),
  ].join('; ');
}

function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function codeText(lines: readonly string[]): string {
  return ['```sh', ...lines, '```'].join('\n');
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
