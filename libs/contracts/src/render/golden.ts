import { encodeBinary } from '../codec.js';
import type { EventDefinition } from '../define-event.js';
import type { SubmittedEvent } from '../envelope.js';
import { ALL_EVENT_DEFINITIONS, definitionOf, type EventType } from '../events.js';
import type { NexusEvent, NexusEventType } from '../nexus-events.js';
import { exampleEvent, minimalData } from './examples.js';
import { nexusExampleEvent } from './nexus-examples.js';

/** The golden file of each event: its name, and the contract that it freezes. */
export function goldenFiles(): { name: string; content: GoldenFile }[] {
  return ALL_EVENT_DEFINITIONS.map((definition) => {
    const { type, version, dataschema, schema } = definition as EventDefinition<typeof definition.type>;
    return {
      name: `${type}.v${version}.json`,
      content: {
        dataschema,
        schema: { $schema: 'http://json-schema.org/draft-07/schema#', ...schema },
        record: { ...encodeBinary(exampleOf(type)), value: exampleOf(type).data },
        minimal: minimalData(type),
      },
    };
  });
}

/** The example event of a type of any topic. */
export function exampleOf(type: EventType | NexusEventType): SubmittedEvent | NexusEvent {
  return definitionOf(type) ? exampleEvent(type as EventType) : nexusExampleEvent(type as NexusEventType);
}

/** What a golden file holds. */
export interface GoldenFile {
  dataschema: string;
  /** JSON Schema of the record's value. */
  schema: object;
  /** A record with every field, in binary mode. Its value is JSON text on Kafka. */
  record: { key: string; headers: Record<string, string>; value: object };
  /** The least that the value may be. */
  minimal: object;
}
