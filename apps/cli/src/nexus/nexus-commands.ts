import { Option } from 'commander';
import { type CliCommand, json, pairs, wholeNumber } from '../command.js';
import { pageOptions } from '../output/pages.js';
import type { IngestOptions } from './ingest.js';
import type { QueryOptions } from './query.js';
import type { ReplayOptions } from './replay.js';
import type { ResearchOptions } from './research.js';
import type { SpacesOptions } from './spaces.js';

/** `runspine nexus`: documents, and what can be found in them. */
export function addNexusCommands(program: CliCommand): void {
  const nexus = program.add('nexus', 'documents, and what can be found in them');
  const scope = () => new Option('--scope <scope>', 'whose space').choices(['tenant', 'global']);
  nexus
    .add('ingest', 'put documents into a space')
    .argument('<space>', 'name of the space; made where there is none')
    .argument('[files...]', 'texts, .json, .ndjson of documents; - for lines of JSON on stdin')
    .option('--text <text>', 'a document as it stands here')
    .option('--id <id>', 'its id; the path of a file otherwise')
    .option('--type <type>', 'what sort of document')
    .option('--metadata <name=value>', 'metadata of each; again for more', pairs)
    .addOption(scope().default('tenant'))
    .option('--correlation <id>', 'the research run that it belongs to')
    .option('--no-wait', 'do not wait until it can be found')
    .example('runspine nexus ingest handbook docs/*.md', 'files, by their paths')
    .example('runspine nexus ingest handbook --text "We open at nine." --id hours', 'a text')
    .does<IngestOptions>(async (session, { args: [space, ...files], options }) =>
      (await import('./ingest.js')).ingest(session, space!, files, options),
    );
  nexus
    .add('query', 'ask a space')
    .argument('<space>', 'name of the space')
    .argument('[words...]', 'the question')
    .option('-k, --top <count>', 'hits of a page', wholeNumber(1, 100), 10)
    .addOption(new Option('--mode <mode>', 'how').choices(['auto', 'hybrid', 'vector', 'text']))
    .option('--filter <json>', 'such as {"metadata.lang":{"$eq":"en"}}', json)
    .option('--global', "also the surface's shared space")
    .option('--rerank', 'order them by the reranker')
    .option('--cursor <cursor>', 'the page that follows')
    .option('--as-of <snapshot>', 'the hits of an earlier answer')
    .option('--after-task <task>', 'wait for this ingest first')
    .option('--correlation <id>', 'the research run that the question belongs to')
    .option('--run <run>', 'with --step: keep what was found on the step')
    .option('--step <step>', 'the step that asks')
    .option('--explain', 'how the answer came about, as JSON')
    .example('runspine nexus query handbook when do we open', 'words need no quotes')
    .does<QueryOptions>(async (session, { args: [space, ...words], options }) =>
      (await import('./query.js')).query(session, space!, words, options),
    );
  nexus
    .add('spaces', 'the spaces that there are, or one of them')
    .argument('[space]', 'only this one')
    .addOption(scope())
    .addOptions(pageOptions('spaces'))
    .example('runspine nexus spaces handbook', 'one of them: its documents, embedder and version')
    .example('runspine nexus spaces --all --json | jq .space_id', 'every name, for a program')
    .does<SpacesOptions>(async (session, { args: [space], options }) =>
      (await import('./spaces.js')).showSpaces(session, space, options),
    );
  nexus
    .add('task', 'how far an ingest is')
    .argument('<task>', 'what ingest gave')
    .option('--wait', 'until it ends')
    .example('runspine nexus task task_019c13ec9e00a1b2c3d4e5f60718293a --wait', 'until it can be found')
    .does<{ wait?: boolean }>(async (session, { args: [task], options }) =>
      (await import('./spaces.js')).showTask(session, task!, options),
    );
  nexus
    .add('runs', 'what was ingested, asked and made, by what belonged together')
    .option('--window <days>', 'runs with an event in so many days back', wholeNumber(1, 90), 7)
    .addOption(new Option('--kind <kind>', 'only this kind').choices(['search', 'asset', 'ingest', 'pack']))
    .addOption(new Option('--status <status>', 'only this status').choices(['running', 'completed', 'failed']))
    .option('--only-project <project>', 'only of this project')
    .addOptions(pageOptions('runs'))
    .example('runspine nexus runs --window 30 --status failed', 'what failed in the last month')
    .example('runspine nexus runs --all --json | jq .counts', 'for a program')
    .does<ResearchOptions>(async (session, { options }) =>
      (await import('./research.js')).showResearchRuns(session, options),
    );
  nexus
    .add('replay', 'ask again what a step asked, of the data that there was then')
    .argument('<step>', 'id of the step')
    .option('--run <run>', 'the run of the step; looked for otherwise')
    .example('runspine nexus replay step_019c13ec9e00a1b2c3d4e5f60718293a', 'the hits of then beside those of now')
    .does<ReplayOptions>(async (session, { args: [step], options }) =>
      (await import('./replay.js')).replayRetrieval(session, step!, options),
    );
}
