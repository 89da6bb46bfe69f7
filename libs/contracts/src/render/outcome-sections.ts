import { ERRORS, type ErrorCode } from '../errors.js';
import { RECORD_BYTES_MAX, TOPICS } from '../topics.js';
import { DEAD_LETTER_CODES, DEAD_LETTER_HEADERS, FEED_HEADERS, REFUSALS, feedExample } from './outcome-rules.js';
import { block, code, table } from './markdown.js';

/** What becomes of an event: refusals, duplicates, dead letters, the feed. */
export function outcomeSections(): string[] {
  return [...refusals(), ...duplicates(), ...deadLetters(), ...feed()];
}

const meanings = (codes: readonly ErrorCode[]) => codes.map((name) => [code(name), ERRORS[name].meaning]);

function refusals(): string[] {
  return [
    '## Order and refusals',
    'Events of one run are applied in the order of their partition, each or none. An applied event takes the next sequence of its run, and of its room. A readable event that cannot be applied is a rejection: it is kept, takes no sequence and changes nothing. Reasons, checked in this order, the first that holds:',
    REFUSALS.map(({ reason, when }, index) => `${index + 1}. ${code(reason)}: ${when}`).join('\n'),
    "An event of a tenant or env that is not its run's finds no run. A run id lives once in a tenant: a second `run.created` in another env is `run.exists`.",
  ];
}

function duplicates(): string[] {
  return [
    '## Duplicates',
    'An event whose id came before in the tenant, in the same env and with the same type and equal data (RFC 8785: order of names and white space do not matter), is a duplicate. Nothing happens, and its outcome is the first one, told again. Other attributes, such as `time`, are not compared. So a producer repeats what it is not sure of, with the same id, even days later. The same id with another type or other data, or in another env, is `event.id_reused`.',
    'Producers that cannot repeat an id (a new process after a crash) derive it from what they know: a UUID version 5 of run id and step name, for example.',
  ];
}

function deadLetters(): string[] {
  return [
    '## Dead letters',
    `A record that no retry can make readable goes to ${code(TOPICS.deadLetter.name)}: key, value and headers as they were, and these headers beside them. The partition goes on with the next record.`,
    table(
      ['header', 'meaning'],
      Object.entries(DEAD_LETTER_HEADERS).map(([name, meaning]) => [code(name), meaning]),
    ),
    `A record of more than ${RECORD_BYTES_MAX / 1024 / 1024} MiB, which only a compressed batch can bring, is not kept whole: of key and value the beginning, and the headers that there is room for. The source topic has it until its time is up. Such a letter is not sent again: \`dead_letter.cut\`.`,
    table(['`dl_code`', 'meaning'], meanings(DEAD_LETTER_CODES)),
  ];
}

function feed(): string[] {
  return [
    '## The feed',
    `${code(TOPICS.feed.name)} tells the outcome of each event that was readable, on the partition number of its source, with its key. A record holds outcomes of events of one run, in the order of the log. They are told after the database's commit, those that somebody waits for at once or by a notice (below), and can be lost or told again in a crash: the truth is \`GET /v1/events/{event id}\`.`,
    table(
      ['header', 'value'],
      Object.entries(FEED_HEADERS).map(([name, meaning]) => [code(name), meaning]),
    ),
    'The value is `{outcomes: [{outcome, hash, event?, noticed?, resource?}]}`: `outcome` as below; `hash` is the SHA-256 of type and data of the event that was submitted, in hex; `event` is the applied event with its sequences, only where it was applied now, and not of a heartbeat; `noticed` is true where a notice told whoever waits; `resource` is `{step}` after the event, or `{run}` where it has no step, only where the event asked for it (`reply`), no notice had it and it is not too large.',
    table(
      ['outcome', 'fields beside `event_id`, `tenant_id`, `env`, `run_id`, `step_id`, `repeat`, `first_event_id`'],
      [
        ['`applied`', '`run_sequence`; `room_sequence`, null without a room and of a heartbeat'],
        ['`rejected`', '`reason`; `current`: the state that refused it, or null; `version`: of the run then, or null'],
        ['`parked`', '`sqlstate`: why PostgreSQL refused it'],
      ],
    ),
    block('json', JSON.stringify(feedExample(), null, 2)),
    '### Notices',
    "An event with `replyto` is told to who listens on that channel of the database (PostgreSQL's LISTEN), by the very commit that applied or refused it: a JSON array of `{outcome, hash, resource?}`. It is there with the commit or never; a large one, and those of a large batch, are left to the feed.",
  ];
}
