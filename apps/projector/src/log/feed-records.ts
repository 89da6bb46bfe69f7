import { newEventId, type Outcome, OUTCOMES_TYPE, SPEC_VERSION } from '@runspine/contracts';
import type { OutgoingRecord } from '@runspine/kafka';
import type { Told } from '../runs/fold-batch.js';
import { resourceTextOf } from './outcome-text.js';

/** Outcomes of one run that go together in a record are at most this many characters; a larger one goes alone. */
const RECORD_LENGTH_MAX = 256 * 1024;
/** A resource larger than this stays out of the feed: whoever waits reads it. Characters of its JSON. */
const RESOURCE_LENGTH_MAX = 64 * 1024;

/**
 * Outcomes as records of the feed: one a run, in the order of the log; more where they grow too large. Each is a
 * CloudEvent in binary mode whose data is a `FeedBatch`.
 */
export function recordsOf(topic: string, partition: number, told: readonly Told[]): OutgoingRecord[] {
  const firsts: Told[] = [];
  const ends: number[] = [];
  bytes.begin();
  for (const ofRun of Map.groupBy(
    told,
    ({ outcome }) => `${outcome.tenant_id}/${outcome.env}/${outcome.run_id}`,
  ).values()) {
    let length = 0;
    for (const one of ofRun) {
      const texts = textsOf(one);
      const more = texts.reduce((sum, text) => sum + text.length, 0);
      if (length > 0 && length + more <= RECORD_LENGTH_MAX) bytes.write(',');
      else {
        if (length > 0) ends.push(end());
        firsts.push(one);
        bytes.write('{"outcomes":[');
        length = 0;
      }
      for (const text of texts) bytes.write(text);
      length += more;
    }
    ends.push(end());
  }
  const values = bytes.take();
  return firsts.map((first, index) =>
    recordOf(topic, partition, first, values.subarray(index === 0 ? 0 : ends[index - 1], ends[index])),
  );
}

function end(): number {
  bytes.write(']}');
  return bytes.at;
}

function recordOf(topic: string, partition: number, { entry, outcome }: Told, value: Buffer): OutgoingRecord {
  return {
    topic,
    partition,
    key: entry.event.partitionkey,
    value,
    headers: {
      'content-type': 'application/json',
      ce_specversion: SPEC_VERSION,
      ce_id: newEventId(),
      ce_source: '/projector',
      ce_type: OUTCOMES_TYPE,
      ce_subject: outcome.run_id,
      ce_tenantid: outcome.tenant_id,
      ce_env: outcome.env,
    },
  };
}

/**
 * The JSON of a `FeedValue`, in parts; of its resource only where nobody was told of it yet. The event's data is the
 * canonical text that the journal keeps, not written again.
 */
function textsOf(told: Told): string[] {
  const texts = ['{"outcome":', JSON.stringify(told.outcome satisfies Outcome), `,"hash":"${told.entry.hash}"`];
  if (told.event) {
    // Not the last brace: data comes before it.
    const attributes = JSON.stringify({ ...told.event, data: undefined });
    texts.push(',"event":', attributes.slice(0, -1), ',"data":', told.entry.dataText, '}');
  }
  if (told.noticed) texts.push(',"noticed":true');
  const resource = told.noticed ? undefined : resourceTextOf(told);
  if (resource !== undefined && resource.length <= RESOURCE_LENGTH_MAX) texts.push(',"resource":', resource);
  texts.push('}');
  return texts;
}

const START_BYTES = 64 * 1024;
/** A larger buffer is given back. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
/** Of UTF-8, a UTF-16 unit. */
const BYTES_A_UNIT_MAX = 3;

/** Texts as UTF-8, one after another: put together as strings, each would be copied three times more. */
class Bytes {
  at = 0;
  private buffer = Buffer.allocUnsafeSlow(START_BYTES);

  begin(): void {
    this.at = 0;
  }

  write(text: string): void {
    const least = this.at + text.length * BYTES_A_UNIT_MAX;
    if (least > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.buffer.length));
      this.buffer.copy(larger, 0, 0, this.at);
      this.buffer = larger;
    }
    this.at += this.buffer.write(text, this.at, 'utf8');
  }

  /** What was written, in bytes of its own. */
  take(): Buffer {
    const taken = Buffer.allocUnsafeSlow(this.at);
    this.buffer.copy(taken, 0, 0, this.at);
    if (this.buffer.length > KEPT_BYTES_MAX) this.buffer = Buffer.allocUnsafeSlow(START_BYTES);
    return taken;
  }
}

const bytes = new Bytes();
