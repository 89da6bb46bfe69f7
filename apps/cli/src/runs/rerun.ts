import { type Run, isRunspineError } from '@runspine/client';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { EXIT, Failure, usage } from '../failures.js';
import { confirm } from '../output/ask.js';
import { fieldLines } from '../output/fields.js';
import { clean, cleanLines } from '../output/text.js';
import type { Session } from '../session.js';
import { findRun } from './run-ids.js';

export interface RerunOptions {
  readonly yes?: boolean;
  readonly otherCode?: boolean;
  readonly command?: string;
  readonly cwd?: string;
}

const ANCESTORS_MAX = 16;

/** Runs a run's command again, linked to it. @returns the command's own exit code */
export async function rerunRun(session: Session, given: string, options: RerunOptions): Promise<number> {
  const { terminal, json } = session;
  const run = await withCommand(session, await findRun(session, given), options);
  const command = options.command ?? run.command!;
  const cwd = options.cwd ?? run.cwd ?? session.io.cwd;
  if (/(^|[\s=])'?\*\*\*/.test(command)) {
    throw usage(
      `A secret in the command was not recorded: ${clean(command)}`,
      '--command gives the whole command, with the secret in it.',
    );
  }
  if (!existsSync(cwd)) throw usage(`It ran in ${clean(cwd)}, which is not on this machine.`, '--cwd says where else.');
  const code = await codeRefIn(cwd);
  refuseOtherCode(run, code, options);
  const { yellow } = terminal.colours;
  terminal.note(
    ...fieldLines(terminal, terminal.panelWidth, [
      ['again', run.run_id],
      ['command', cleanLines(command)],
      ['in', cwd],
      [
        'code',
        code === run.code_ref ? code : `${code}, where it was ${run.code_ref ?? 'not recorded'}`,
        code === run.code_ref ? undefined : yellow,
      ],
    ]),
  );
  await confirm(session, 'Run it?', options.yes);
  const begun = new Date(Date.now() - 1000).toISOString();
  const exit = await runCommand(session, command, cwd, run);
  const repeat = await repeatOf(session, run, begun);
  if (json) terminal.printJson({ rerun_of: run.run_id, run_id: repeat?.run_id ?? null, exit_code: exit });
  else if (repeat)
    terminal.note(`Recorded as ${repeat.run_id}`, `Compare: runspine runs diff ${run.run_id} ${repeat.run_id}`);
  else terminal.note('It ended, and recorded no run that repeats the first.');
  return exit;
}

/** The run itself, or the one around it that a command began. */
async function withCommand(session: Session, run: Run, { command }: RerunOptions): Promise<Run> {
  let at = run;
  for (let depth = 0; command === undefined && at.command === null && depth < ANCESTORS_MAX; depth++) {
    if (at.parent_run_id === null) {
      throw usage(`No command was recorded for ${run.run_id}.`, '--command gives one, --cwd says where to run it.');
    }
    at = await session.client.runs.get(at.parent_run_id, session.call);
  }
  if (at !== run) session.terminal.note(`${run.run_id} is part of ${at.run_id}, which is what can be run again.`);
  return at;
}

function refuseOtherCode(run: Run, code: string, { otherCode }: RerunOptions): void {
  const same = code === run.code_ref && code !== 'unknown' && !code.endsWith('-dirty');
  if (same || otherCode) return;
  const was = run.code_ref ?? 'unknown';
  const why = code === was ? 'it cannot be told that nothing changed since' : `here is ${code}`;
  throw new Failure(
    'cli.other_code',
    `The code may be another: the run had ${was}, and ${why}.`,
    EXIT.failed,
    [
      ...(/^[0-9a-f]{40}/.test(was) ? [`The same code: git checkout ${was.replace(/-dirty$/, '')}`] : []),
      'Run it all the same: --other-code',
    ],
    { code_ref: was, found: code },
  );
}

/** The version of the code in a folder, as the client records it. */
async function codeRefIn(cwd: string): Promise<string> {
  const [commit, changes] = await Promise.all([
    git(cwd, 'rev-parse', '--verify', 'HEAD'),
    git(cwd, '--no-optional-locks', 'status', '--porcelain'),
  ]);
  if (commit === undefined || changes === undefined) return 'unknown';
  return changes === '' ? commit : `${commit}-dirty`;
}

function git(cwd: string, ...args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { cwd, timeout: 5000, maxBuffer: 16 * 1024 * 1024 };
    execFile('git', args, options, (error, stdout) => resolve(error ? undefined : stdout.trim()));
  });
}

function runCommand({ io, settings, json }: Session, command: string, cwd: string, run: Run): Promise<number> {
  const identity = {
    RUNSPINE_ADDRESS: settings.address,
    RUNSPINE_TENANT: settings.tenant,
    RUNSPINE_ENV: settings.env,
    RUNSPINE_PROJECT: run.project_id,
    RUNSPINE_SURFACE: run.surface_id,
    ...(settings.token === undefined ? {} : { RUNSPINE_TOKEN: settings.token }),
    RUNSPINE_RERUN_OF: run.run_id,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      cwd,
      env: { ...io.env, ...identity },
      // With --json the answer alone goes to stdout.
      stdio: ['inherit', json ? 2 : 'inherit', 'inherit'],
    });
    const end = () => child.kill('SIGINT');
    io.signal.addEventListener('abort', end, { once: true });
    child.once('error', reject);
    child.once('close', (code) => {
      io.signal.removeEventListener('abort', end);
      resolve(code ?? EXIT.interrupted);
    });
  });
}

async function repeatOf({ client, call }: Session, run: Run, since: string): Promise<Run | undefined> {
  try {
    const runs = await client.runs.list({ since, limit: 200 }, call).first(200);
    return runs.find(({ rerun_of: of }) => of === run.run_id);
  } catch (error) {
    if (isRunspineError(error)) return undefined;
    throw error;
  }
}
