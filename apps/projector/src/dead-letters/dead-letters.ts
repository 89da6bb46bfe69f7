import {
  type DeadLetterContent,
  type DeadLetterList,
  type DeadLetterResource,
  ServiceError,
} from '@runspine/contracts';
import {
  headerText,
  type KafkaClient,
  type KafkaRecord,
  type PartitionRange,
  readTopicRange,
  topicWatermarks,
} from '@runspine/kafka';
import { isUtf8 } from 'node:buffer';

/** Records that one page looks at, whether they fit or not. */
const LOOKED_MAX = 10_000;
const READ_MS_MAX = 15_000;
/** Of a letter that was sent again: which redrive did. */
export const REDRIVE_HEADER = 'rs_redrive';

export interface LetterFilters {
  topic?: string | undefined;
  code?: string | undefined;
  event_id?: string | undefined;
  letters?: readonly { partition: number; offset: number }[] | undefined;
}

/** A record of the dead letter topic, and what it says of itself. */
export interface Letter {
  record: KafkaRecord;
  about: DeadLetterResource;
}

/** Reads of the dead letter topic, oldest first, a partition after the other. */
export class DeadLetters {
  constructor(
    private readonly kafka: KafkaClient,
    private readonly topic: string,
    private readonly groupPrefix: string,
  ) {}

  /** A page. `cursor` is `partition:offset`, where it begins. @throws ServiceError `request.invalid` */
  async list(filters: LetterFilters, page: { limit: number; cursor?: string | undefined }): Promise<DeadLetterList> {
    const start = positionOf(page.cursor);
    const items: DeadLetterResource[] = [];
    let looked = 0;
    for (const mark of await this.ranges()) {
      const from = mark.partition === start.partition ? Math.max(start.offset, mark.from) : mark.from;
      if (mark.partition < start.partition || from >= mark.to) continue;
      let next = from;
      await this.read([{ ...mark, from }], ({ record, about }) => {
        next = record.offset + 1;
        looked += 1;
        if (fits(about, filters)) items.push(about);
        return items.length < page.limit && looked < LOOKED_MAX;
      });
      if (items.length >= page.limit || looked >= LOOKED_MAX) {
        return { items, next_cursor: `${mark.partition}:${next}` };
      }
    }
    return { items, next_cursor: null };
  }

  /** One letter, with all that it keeps. @throws ServiceError `dead_letter.not_found` */
  async find(partition: number, offset: number): Promise<DeadLetterContent> {
    const mark = (await this.ranges()).find((one) => one.partition === partition);
    if (!mark || offset < mark.from || offset >= mark.to) throw new ServiceError('dead_letter.not_found');
    let found: Letter | undefined;
    await this.read([{ partition, from: offset, to: offset + 1 }], (letter) => {
      found = letter;
      return false;
    });
    if (!found) throw new ServiceError('dead_letter.not_found');
    const { value } = found.record;
    const isText = value === null || isUtf8(value);
    return {
      ...found.about,
      headers: headerTexts(found.record),
      value: value === null ? null : value.toString(isText ? 'utf8' : 'base64'),
      encoding: isText ? 'utf8' : 'base64',
    };
  }

  /** Every letter that fits, as far as the topic is now; false ends it. */
  async each(filters: LetterFilters, take: (letter: Letter) => Promise<boolean>, signal: AbortSignal): Promise<void> {
    let more = true;
    for (const range of await this.ranges()) {
      if (!more) return;
      await this.read(
        [range],
        async (letter) => {
          if (fits(letter.about, filters)) more = await take(letter);
          return more;
        },
        signal,
      );
    }
  }

  private read(
    ranges: readonly PartitionRange[],
    onLetter: (letter: Letter) => Promise<boolean> | boolean,
    signal?: AbortSignal,
  ): Promise<void> {
    return readTopicRange({
      client: this.kafka,
      topic: this.topic,
      groupPrefix: this.groupPrefix,
      ranges,
      idleMs: READ_MS_MAX,
      ...(signal ? { signal } : {}),
      onRecord: (record) => onLetter({ record, about: aboutOf(record) }),
    });
  }

  private async ranges(): Promise<PartitionRange[]> {
    const marks = await this.kafka.withAdmin((admin) => topicWatermarks(admin, this.topic));
    return marks.map(({ partition, low, high }) => ({ partition, from: low, to: high }));
  }
}

function fits(about: DeadLetterResource, { topic, code, event_id, letters }: LetterFilters): boolean {
  if (topic !== undefined && about.source.topic !== topic) return false;
  if (code !== undefined && about.code !== code) return false;
  if (event_id !== undefined && about.event_id?.toLowerCase() !== event_id.toLowerCase()) return false;
  return !letters || letters.some(({ partition, offset }) => partition === about.partition && offset === about.offset);
}

function aboutOf(record: KafkaRecord): DeadLetterResource {
  const header = (name: string) => headerText(record.headers, name) ?? null;
  const said = header('ce_id') === null ? structured(record.value) : {};
  return {
    partition: record.partition,
    offset: record.offset,
    source: {
      topic: header('dl_topic') ?? '',
      partition: Number(header('dl_partition') ?? 0),
      offset: Number(header('dl_offset') ?? 0),
      group: header('dl_group'),
    },
    code: header('dl_code') ?? '',
    detail: header('dl_detail'),
    time: header('dl_time'),
    event_id: header('ce_id') ?? said.id ?? null,
    type: header('ce_type') ?? said.type ?? null,
    tenant_id: header('ce_tenantid') ?? said.tenantid ?? null,
    key: record.key?.toString('utf8') ?? null,
    bytes: Number(header('dl_value_bytes')) || (record.value?.length ?? 0),
    cut: header('dl_cut') || null,
    redriven: header(REDRIVE_HEADER),
  };
}

/** What an event in structured mode says of itself, where it can be read at all. */
function structured(value: Buffer | null): { id?: string; type?: string; tenantid?: string } {
  try {
    const said = JSON.parse(value?.toString('utf8') ?? '') as Record<string, unknown>;
    const text = (name: string) => (typeof said[name] === 'string' ? { [name]: said[name] } : {});
    return { ...text('id'), ...text('type'), ...text('tenantid') };
  } catch {
    return {};
  }
}

function headerTexts({ headers }: KafkaRecord): Record<string, string> {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, headerText(headers, name) ?? '']));
}

function positionOf(cursor: string | undefined): { partition: number; offset: number } {
  if (cursor === undefined) return { partition: 0, offset: 0 };
  const [, partition, offset] = /^(\d{1,5}):(\d{1,15})$/.exec(cursor) ?? [];
  if (partition === undefined) throw new ServiceError('cursor.invalid');
  return { partition: Number(partition), offset: Number(offset) };
}
