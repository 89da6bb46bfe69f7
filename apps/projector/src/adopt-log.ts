import { createKafkaClient, readAdoption } from '@runspine/kafka';
import { openPool } from '@runspine/projections/journal';
import { coreSettings, defineSettings, runCommand } from '@runspine/service';
import { adoptPosition } from './store/offsets.js';

/**
 * Follows another log from here on: what resolves event_spine.log_mismatch. The projections stay; what the former log
 * held beyond the stored position, and what lies before `--from`, is not applied.
 */
await runCommand({
  name: 'adopt-log',
  settings: defineSettings({ ...coreSettings }),
  run: async ({ settings, logger }) => {
    const kafka = createKafkaClient({ brokers: settings.kafkaBrokers, clientId: settings.instance, logger });
    const { topic, partition, clusterId, position } = await readAdoption(kafka, process.argv.slice(2));
    const pool = openPool({ databaseUrl: settings.databaseUrl, role: 'runspine_projector', connectionsMax: 1 });
    try {
      await adoptPosition(pool, { topic, partition, cluster_id: clusterId, position });
      logger.info({ topic, partition, cluster_id: clusterId, position }, 'log adopted; restart the projector');
    } finally {
      await pool.end();
    }
  },
});
