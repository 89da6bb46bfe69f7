import type { LogEntry, logCreator } from 'kafkajs';
import { logLevel } from './kafkajs.js';

/** What this package logs to; a pino logger fits. */
export interface KafkaLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Logs nothing. */
export const silentLogger: KafkaLogger = { debug() {}, info() {}, warn() {}, error() {} };

/** What kafkajs reports as errors and warnings although it is part of its ordinary life, and is retried. */
const ORDINARY =
  /coordinator|rebalanc|no leader|leadership|not the leader|load in progress|not aware of this member|Connection (error|timeout|closed)|does not host this topic|Limiting retries|metadata|resetting to default offset|member needs to have a valid member id|Restarting the consumer|Failed to send messages|disconnected/i;

/** Hands kafkajs's log on: its errors are warnings here, since what they lead to is reported by who calls it. */
export function bridgeLog(logger: KafkaLogger): logCreator {
  return () => (entry: LogEntry) => {
    const { message, error, broker, groupId, topic, partition } = entry.log;
    const details = { kafkajs: entry.namespace, broker, groupId, topic, partition };
    const text = typeof error === 'string' ? `${message}: ${error}` : message;
    if (entry.level === logLevel.ERROR && !ORDINARY.test(text)) logger.warn(details, text);
    else logger.debug(details, text);
  };
}
