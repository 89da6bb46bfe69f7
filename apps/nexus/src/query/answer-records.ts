import type { Connection, Table } from '@lancedb/lancedb';
import type { SpaceKey } from '@runspine/contracts';
import { Field, Int64, makeData, RecordBatch, Schema, Struct, Table as ArrowTable, Utf8 } from 'apache-arrow';
import { LRUCache } from 'lru-cache';
import { sqlText } from '../spaces/space-schema.js';
import { digest } from './digest.js';

/** What cannot be worked out again from the pinned data: a remote model's vectors, and a reranker's order. */
export interface AnswerRecord {
  /** Of each source, in base64; null where it had none. */
  readonly vectors?: readonly (string | null)[];
  /** Source, id and score of each, in the reranked order; and who ordered it. */
  readonly reranked?: readonly (readonly [source: number, id: string, score: number])[];
  readonly reranker?: string;
}

export interface AnswerRecordsOptions {
  /** How long a record is kept after the last answer that needs it: as long as versions are. */
  readonly keepMs: number;
  /** Most records of one folder of spaces; the oldest go first. */
  readonly recordsMax: number;
}

interface Known {
  readonly record: AnswerRecord;
  readonly writtenAt: number;
}

/** No space's name begins so. */
const TABLE = '_answers';
const WRITES_BETWEEN_PRUNES = 256;
const KNOWN_MAX = 10_000;
/** A record that was written longer ago than this share of what it is kept for is written anew when it is put again. */
const REWRITE_SHARE = 1 / 7;
const SCHEMA = new Schema([
  new Field('id', new Utf8(), false),
  new Field('record', new Utf8(), false),
  new Field('written_at', new Int64(), false),
]);

/**
 * Records of answers, in a table beside the spaces that they are of: whoever may read a space's answers may read its
 * texts. Bounded by age and number. Equal records are written once, until they are so old that a later answer's would
 * go too early.
 */
export class AnswerRecords {
  private readonly known = new LRUCache<string, Known>({ max: KNOWN_MAX, maxSize: 64 * 1024 * 1024 });
  private readonly writes = new Map<string, number>();

  constructor(
    private readonly connectionOf: (space: SpaceKey) => Promise<Connection>,
    private readonly options: AnswerRecordsOptions,
    private readonly now: () => number = Date.now,
  ) {}

  /** Written once it returns. The id names the content. */
  async put(space: SpaceKey, record: AnswerRecord): Promise<string> {
    const text = JSON.stringify(record);
    const id = digest(text);
    const known = folderOf(space) + id;
    const nowMs = this.now();
    const writtenAt = this.known.get(known)?.writtenAt ?? Number.NEGATIVE_INFINITY;
    if (nowMs - writtenAt < this.rewriteMs) return id;
    const table = await this.table(space, true);
    await table?.add(rowOf(id, text, nowMs));
    this.known.set(known, { record, writtenAt: nowMs }, { size: text.length + 1 });
    if (table) await this.pruneSometimes(folderOf(space), table);
    return id;
  }

  /** Undefined when it is pruned, or of another folder. */
  async get(space: SpaceKey, id: string): Promise<AnswerRecord | undefined> {
    const known = this.known.get(folderOf(space) + id);
    if (known !== undefined) return known.record;
    const table = await this.table(space, false);
    const [row] = ((await table
      ?.query()
      .where(`id = ${sqlText(id)}`)
      .select(['record'])
      .limit(1)
      .toArray()) ?? []) as { record: string }[];
    return row && (JSON.parse(row.record) as AnswerRecord);
  }

  private get rewriteMs(): number {
    return this.options.keepMs * REWRITE_SHARE;
  }

  private async table(space: SpaceKey, create: boolean): Promise<Table | undefined> {
    const connection = await this.connectionOf(space);
    try {
      return await connection.openTable(TABLE);
    } catch (error) {
      if (!/not found/i.test(String(error))) throw error;
      return create ? connection.createEmptyTable(TABLE, SCHEMA, { existOk: true }) : undefined;
    }
  }

  private async pruneSometimes(folder: string, table: Table): Promise<void> {
    const written = (this.writes.get(folder) ?? 0) + 1;
    this.writes.set(folder, written % WRITES_BETWEEN_PRUNES);
    if (written >= WRITES_BETWEEN_PRUNES) await this.prune(folder, table);
  }

  private async prune(folder: string, table: Table): Promise<void> {
    const { keepMs, recordsMax } = this.options;
    await table.delete(`written_at < ${Math.floor(this.now() - keepMs - this.rewriteMs)}`);
    const over = (await table.countRows()) - recordsMax;
    if (over > 0) {
      const rows = (await table.query().select(['written_at']).toArray()) as { written_at: bigint }[];
      const times = rows.map((row) => row.written_at).sort((one, other) => (one < other ? -1 : 1));
      const last = times[over - 1] as bigint;
      await table.delete(`written_at <= ${last}`);
      // What is put again is to be written again.
      for (const [id, { writtenAt }] of this.known) {
        if (id.startsWith(folder) && BigInt(writtenAt) <= last) this.known.delete(id);
      }
    }
    // Nobody reads older versions of this table.
    await table.optimize({ cleanupOlderThan: new Date() });
  }
}

function folderOf({ tenantId, env, projectId, surfaceId }: SpaceKey): string {
  return `${tenantId}/${env}/${projectId}/${surfaceId}/`;
}

function rowOf(id: string, record: string, writtenAt: number): ArrowTable {
  const children = [
    utf8(id),
    utf8(record),
    makeData({ type: new Int64(), length: 1, nullCount: 0, data: BigInt64Array.of(BigInt(writtenAt)) }),
  ];
  const data = makeData({ type: new Struct(SCHEMA.fields), length: 1, nullCount: 0, children });
  return new ArrowTable(SCHEMA, [new RecordBatch(SCHEMA, data)]);
}

function utf8(text: string) {
  const data = Buffer.from(text);
  return makeData({ type: new Utf8(), length: 1, nullCount: 0, valueOffsets: Int32Array.of(0, data.length), data });
}
