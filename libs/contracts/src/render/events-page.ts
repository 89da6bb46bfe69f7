import { EVENT_DATA_BYTES_MAX, JSON_DEPTH_MAX } from '../json.js';
import { BATCH_RECORDS_MAX, RECORD_BYTES_MAX, TOPICS, UNPACKED_BYTES_MAX } from '../topics.js';
import { ATTRIBUTE_RULES } from './attribute-rules.js';
import { eventSections } from './event-sections.js';
import { EXAMPLE, PARTITION_EXAMPLES, encodeStructured, exampleEvent } from './examples.js';
import { encodeBinary } from '../codec.js';
import { block, code, page, table } from './markdown.js';
import { nexusSections } from './nexus-sections.js';
import { outcomeSections } from './outcome-sections.js';

/** docs/events.md: all that a producer or consumer in any language needs to know. */
export function eventsPage(): string {
  return page(
    '# Events on Kafka',
    'Rendered from `libs/contracts/src` by `npm run docs`; a test holds the two together. The same in AsyncAPI: docs/asyncapi.yaml; JSON Schemas with examples: libs/contracts/golden.',
    ...inShort(),
    ...topics(),
    ...ids(),
    ...keyAndPartition(),
    ...attributes(),
    ...records(),
    ...limits(),
    ...eventSections(),
    ...outcomeSections(),
    ...nexusSections(),
  );
}

const MURMUR2 = `h = 0x9747b28c xor length
for each whole group of 4 bytes: k = the group, little-endian
  k = k * 0x5bd1e995;  k = k xor (k >>> 24);  k = k * 0x5bd1e995
  h = h * 0x5bd1e995;  h = h xor k
of the 1 to 3 bytes b[0], b[1], b[2] that remain, if any:
  h = h xor (b[0] | b[1] << 8 | b[2] << 16);  h = h * 0x5bd1e995
h = h xor (h >>> 13);  h = h * 0x5bd1e995;  h = h xor (h >>> 15)
all modulo 2^32; >>> shifts in zeros`;

function inShort(): string[] {
  return [
    '## In short',
    [
      `1. Make a run id (below) and send \`run.created\` to \`${TOPICS.runs.name}\`, then \`run.started\`, events of steps, and one of \`run.completed\`, \`run.failed\`, \`run.cancelled\`.`,
      '2. A record is a CloudEvent: attributes as `ce_*` headers, data as JSON in the value. Its key is `tenant/affinity`.',
      '3. The partition is murmur2 of the key, as Java clients and kafkajs choose it by default. librdkafka (Python, Go, .NET, PHP, Ruby) needs `partitioner=murmur2_random`.',
      '4. Produce with `acks=all`. When in doubt send the same record again, with the same event id: it changes nothing.',
      '5. What became of an event stands on the feed, and under `GET /v1/events/{event id}`.',
    ].join('\n'),
  ];
}

function topics(): string[] {
  const rows = Object.values(TOPICS).map((topic) => [
    code(topic.name),
    topic.key,
    topic.description,
    topic.retentionMs >= 86_400_000 ? `${topic.retentionMs / 86_400_000} days` : `${topic.retentionMs / 3_600_000} h`,
    `${topic.maxMessageBytes / 1024 / 1024} MiB`,
  ]);
  return [
    '## Topics',
    'An installation may put a prefix before every name (`RUNSPINE_TOPIC_PREFIX`). Topics are made by its set-up step, never by the broker, and their number of partitions never changes.',
    table(['topic', 'key', 'carries', 'kept', 'largest record'], rows),
  ];
}

function ids(): string[] {
  return [
    '## Ids',
    table(
      ['id', 'form', 'example'],
      [
        ['run id', '`run_` + 12 hex digits of Unix milliseconds + 8 of affinity + 12 random', code(EXAMPLE.runId)],
        ['step id', '`step_` + 12 hex digits of Unix milliseconds + 20 random', code(EXAMPLE.stepId)],
        ['task id', '`task_` + 32 hex digits, best 12 of Unix milliseconds + 20 random', code(EXAMPLE.taskId)],
        ['event id', 'a UUID; version 7 sorts by time. Kept in lower case', code(exampleEvent('run.created').id)],
        ['tenant, env, project, surface, space, room', '`[a-z0-9][a-z0-9_-]{0,63}`', code(EXAMPLE.roomId)],
      ],
    ),
    'Hex digits are lower case. A time in an id more than 24 h ahead is refused. An id of another system goes into `external_id`.',
    '**Affinity**: the first 8 hex digits of the SHA-256 of `tenant/env/room` in UTF-8. Without a room, 8 hex digits of your choice: random ones spread runs, equal ones keep runs on one partition, in order. A `run.created` whose run id has not the affinity of its `room_id` is a dead letter.',
    block(
      'text',
      `sha256("${EXAMPLE.tenantId}/${EXAMPLE.env}/${EXAMPLE.roomId}") = ${EXAMPLE.affinity}…\n` +
        `${EXAMPLE.time} = ${Date.parse(EXAMPLE.time)} ms = 0x${EXAMPLE.runId.slice(4, 16)}\n` +
        `run id = run_ ${EXAMPLE.runId.slice(4, 16)} ${EXAMPLE.affinity} ${EXAMPLE.runId.slice(24)}`,
    ),
  ];
}

