import { Option } from 'commander';
import { type CliCommand, pairs, wholeNumber } from '../command.js';
import { pageOptions } from '../output/pages.js';
import type { AnnotateOptions, CancelOptions, EraseOptions, ScoreOptions } from './changes.js';
import type { EventsOptions } from './events.js';
import type { ExportOptions } from './export.js';
import type { ListOptions } from './list.js';
import type { ReplayOptions } from './replay.js';
import type { RerunOptions } from './rerun.js';
import type { StatsOptions } from './stats.js';
import type { TailOptions } from './tail.js';

const STATUSES = ['created', 'running', 'completed', 'failed', 'cancelled'];
const RUN = 'id of a run, its beginning, `latest`, or `failed` for the newest that failed';

/** `runspine runs`: see what ran, why it failed, and what changed. */
export function addRunCommands(program: CliCommand): void {
  const runs = program.add('runs', 'see what ran, why it failed, and what changed');
  addLists(runs);
  addViews(runs);
  addPaths(runs);
  addWrites(runs);
}

function filtered(command: CliCommand): CliCommand {
  return command
    .addOption(new Option('--status <status>', 'only runs of this status').choices(STATUSES))
    .option('--stage <stage>', 'only this stage')
    .option('--kind <kind>', 'only this kind')
    .option('--tag <tag>', 'only with this tag: name, or name=value')
    .option('--room <room>', 'only of this room')
    .option('--stalled', 'only open runs that went silent');
}

function addLists(runs: CliCommand): void {
  filtered(runs.add('tail', 'the latest runs, the newest last'))
    .option('-n, --lines <count>', 'how many', wholeNumber(1, 200), 10)
    .option('-f, --follow', 'go on: a line for each run that begins, ends or goes silent')
    .option('--interval <seconds>', 'between two looks of --follow', wholeNumber(1, 3600), 1)
    .example('runspine runs tail', 'the latest ten')
    .example('runspine runs tail -f --stage extract', 'follow a stage')
    .does<TailOptions>(async (session, { options }) => (await import('./tail.js')).tailRuns(session, options));
  filtered(runs.add('list', 'runs, newest first'))
    .option('--since <time>', 'created at or after: 7d, 24h, 30m, or a date')
    .option('--until <time>', 'created before')
    .option('--parent <run>', 'only runs that this one began')
    .addOptions(pageOptions('runs'))
    .example('runspine runs list --status failed --since 24h', 'what failed since yesterday')
    .example('runspine runs list --tag customer=acme --json | jq .run_id', 'ids, for a program')
    .does<ListOptions>(async (session, { options }) => (await import('./list.js')).listRuns(session, options));
  filtered(runs.add('stats', 'runs in numbers: counts, failures, durations, tokens, cost'))
    .option('--since <time>', 'created at or after', '7d')
    .option('--until <time>', 'created before')
    .addOption(new Option('--by <field>', 'what is a group').choices(['stage', 'kind', 'name']).default('stage'))
    .example('runspine runs stats --since 30d', 'the last month, by stage')
    .does<StatsOptions>(async (session, { options }) => (await import('./stats.js')).showStats(session, options));
}

function addViews(runs: CliCommand): void {
  runs
    .add('show', 'all that is known of a run')
    .argument('<run>', RUN)
    .example('runspine runs show latest', 'the newest run')
    .example('runspine runs show run_019c13ec9e00', 'by the beginning of its id')
    .does(async (session, { args: [run] }) => (await import('./show.js')).showRun(session, run!));
  runs
    .add('explain', 'why a run failed, and what changed since it last went well')
    .argument('[run]', RUN, 'failed')
    .example('runspine runs explain', 'the newest run that failed')
    .does(async (session, { args: [run] }) => (await import('./explain.js')).explainRun(session, run!));
  runs
    .add('diff', 'what differs between two runs, or two events of a run')
    .argument(
      '<a>',
      'a run, RUN@N: as of its event N, or `good`: the last of its stage that went well before the other',
    )
    .argument('<b>', 'likewise')
    .example('runspine runs diff good failed', 'the newest failure, beside when it last went well')
    .example('runspine runs diff run_019c13ec9e00 latest', 'two runs')
    .example('runspine runs diff latest@3 latest@5', 'what two events did')
    .does(async (session, { args: [a, b] }) => (await import('./diff.js')).diffRuns(session, a!, b!));
  runs
    .add('events', 'the events of a run, in order')
    .argument('<run>', RUN)
    .option('--step <step>', 'only of this step')
    .option('--type <type>', 'only of this type, such as step.failed')
    .option('--after <sequence>', 'only after this one', wholeNumber(0, 1e9))
    .option('-f, --follow', 'go on until the run ends')
    .example('runspine runs events latest -f', 'watch a run')
    .does<EventsOptions>(async (session, { args: [run], options }) =>
      (await import('./events.js')).showEvents(session, run!, options),
    );
  runs
    .add('replay', 'a run as it was at one of its events')
    .argument('<run>', RUN)
    .option('--at <sequence>', 'as of this event', wholeNumber(1, 1e9))
    .option('-i, --interactive', 'move through its events by keys')
    .example('runspine runs replay latest --at 4', 'as of its fourth event')
    .example('runspine runs replay failed -i', 'step by step')
    .does<ReplayOptions>(async (session, { args: [run], options }) =>
      (await import('./replay.js')).replayRun(session, run!, options),
    );
}

