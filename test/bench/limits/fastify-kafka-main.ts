import kafkajs from 'kafkajs';
import { serveFastifyKafka } from './fastify-kafka.ts';

// kafkajs as it comes: our library would replace its encoding of records in this process, too.
const [brokers, topic] = process.argv.slice(2);
const kafka = new kafkajs.Kafka({ brokers: brokers!.split(','), clientId: 'limit', logLevel: kafkajs.logLevel.ERROR });
await serveFastifyKafka(kafka, topic!);
