import { type CliCommand, wholeNumber } from '../command.js';
import type { AuditOptions } from './audit.js';
import type { ListOptions, RedriveOptions } from './dead-letters.js';
import type { ProjectionOptions } from './projections.js';
import type { RejectionOptions } from './rejections.js';

/** What operators need: refused events, dead letters, projections, audit. */
export function addAdminCommands(program: CliCommand): void {
  program
    .add('rejections', 'events that the state of their run refused')
    .option('--run <run>', 'only of this run')
    .option('--reason <code>', 'only for this reason, such as run.invalid_transition')
    .option('--limit <count>', 'how many', wholeNumber(1, 1000), 20)
    .example('runspine rejections --reason run.invalid_transition', 'what came out of order')
    .does<RejectionOptions>(async (session, { options }) =>
      (await import('./rejections.js')).showRejections(session, options),
    );
  addDeadLetters(program);
  addProjections(program);
  program
    .add('audit', 'whether the journal is as it was written')
    .add('verify', 'check hash chains and signed heads; exits 1 where a row was touched')
    .option('--run <run>', 'only of this run')
    .option('--of-tenant <tenant>', 'all of a tenant (default: --tenant)')
    .example('runspine audit verify --run latest', 'one run')
    .does<AuditOptions>(async (session, { options }) => (await import('./audit.js')).verifyAudit(session, options));
  program
    .add('jobs', 'work of the services that takes a while; role admin')
    .add('show', 'how far a job is')
    .argument('<job>', 'its id')
    .option('--wait', 'until it ends')
    .example(
      'runspine jobs show job_5b8c0d6e1f2a4b3c9d7e8f0a1b2c3d4e --wait --roles admin',
      'a rebuild that was not waited for',
    )
    .does<{ wait?: boolean }>(async (session, { args: [job], options }) =>
      (await import('./jobs.js')).showJob(session, job!, options.wait === true),
    );
}

function addDeadLetters(program: CliCommand): void {
  const letters = program.add('dead-letters', 'records that no retry could read; role system');
  letters
    .add('list', 'dead letters, newest first')
    .option('--topic <topic>', 'only from this topic')
    .option('--code <code>', 'only for this reason, such as event.wrong_partition')
    .option('--limit <count>', 'how many', wholeNumber(1, 200), 20)
    .option('--cursor <cursor>', 'the page that follows')
    .example('runspine dead-letters list --roles system', 'in development')
    .does<ListOptions>(async (session, { options }) =>
      (await import('./dead-letters.js')).listDeadLetters(session, options),
    );
  letters
    .add('show', 'a dead letter and its record')
    .argument('<letter>', 'PARTITION/OFFSET, as the list has it')
    .example('runspine dead-letters show 0/17', 'the record as it came, and why it could not be read')
    .does(async (session, { args: [letter] }) => (await import('./dead-letters.js')).showDeadLetter(session, letter!));
  letters
    .add('redrive', 'send dead letters to the topic that they came from')
    .argument('[letters...]', 'PARTITION/OFFSET; none where the options choose')
    .option('--topic <topic>', 'those from this topic')
    .option('--code <code>', 'those for this reason')
    .option('--event <id>', 'the one that says this event id')
    .option('--dry-run', 'only show what would be sent')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 100_000))
    .option('--rate <count>', 'at most so many a second', wholeNumber(1, 10_000))
    .option('--no-wait', 'do not wait until it is done')
    .option('-y, --yes', 'do not ask')
    .example('runspine dead-letters redrive --code event.malformed --dry-run', 'look first')
    .example('runspine dead-letters redrive --code event.malformed --limit 100 --rate 10', 'a hundred, ten a second')
    .does<RedriveOptions>(async (session, { args, options }) =>
      (await import('./dead-letters.js')).redrive(session, args, options),
    );
}

function addProjections(program: CliCommand): void {
  const projections = program.add('projections', 'what is folded from the journal; role admin');
  projections
    .add('verify', 'fold the journal again and compare; exits 1 where they differ')
    .option('--no-wait', 'do not wait until it is done')
    .example('runspine projections verify --roles admin', 'in development')
    .does<ProjectionOptions>(async (session, { options }) =>
      (await import('./projections.js')).verifyProjections(session, options),
    );
  projections
    .add('rebuild', 'fold the journal again beside what is served, then serve it')
    .option('--no-wait', 'do not wait until it is done')
    .option('-y, --yes', 'do not ask')
    .example('runspine projections rebuild --yes --no-wait', 'begin, and look later: runspine jobs show')
    .does<ProjectionOptions>(async (session, { options }) =>
      (await import('./projections.js')).rebuildProjections(session, options),
    );
}