function keyAndPartition(): string[] {
  return [
    '## Key and partition',
    'The key is `{tenant}/{affinity}`: the tenant id, a slash, and characters 17 to 24 of the run id, for every event of the run and its steps. The partition is `(murmur2(key) & 0x7fffffff) mod N`, over the bytes of the key, N the number of partitions.',
    table(
      ['key', 'murmur2 (signed, 32 bits)', 'of 4 partitions', 'of 12'],
      PARTITION_EXAMPLES.map((one) => [code(one.key), String(one.murmur2), String(one.of4), String(one.of12)]),
    ),
    'murmur2 is that of Kafka (`org.apache.kafka.common.utils.Utils.murmur2`, seed 0x9747b28c). Set your client to it rather than to a partition of your own choice:',
    table(
      ['client', 'setting'],
      [
        ['Java, kafkajs', 'the default partitioner'],
        ['librdkafka and what stands on it', '`partitioner=murmur2_random` (its default, CRC32, agrees on few keys)'],
        ['franz-go', '`kgo.StickyKeyPartitioner(nil)`, the default'],
        ['segmentio/kafka-go', '`kafka.Murmur2Balancer{}`'],
        ['others', 'compute the partition as below, and name it'],
      ],
    ),
    block('text', MURMUR2),
    'A record with another key, or on another partition, is a dead letter: `event.wrong_partition`.',
  ];
}

function attributes(): string[] {
  const rows = Object.entries(ATTRIBUTE_RULES).map(([name, rule]) => [
    code(name),
    code(`ce_${name}`),
    rule.required ? 'yes' : '',
    rule.fallback ?? '',
    rule.meaning,
  ]);
  return [
    '## Attributes',
    'CloudEvents 1.0 with extensions of ours. All values are ASCII text. Other attributes and headers are ignored. A header given twice with two values is refused.',
    table(['attribute', 'header', 'required', 'without it', 'meaning'], rows),
  ];
}

function records(): string[] {
  const event = exampleEvent('step.completed');
  const structured = encodeStructured(event);
  return [
    '## Records',
    'In binary mode, as we write it:',
    block('text', lines(encodeBinary(event))),
    'In structured mode, which is read as well:',
    block('text', lines({ ...structured, value: JSON.stringify(JSON.parse(structured.value), null, 2) })),
    'In structured mode `data` is JSON, not `data_base64`, and attributes have the names of the table without `ce_`.',
  ];
}

function lines(record: { key: string; headers: Record<string, string>; value: string }): string {
  const headers = Object.entries(record.headers).map(([name, value]) => `header  ${name}: ${value}`);
  return [`key     ${record.key}`, ...headers, `value   ${record.value}`].join('\n');
}

function limits(): string[] {
  return [
    '## Data and limits',
    [
      `- A record is at most ${RECORD_BYTES_MAX / 1024 / 1024} MiB, unpacked where its batch is compressed, its data at most ${EVENT_DATA_BYTES_MAX / 1024} KiB as JSON text without white space, in UTF-8.`,
      `- A compressed batch is at most ${UNPACKED_BYTES_MAX / 1024 / 1024} MiB once it is unpacked, and has at most ${BATCH_RECORDS_MAX.toLocaleString('en')} records. Of a larger one no record is read: one dead letter, at its last offset, names them all.`,
      `- Arrays and objects nest at most ${JSON_DEPTH_MAX} levels deep.`,
      '- Strings and names hold neither NUL (U+0000) nor a lone surrogate. The value is UTF-8, without a byte order mark.',
      '- Numbers are doubles (RFC 8785, I-JSON): integers are exact to 2^53, send larger ones as strings; 1e400 is refused.',
      '- Lengths count Unicode code points.',
      '- A field that is absent is left out; `null` is not a substitute where a type is given.',
      '- A field that nobody defined is kept, at any level; in `tags` and `metadata` every name is yours, within its limit. A field of a wrong type or over its limit refuses the event.',
      '- Of a name given twice in one object the last counts.',
    ].join('\n'),
  ];
}