function addPaths(runs: CliCommand): void {
  runs
    .add('rerun', 'run the command of a run again, linked to it; exits as the command does')
    .argument('<run>', RUN)
    .option('-y, --yes', 'do not ask')
    .option('--other-code', 'also where the code is not the same')
    .option('--command <line>', 'another command, such as one whose secret was not recorded')
    .option('--cwd <folder>', 'elsewhere')
    .example('runspine runs rerun failed', 'shows the command, and asks')
    .does<RerunOptions>(async (session, { args: [run], options }) =>
      (await import('./rerun.js')).rerunRun(session, run!, options),
    );
  runs
    .add('export', 'the whole trail of a run')
    .argument('<run>', RUN)
    .addOption(
      new Option('--format <format>', 'json: run, steps and events; ndjson: an event a line; import: for runs import')
        .choices(['json', 'ndjson', 'import'])
        .default('json'),
    )
    .option('-o, --output <file>', 'a file, instead of stdout')
    .example('runspine runs export latest -o run.json', 'into a file')
    .does<ExportOptions>(async (session, { args: [run], options }) =>
      (await import('./export.js')).exportRun(session, run!, options),
    );
  runs
    .add('import', 'send the events of a file; the same file again is harmless')
    .argument('<file>', 'NDJSON: a spool of the client, a log that it wrote, or an export for import')
    .example('runspine runs import run.ndjson', 'as `runs export --format import` writes it')
    .does(async (session, { args: [file] }) => (await import('./import.js')).importFile(session, file!));
}

function addWrites(runs: CliCommand): void {
  runs
    .add('annotate', 'add tags and metadata to a run')
    .argument('<run>', RUN)
    .option('--tag <name=value>', 'a tag; again for more', pairs)
    .option('--metadata <name=value>', 'metadata, JSON or text; again for more', pairs)
    .example('runspine runs annotate latest --tag reviewed=yes', 'tag a run')
    .does<AnnotateOptions>(async (session, { args: [run], options }) =>
      (await import('./changes.js')).annotateRun(session, run!, options),
    );
  runs
    .add('score', 'give a run a score')
    .argument('<run>', RUN)
    .argument('<name>', 'of what')
    .argument('<value>', 'a number')
    .option('--comment <text>', 'why')
    .example('runspine runs score latest faithful 0.9', 'a score of its answer')
    .does<ScoreOptions>(async (session, { args, options }) =>
      (await import('./changes.js')).scoreRun(session, args, options),
    );
  runs
    .add('cancel', 'record that a run was cancelled; what executes it is not told')
    .argument('<run>', RUN)
    .option('--reason <text>', 'why')
    .example('runspine runs cancel latest --reason "wrong input"', 'the newest run')
    .does<CancelOptions>(async (session, { args: [run], options }) =>
      (await import('./changes.js')).cancelRun(session, run!, options),
    );
  runs
    .add('erase', "take a run's inputs, outputs and errors away for good; role admin")
    .argument('<run>', RUN)
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('-y, --yes', 'do not ask')
    .example('runspine runs erase run_019c13ec9e00 --reason "request 4711" --roles admin,reader', 'in development')
    .does<EraseOptions>(async (session, { args: [run], options }) =>
      (await import('./changes.js')).eraseRun(session, run!, options),
    );
}
