import { BATCH_RECORDS_MAX, UNPACKED_BYTES_MAX } from '@runspine/contracts';

/** A compressed batch is larger, once unpacked, than any may be. */
export class UnpackedTooLarge extends Error {
  override readonly name = 'UnpackedTooLarge';

  constructor() {
    super(`A compressed batch unpacks to more than ${UNPACKED_BYTES_MAX} bytes.`);
  }
}

/** A kafkajs `Decoder` over the batches of a fetch; it stands at one of them. */
export interface BatchDecoder {
  readonly buffer: Buffer;
  readonly offset: number;
}

/** What is read of a batch: of kafkajs only the records are looked at. */
export interface DecodedBatch {
  readonly records: readonly unknown[];
}

/** Where the fields of a batch are (KIP-98), from its beginning. */
const AT = { attributes: 21, lastOffsetDelta: 23, maxTimestamp: 35, producerId: 43 } as const;
const IN_TRANSACTION = 0x10;

/**
 * kafkajs's reading of a batch, but for one that is too large: that would end the fetch, of all partitions, each time
 * anew. In its place comes one record at its last offset, which says why it was not read.
 */
export function batchDecoding(
  theirs: (decoder: BatchDecoder) => Promise<DecodedBatch>,
): (decoder: BatchDecoder) => Promise<DecodedBatch> {
  return async (decoder) => {
    const { buffer, offset } = decoder;
    try {
      const batch = await theirs(decoder);
      if (batch.records.length <= BATCH_RECORDS_MAX) return batch;
      return { records: [unreadRecord(buffer.subarray(offset), `${BATCH_RECORDS_MAX} records`)] };
    } catch (error) {
      if (!(error instanceof UnpackedTooLarge)) throw error;
      return { records: [unreadRecord(buffer.subarray(offset), `${UNPACKED_BYTES_MAX} bytes, unpacked`)] };
    }
  };
}

function unreadRecord(batch: Buffer, most: string): object {
  const first = batch.readBigInt64BE(0);
  const last = first + BigInt(batch.readInt32BE(AT.lastOffsetDelta));
  return {
    offset: String(last),
    timestamp: String(batch.readBigInt64BE(AT.maxTimestamp)),
    key: null,
    value: null,
    headers: {},
    isControlRecord: false,
    // What tells a record of an aborted transaction.
    batchContext: {
      producerId: String(batch.readBigInt64BE(AT.producerId)),
      inTransaction: (batch.readInt16BE(AT.attributes) & IN_TRANSACTION) !== 0,
    },
    unread: `of offsets ${first} to ${last}: their batch must be at most ${most}`,
  };
}
