import type { EventDefinition } from '../define-event.js';
import { EVENT_DEFINITIONS, isStepEventType } from '../events.js';
import { EVENT_RULES } from './event-rules.js';
import { EXAMPLE_DATA, minimalData } from './examples.js';
import { fieldTable } from './field-table.js';
import { block, code } from './markdown.js';

/** A section for each event: what it does, where it is accepted, its fields, an example. */
export function eventSections(): string[] {
  return [
    '## Events',
    'A run is `created`, `running`, then `completed`, `failed` or `cancelled` for good. A step is `pending`, `running`, then `completed`, `failed` or `skipped`; `unreported`, where its run ended first. Events of steps are accepted while the run is created or running.',
    ...EVENT_DEFINITIONS.flatMap(section),
  ];
}

function states(names: readonly string[], subject?: 'run' | 'step'): string {
  if (names[0] === 'none') return `there is no such ${subject}`;
  return `${subject ? `the ${subject} is ` : ''}${alternatives(names.map(code))}`;
}

function alternatives(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function section(definition: (typeof EVENT_DEFINITIONS)[number]): string[] {
  const { type, version, description, dataschema, schema } = definition as EventDefinition<typeof definition.type>;
  const rule = EVENT_RULES[type];
  const accepted = isStepEventType(type)
    ? `Accepted while the run is ${states(rule.run)}, and ${states(rule.step ?? [], 'step')}.`
    : `Accepted when ${states(rule.run, 'run')}.`;
  return [
    `### ${type}`,
    `${description} Version ${version}, ${code(dataschema)}.`,
    `Effect: ${rule.effect} ${accepted}${rule.condition ? ` ${rule.condition}` : ''}`,
    fieldTable(schema),
    'The least, and an example with every field:',
    block('json', JSON.stringify(minimalData(type))),
    block('json', JSON.stringify(EXAMPLE_DATA[type], null, 2)),
  ];
}
