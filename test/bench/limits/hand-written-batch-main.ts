import kafkajs from 'kafkajs';
import { handWrittenBatch } from './hand-written-batch.ts';

// kafkajs as it comes: our library would replace its reading of records in this process, too.
const [brokers, databaseUrl, topic, events] = process.argv.slice(2);
const kafka = new kafkajs.Kafka({ brokers: brokers!.split(','), clientId: 'limit', logLevel: kafkajs.logLevel.ERROR });
const rate = await handWrittenBatch(kafka, databaseUrl!, topic!, Number(events));
process.stdout.write(`${rate}\n`, () => process.exit(0));
