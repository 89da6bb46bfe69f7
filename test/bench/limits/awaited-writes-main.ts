import kafkajs from 'kafkajs';
import { answerAwaitedWrites, serveAwaitedWrites } from './awaited-writes.ts';

// kafkajs as it comes: our library would replace its encoding of records in this process, too.
const [half, brokers, there, back, databaseUrl] = process.argv.slice(2);
const kafka = new kafkajs.Kafka({ brokers: brokers!.split(','), clientId: 'limit', logLevel: kafkajs.logLevel.ERROR });
if (half === 'serve') await serveAwaitedWrites(kafka, there!, back!);
else await answerAwaitedWrites(kafka, databaseUrl!, there!, back!);
