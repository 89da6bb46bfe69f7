import { parseArgs } from 'node:util';
import { createKafkaClient, describeCluster, topicWatermarks } from '@runspine/kafka';
import { openPool } from '@runspine/projections/journal';
import { coreSettings, defineSettings, runCommand } from '@runspine/service';
import { StoredLogs } from './ingest/log/stored-logs.js';

const USAGE = 'usage: adopt-log --topic TOPIC --partition N --from earliest|latest|OFFSET';

/**
 * Writes spaces from another log from here on: what resolves event_spine.log_mismatch of nexus. Spaces stay as they are;
 * what is read of the new log goes before all that they have of the former.
 */
await runCommand({
  name: 'adopt-log',
  settings: defineSettings({ ...coreSettings }),
  run: async ({ settings, logger }) => {
    const { topic, partition, from } = readArguments();
    const kafka = createKafkaClient({ brokers: settings.kafkaBrokers, clientId: settings.instance, logger });
    const { clusterId, log } = await kafka.withAdmin(async (admin) => ({
      clusterId: (await describeCluster(admin)).clusterId,
      log: (await topicWatermarks(admin, topic)).find((mark) => mark.partition === partition),
    }));
    if (!log) throw new Error(`${topic} has no partition ${partition}.`);
    const position = from === 'earliest' ? log.low : from === 'latest' ? log.high : Number(from);
    if (!Number.isInteger(position) || position < log.low || position > log.high) {
      throw new Error(`--from must be earliest, latest or an offset from ${log.low} to ${log.high}.`);
    }
    const pool = openPool({ databaseUrl: settings.databaseUrl, role: 'runspine_nexus', connectionsMax: 1 });
    try {
      const epoch = await new StoredLogs(pool, topic).adopt(partition, clusterId, position);
      const adopted = { topic, partition, cluster_id: clusterId, position, epoch };
      logger.info(adopted, 'log adopted; restart every nexus');
    } finally {
      await pool.end();
    }
  },
});

function readArguments(): { topic: string; partition: number; from: string } {
  const options = { topic: { type: 'string' }, partition: { type: 'string' }, from: { type: 'string' } } as const;
  const { topic, partition, from } = parseArgs({ options }).values;
  if (topic === undefined || from === undefined || !/^\d{1,5}$/.test(partition ?? '')) throw new Error(USAGE);
  return { topic, partition: Number(partition), from };
}
