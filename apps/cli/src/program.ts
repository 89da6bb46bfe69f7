import { Argument, CommanderError } from 'commander';
import { addAdminCommands } from './admin/admin-commands.js';
import { CliCommand, type Surroundings, wholeNumber } from './command.js';
import { EXIT, EXIT_MEANINGS, type Failure, failureOf, usage } from './failures.js';
import type { Io } from './io.js';
import { addNexusCommands } from './nexus/nexus-commands.js';
import { wantsColours } from './output/terminal.js';
import { addRouteCommands } from './routes/route-commands.js';
import { addRunCommands } from './runs/run-commands.js';
import { Session } from './session.js';
import { SETTINGS } from './settings.js';
import { VERSION } from './version.js';

const SHELLS = ['bash', 'zsh', 'fish'];

/** Runs one command line. @returns how the process should end */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const surroundings: Surroundings = { io, exitCode: EXIT.ok, session: undefined, json: argv.includes('--json') };
  const program = buildProgram(surroundings);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return io.signal.aborted ? EXIT.interrupted : surroundings.exitCode;
  } catch (error) {
    if (io.signal.aborted) return EXIT.interrupted;
    const session = () => surroundings.session ?? new Session(io, { json: surroundings.json });
    if (!(error instanceof CommanderError)) return tell(error, session());
    if (error.exitCode === 0) return EXIT.ok;
    if (surroundings.json) tell(usage(error.message), session());
    return EXIT.usage;
  }
}

/** The tree of commands; what they do is loaded when it is called. */
export function buildProgram(surroundings: Surroundings): CliCommand {
  const { io } = surroundings;
  const program = new CliCommand('runspine', surroundings);
  const colours = wantsColours(io.stdout, io.env, undefined);
  program
    .description('See what ran, why it failed, and what changed. Records are kept by a gateway of Runspine.')
    .version(VERSION, '-V, --version', 'its version')
    .helpOption('-h, --help', 'this help')
    .helpCommand('help [command]', 'help for a command')
    .exitOverride()
    .configureHelp({
      showGlobalOptions: true,
      helpWidth: io.stdout.isTTY ? Math.min(io.stdout.columns ?? 80, 100) : 100,
    })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // With --json `runCli` says it, as JSON.
      writeErr: (text) => (surroundings.json ? undefined : io.stderr.write(text)),
      getOutHasColors: () => colours,
      getErrHasColors: () => colours,
    })
    .showHelpAfterError('--help says more.')
    .option('--address <url>', `${SETTINGS.address.meaning} (env RUNSPINE_ADDRESS)`)
    .option('--tenant <tenant>', `${SETTINGS.tenant.meaning} (env RUNSPINE_TENANT)`)
    .option('--env <env>', `${SETTINGS.env.meaning} (env RUNSPINE_ENV)`)
    .option('--project <project>', `${SETTINGS.project.meaning} (env RUNSPINE_PROJECT)`)
    .option('--surface <surface>', `${SETTINGS.surface.meaning} (env RUNSPINE_SURFACE)`)
    .option('--roles <roles>', `${SETTINGS.roles.meaning} (env RUNSPINE_ROLES)`)
    .option('--timeout <seconds>', 'that one request may take', wholeNumber(1, 3600), 20)
    .option('--json', 'JSON for programs; a line each for lists')
    .option('--color', 'colours also in a pipe (env FORCE_COLOR)')
    .option('--no-color', 'no colours (env NO_COLOR)')
    .example('runspine runs tail', 'the latest runs')
    .example('runspine runs explain', 'why the newest failure failed')
    .example('runspine runs diff good failed', 'what differs between it and the last good run');
  addRunCommands(program);
  addNexusCommands(program);
  addRouteCommands(program);
  addAdminCommands(program);
  addOwnCommands(program);
  return program;
}

/** What concerns the command line itself. */
function addOwnCommands(program: CliCommand): void {
  const config = program.add('config', 'where to, and for whom, when nothing else is said');
  const names = () => new Argument('<name>', 'a setting').choices(Object.keys(SETTINGS));
  config
    .add('show', 'the settings in force, and where each comes from')
    .example('runspine config show', 'also says which file is read')
    .does(async (session) => (await import('./config.js')).showConfig(session));
  (config.add('set', 'keep a setting in the config file').addArgument(names()) as CliCommand)
    .argument('<value>', 'its value')
    .example('runspine config set address https://runspine.example.com', 'another gateway')
    .does(async (session, { args: [name, value] }) => (await import('./config.js')).setConfig(session, name!, value));
  (config.add('unset', 'take a setting out of the config file').addArgument(names()) as CliCommand)
    .example('runspine config unset tenant', 'back to the default')
    .does(async (session, { args: [name] }) => (await import('./config.js')).setConfig(session, name!, undefined));
  const shell = new Argument('<shell>', 'which shell').choices(SHELLS);
  (program.add('completion', 'what makes a shell complete these commands').addArgument(shell) as CliCommand)
    .example('source <(runspine completion bash)', 'bash, in ~/.bashrc')
    .example('source <(runspine completion zsh)', 'zsh, in ~/.zshrc')
    .example('runspine completion fish > ~/.config/fish/completions/runspine.fish', 'fish, once')
    .does(async ({ io }, { args: [name] }) => {
      const { SCRIPTS } = await import('./completion.js');
      io.stdout.write(SCRIPTS[name as keyof typeof SCRIPTS]);
    });
  const complete = new CliCommand('__complete', program.surroundings)
    .argument('[words...]')
    .helpOption(false) as CliCommand;
  complete.does(async (session, { args }) => {
    const { candidatesFor } = await import('./completion.js');
    const found = await candidatesFor(program, args, session);
    session.terminal.print(...found.map(({ word, meaning }) => `${word}\t${meaning}`));
  });
  program.addCommand(complete, { hidden: true });
  program.addHelpText('after', () => exitText());
}

function exitText(): string {
  return `\nExit codes:\n${EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`).join('\n')}`;
}

/** Says what went wrong and what to do. */
function tell(error: unknown, session: Session): number {
  const failure = failureOf(error, settingsOf(session));
  const { terminal, json } = session;
  const { code, message, exitCode, hints, details } = failure;
  if (json) {
    terminal.note(JSON.stringify({ error: { code, message, exit_code: exitCode, hints, details } }));
    return exitCode;
  }
  const { red, dim } = terminal.colours;
  terminal.note(red(message), ...hints.map((hint) => `  ${hint}`), ...dimmed(failure, dim));
  return exitCode;
}

/** What a report of a fault needs: its code, and under which id the services' logs have it. */
function dimmed({ code, details }: Failure, dim: (text: string) => string): string[] {
  if (code.startsWith('cli.')) return [];
  const { request_id: id } = details;
  return [dim(`  ${code}${typeof id === 'string' ? `, request ${id}` : ''}`)];
}

function settingsOf(session: Session): Session['settings'] | undefined {
  try {
    return session.settings;
  } catch {
    return undefined;
  }
}
