import type { EventDefinition } from '../define-event.js';
import { ALL_EVENT_DEFINITIONS, EVENT_DEFINITIONS, definitionOf } from '../events.js';
import { NEXUS_EVENT_DEFINITIONS } from '../nexus-events.js';
import { RUN_STATUSES, STEP_STATUSES } from '../resources.js';
import { TOPICS } from '../topics.js';
import { ATTRIBUTE_RULES } from './attribute-rules.js';
import { encodeBinary } from '../codec.js';
import { ALL_EXAMPLE_DATA } from './examples.js';
import { exampleOf } from './golden.js';
import { DEAD_LETTER_CODES, DEAD_LETTER_HEADERS, FEED_HEADERS, REFUSALS, feedExample } from './outcome-rules.js';

type Json = Record<string, unknown>;

/** docs/asyncapi.yaml as a value: AsyncAPI 3.0 of the topics runs, nexus, feed and dead letter. JSON, and so YAML once written. */
export function asyncApiDocument(version: string): Json {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Runspine events',
      version,
      description:
        'Events of runs, steps and spaces on Kafka, and what becomes of them. docs/events.md says the same in words.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      runs: { ...channel('runs'), messages: messageRefs(EVENT_DEFINITIONS.map(({ type }) => type)) },
      nexus: { ...channel('nexus'), messages: messageRefs(NEXUS_EVENT_DEFINITIONS.map(({ type }) => type)) },
      feed: { ...channel('feed'), messages: messageRefs(['outcomes']) },
      deadLetter: { ...channel('deadLetter'), messages: messageRefs(['deadLetter']) },
    },
    operations: {
      receiveRunEvents: operation('receive', 'runs', 'The projector decides each event of a run or a step.'),
      receiveNexusEvents: operation('receive', 'nexus', 'The projector keeps each event of a space, and folds tasks.'),
      sendOutcomes: operation('send', 'feed', 'The projector tells what became of events.'),
      sendDeadLetters: operation('send', 'deadLetter', 'The projector sets aside what no retry can make readable.'),
    },
    components: {
      messages: {
        ...Object.fromEntries(ALL_EVENT_DEFINITIONS.map((definition) => [definition.type, eventMessage(definition)])),
        outcomes: {
          name: 'outcomes',
          title: 'Outcomes of events of one run',
          headers: headersOf(FEED_HEADERS),
          payload: { $ref: '#/components/schemas/outcomes' },
          examples: [{ payload: feedExample() }],
        },
        deadLetter: {
          name: 'deadLetter',
          title: 'A record that cannot be read, as it was',
          description: 'Key, value and headers of the record, and the headers below. The value is any bytes.',
          contentType: 'application/octet-stream',
          headers: {
            ...headersOf(DEAD_LETTER_HEADERS),
            properties: {
              ...textProperties(DEAD_LETTER_HEADERS),
              dl_code: { type: 'string', enum: [...DEAD_LETTER_CODES], description: DEAD_LETTER_HEADERS.dl_code },
            },
          },
          payload: { description: 'Bytes as they were, or the first of them: `dl_cut`.' },
        },
      },
      schemas: { outcomes: outcomesSchema(), eventHeaders: eventHeaders(), nexusEventHeaders: nexusEventHeaders() },
    },
  };
}

function channel(role: 'runs' | 'nexus' | 'feed' | 'deadLetter'): Json {
  const { name, description, retentionMs, maxMessageBytes, key } = TOPICS[role];
  return {
    address: name,
    description: `${description} Key: ${key}.`,
    bindings: {
      kafka: {
        topic: name,
        topicConfiguration: {
          'cleanup.policy': ['delete'],
          'retention.ms': retentionMs,
          'max.message.bytes': maxMessageBytes,
        },
        bindingVersion: '0.5.0',
      },
    },
  };
}

