import { createKafkaClient, readAdoption } from '@runspine/kafka';
import { openPool } from '@runspine/projections/journal';
import { coreSettings, defineSettings, runCommand } from '@runspine/service';
import { StoredLogs } from './ingest/log/stored-logs.js';

/**
 * Writes spaces from another log from here on: what resolves event_spine.log_mismatch of nexus. Spaces stay as they are;
 * what is read of the new log goes before all that they have of the former.
 */
await runCommand({
  name: 'adopt-log',
  settings: defineSettings({ ...coreSettings }),
  run: async ({ settings, logger }) => {
    const kafka = createKafkaClient({ brokers: settings.kafkaBrokers, clientId: settings.instance, logger });
    const { topic, partition, clusterId, position } = await readAdoption(kafka, process.argv.slice(2));
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
