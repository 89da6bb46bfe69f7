/** The producer's queue is full: nothing of the call was queued, and none of it will be written. */
export class ProducerOverloaded extends Error {
  override readonly name = 'ProducerOverloaded';

  constructor(
    readonly queuedRecords: number,
    readonly queuedBytes: number,
  ) {
    super(`The producer's queue is full (${queuedRecords} records, ${queuedBytes} bytes).`);
  }
}

/**
 * Kafka did not acknowledge in time, or a send failed. Where `mayBeWritten` is true the record had left for the broker
 * and may still be, or become, part of the log; where it is false it never left.
 */
export class KafkaUnavailable extends Error {
  override readonly name = 'KafkaUnavailable';

  constructor(
    message: string,
    readonly mayBeWritten: boolean,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** The broker refuses this record for its size; it was not written. */
export class RecordTooLarge extends Error {
  override readonly name = 'RecordTooLarge';

  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly sizeBytes: number,
  ) {
    super(`A record of about ${sizeBytes} bytes is larger than ${topic} takes.`);
  }
}

/** The topic has no such partition; the record was not written. */
export class UnknownPartition extends Error {
  override readonly name = 'UnknownPartition';

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {
    super(`Topic ${topic} has no partition ${partition}.`);
  }
}

/** The producer was closed: the record was not queued. */
export class ProducerClosed extends Error {
  override readonly name = 'ProducerClosed';

  constructor() {
    super('The producer is closed.');
  }
}

/**
 * Thrown by a batch handler that finds its partition's position elsewhere than the batch begins: another consumer moved
 * it. The consumer drops its queue and goes on from `nextOffset`, or asks `onAssigned` again where it is undefined.
 */
export class PositionLost extends Error {
  override readonly name = 'PositionLost';

  constructor(readonly nextOffset?: number) {
    super(nextOffset === undefined ? 'The position was moved.' : `The position was moved to ${nextOffset}.`);
  }
}

/** A topic exists with another number of partitions than configured. It never changes in a topic's life. */
export class PartitionCountMismatch extends Error {
  override readonly name = 'PartitionCountMismatch';

  constructor(
    readonly topic: string,
    readonly expectedPartitions: number,
    readonly actualPartitions: number,
  ) {
    super(
      `Topic ${topic} has ${actualPartitions} partitions, configured are ${expectedPartitions}. ` +
        'The number of partitions never changes in the life of a topic.',
    );
  }
}

/** A topic that should exist does not. */
export class UnknownTopic extends Error {
  override readonly name = 'UnknownTopic';

  constructor(readonly topic: string) {
    super(`Topic ${topic} does not exist.`);
  }
}
