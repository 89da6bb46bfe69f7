export { createKafkaClient, type KafkaClient, type KafkaClientOptions } from './client.js';
export { silentLogger, type KafkaLogger } from './kafkajs-log.js';
export {
  KafkaUnavailable,
  PartitionCountMismatch,
  PositionLost,
  ProducerClosed,
  ProducerOverloaded,
  RecordTooLarge,
  UnknownPartition,
  UnknownTopic,
} from './errors.js';
export {
  headerText,
  recordBytes,
  type KafkaRecord,
  type OutgoingRecord,
  type RecordHeaders,
  type RecordPosition,
  type TopicPartition,
} from './records.js';
export { murmur2, partitionFor } from './partitioning.js';
export { BatchingProducer, type BatchingProducerOptions, type ProducerGauges } from './batching-producer.js';
export { DeadLetterProducer, type DeadLetter, type DeadLetterProducerOptions } from './dead-letter-producer.js';
export type {
  AssignedPosition,
  ConsumerStatus,
  PartitionBatch,
  PartitionBatchHandler,
  PartitionState,
  PartitionStatus,
} from './partition-batch.js';
export { PartitionConsumer } from './partition-consumer.js';
export type { PartitionConsumerOptions } from './partition-consumer-options.js';
export { GroupOfOneReader, type GroupOfOneReaderOptions, type ReaderGap } from './group-of-one-reader.js';
export {
  HandlerErrors,
  PartitionHandler,
  ProjectorTransport,
  type ProjectorTransportOptions,
} from './projector-transport.js';
export {
  describeCluster,
  ensureTopics,
  partitionCount,
  topicWatermarks,
  type ClusterDescription,
  type EnsuredTopics,
  type PartitionWatermarks,
  type TopicDifference,
  type TopicSpec,
} from './topics.js';
export { readTopicRange, type PartitionRange, type TopicRangeOptions } from './topic-range.js';
export { logMismatch, positionMismatch, readAdoption, type AdoptedLog } from './log-adoption.js';
