import { NEXUS_EVENT_DEFINITIONS } from '../nexus-events.js';
import type { EventDefinition } from '../define-event.js';
import { TOPICS } from '../topics.js';
import { minimalData } from './examples.js';
import { fieldTable } from './field-table.js';
import { block, code } from './markdown.js';
import { EXAMPLE_SPACE_PATH, NEXUS_EXAMPLE_DATA } from './nexus-examples.js';

/** The events of `runspine.nexus.v1`: what is different there, then a section for each. */
export function nexusSections(): string[] {
  return [
    '## Events of Nexus',
    `On ${code(TOPICS.nexus.name)}, with the same attributes, records and limits as above. Subject and key are the path of the space that \`data.space\` names, \`tenant/env/project/surface/space\`, such as ${code(EXAMPLE_SPACE_PATH)}: tenant and env are the envelope's, but a space of scope \`global\` has the tenant \`t_system\`. Where the data names no space they are \`tenant/env/correlation\`, and the correlation id is required.`,
    'The projector keeps them in `nexus_events`, with a gapless sequence and a hash chain for each key, and folds tasks from them: `GET /nexus/tasks/{task id}`. An event whose id came before in the tenant changes nothing; with another type or other data it is a dead letter, `event.id_reused`. What the nexus service says of a task has event ids derived from the task, so that work done twice is told once: of `nexus.indexed`, `nexus.ingest_completed` and `nexus.ingest_failed` the first of an id counts, whatever a later one says. An event of a task of another tenant, env or space is a dead letter, `nexus.task_mismatch`.',
    ...NEXUS_EVENT_DEFINITIONS.flatMap(section),
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