function messageRefs(names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function operation(action: 'send' | 'receive', channelName: string, summary: string): Json {
  return { action, channel: { $ref: `#/channels/${channelName}` }, summary };
}

function eventMessage(definition: (typeof ALL_EVENT_DEFINITIONS)[number]): Json {
  const { type, description, schema, dataschema, version } = definition as EventDefinition<typeof definition.type>;
  const { 'content-type': _contentType, ...headers } = encodeBinary(exampleOf(type)).headers;
  const ofRun = definitionOf(type) !== undefined;
  return {
    name: type,
    title: `${type}, version ${version}`,
    summary: description,
    contentType: 'application/json',
    headers: {
      allOf: [
        { $ref: `#/components/schemas/${ofRun ? 'eventHeaders' : 'nexusEventHeaders'}` },
        {
          type: 'object',
          properties: { ce_type: { const: type }, ce_dataschema: { type: 'string', examples: [dataschema] } },
        },
      ],
    },
    payload: schema,
    examples: [{ headers, payload: ALL_EXAMPLE_DATA[type] }],
    bindings: {
      kafka: {
        key: { type: 'string', description: TOPICS[ofRun ? 'runs' : 'nexus'].key },
        bindingVersion: '0.5.0',
      },
    },
  };
}

function eventHeaders(): Json {
  const rules = Object.entries(ATTRIBUTE_RULES);
  return {
    type: 'object',
    required: rules.filter(([, rule]) => rule.required).map(([name]) => `ce_${name}`),
    properties: Object.fromEntries(
      rules.map(([name, rule]) => [`ce_${name}`, { ...rule.schema, description: rule.meaning }]),
    ),
  };
}

/** As those of runs, but for what an event is about. */
function nexusEventHeaders(): Json {
  const headers = eventHeaders();
  const description = `As the key: ${TOPICS.nexus.key}.`;
  const properties = { ...(headers.properties as Json), ce_subject: { type: 'string', description } };
  return { ...headers, properties: { ...properties, ce_partitionkey: { type: 'string', description } } };
}

function headersOf(headers: Readonly<Record<string, string>>): Json {
  return { type: 'object', required: Object.keys(headers), properties: textProperties(headers) };
}

function textProperties(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { type: 'string', description }]),
  );
}

function outcomesSchema(): Json {
  const text = { type: 'string' };
  const textOrNull = { type: ['string', 'null'] };
  const base = {
    event_id: { ...text, description: 'The id of the event that was submitted.' },
    tenant_id: text,
    env: text,
    run_id: text,
    step_id: textOrNull,
    repeat: { type: 'boolean', description: 'An outcome told again: nothing happened this time.' },
    first_event_id: { ...text, description: 'The event whose outcome this is.' },
  };
  const kind = (outcome: string, fields: Json) => {
    const properties = { outcome: { const: outcome }, ...base, ...fields };
    return { type: 'object', required: Object.keys(properties), properties };
  };
  const outcome = {
    oneOf: [
      kind('applied', { run_sequence: { type: 'integer' }, room_sequence: { type: ['integer', 'null'] } }),
      kind('rejected', {
        reason: { enum: [...new Set(REFUSALS.map(({ reason }) => reason))] },
        current: { enum: [...new Set([...RUN_STATUSES, ...STEP_STATUSES]), null] },
        version: { type: ['integer', 'null'] },
      }),
      kind('parked', { sqlstate: text }),
    ],
  };
  const value = {
    type: 'object',
    required: ['outcome', 'hash'],
    properties: {
      outcome,
      hash: { ...text, description: 'SHA-256 of type and data of the submitted event, in hex.' },
      event: { type: 'object', description: 'The applied event with its sequences.' },
      noticed: { const: true, description: 'The commit told whoever waits.' },
      resource: { type: 'object', description: 'The run, and the addressed step, after the event.' },
    },
  };
  return { type: 'object', required: ['outcomes'], properties: { outcomes: { type: 'array', items: value } } };
}
