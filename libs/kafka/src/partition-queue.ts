import { recordBytes, type KafkaRecord } from './records.js';

interface Chunk {
  readonly records: KafkaRecord[];
  /** Of each record. */
  readonly bytes: number[];
  readonly nextOffset: number;
  next: number;
}

export interface QueuedBatch {
  readonly records: KafkaRecord[];
  readonly nextOffset: number;
}

/** Records of one partition that were fetched and not yet handed over, in order. */
export class PartitionQueue {
  private chunks: Chunk[] = [];
  records = 0;
  bytes = 0;

  push(records: KafkaRecord[], nextOffset: number): void {
    const bytes = records.map((record) => record.bytes ?? recordBytes(record));
    this.chunks.push({ records, bytes, nextOffset, next: 0 });
    this.records += records.length;
    for (const one of bytes) this.bytes += one;
  }

  /** The oldest records within the bounds, at least one; undefined when there is none. */
  take(maxRecords: number, maxBytes: number): QueuedBatch | undefined {
    const records: KafkaRecord[] = [];
    let bytes = 0;
    let nextOffset = 0;
    for (let chunk = this.chunks[0]; chunk && records.length < maxRecords; chunk = this.chunks[0]) {
      const record = chunk.records[chunk.next];
      if (record) {
        const size = chunk.bytes[chunk.next]!;
        if (records.length > 0 && bytes + size > maxBytes) break;
        records.push(record);
        bytes += size;
        nextOffset = record.offset + 1;
        chunk.next += 1;
      }
      if (chunk.next >= chunk.records.length) {
        nextOffset = chunk.nextOffset;
        this.chunks.shift();
      }
    }
    this.records -= records.length;
    this.bytes -= bytes;
    return records.length === 0 ? undefined : { records, nextOffset };
  }

  clear(): void {
    this.chunks = [];
    this.records = 0;
    this.bytes = 0;
  }
}
