import { NEXUS_EVENT_DEFINITIONS } from '../nexus-events.js';
import type { EventDefinition } from '../define-event.js';
import { TOPICS } from '../topics.js';
import { minimalData } from './examples.js';
import { fieldTable } from './field-table.js';
import { RESEARCH_EFFECTS, RESEARCH_KINDS } from '../research-runs.js';
import { block, code, table } from './markdown.js';
import { EXAMPLE_SPACE_PATH, NEXUS_EXAMPLE_DATA } from './nexus-examples.js';

/** The events of `runspine.nexus.v1`: what is different there, then a section for each. */
export function nexusSections(): string[] {
  return [
    '## Events of Nexus',
    `On ${code(TOPICS.nexus.name)}, with the same attributes, records and limits as above. Subject and key are the path of the space that \`data.space\` names, \`tenant/env/project/surface/space\`, such as ${code(EXAMPLE_SPACE_PATH)}: tenant and env are the envelope's, but a space of scope \`global\` has the tenant \`t_system\`. Where the data names no space they are \`tenant/env/correlation\`, and the correlation id is required.`,
    'The projector keeps them in `nexus_events`, with a gapless sequence and a hash chain for each key, and folds tasks from them: `GET /nexus/tasks/{task id}`. An event whose id came before in the tenant changes nothing; with another type or other data it is a dead letter, `event.id_reused`. What the nexus service says of a task has event ids derived from the task, so that work done twice is told once: of `nexus.indexed`, `nexus.ingest_completed` and `nexus.ingest_failed` the first of an id counts, whatever a later one says. An event of a task of another tenant, env or space is a dead letter, `nexus.task_mismatch`.',
    ...researchRuns(),
    ...NEXUS_EVENT_DEFINITIONS.flatMap(section),
  ];
}

/** What the events come to, seen together. */
function researchRuns(): string[] {
  const rows = NEXUS_EVENT_DEFINITIONS.map((definition) => {
    const { type, schema } = definition as EventDefinition<typeof definition.type>;
    const { emitter, kind, counts, status } = RESEARCH_EFFECTS[type];
    const data = Object.keys(schema.properties).map(code).join(', ');
    return [code(type), data, emitter, code(kind), counts.map(code).join(', '), status];
  });
  return [
    '### Research runs',
    "Events that belong together are a research run: `GET /nexus/runs`. They are of one tenant, env and project (that of the space, else the envelope's) and have one trace id (of `traceparent`), else one correlation id; an event without either belongs to the run that its `run_id` names, else to its task; one without any of these is in no research run. A task is in the run of its first event, whatever its later ones say. Its counts only follow what is known of the task, so that events that come twice, late or out of order change nothing: the same events give the same run in any order.",
    table(['event', 'data', 'sent by', 'kind', 'counts', 'effect on the status'], rows),
    `A run is of the last kind in the order ${RESEARCH_KINDS.map(code).join(', ')} that one of its events is of. ${code('cards')} are documents that are done and not refused, ${code('atoms')} their chunks. An ${code('indexed')} that names no task counts its own documents and chunks. The run is ${code('running')} while a task is open, and again when another one begins.`,
  ];
}

function section(definition: (typeof NEXUS_EVENT_DEFINITIONS)[number]): string[] {
  const { type, version, description, dataschema, schema } = definition as EventDefinition<typeof definition.type>;
  return [
    `### ${type}`,
    `${description} Version ${version}, ${code(dataschema)}.`,
    fieldTable(schema),
    'The least, and an example with every field:',
    block('json', JSON.stringify(minimalData(type))),
    block('json', JSON.stringify(NEXUS_EXAMPLE_DATA[type], null, 2)),
  ];
}
