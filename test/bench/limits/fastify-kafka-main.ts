import { createKafkaClient } from '@runspine/kafka';
import { serveFastifyKafka } from './fastify-kafka.ts';

const [brokers, topic] = process.argv.slice(2);
await serveFastifyKafka({ kafka: createKafkaClient({ brokers: brokers!.split(','), clientId: 'limit' }) }, topic!);
