import { createKafkaClient, ensureTopics } from '@runspine/kafka';
import { migrate } from '@runspine/projections';
import { coreSettings, defineSettings, runCommand } from '@runspine/service';
import { topicSettings } from './config.js';
import { topicSpecs } from './topics.js';

/** Creates the topics and migrates the database. Nothing to do is fine, and two at once are, too. */
await runCommand({
  name: 'setup',
  settings: defineSettings({ ...coreSettings, ...topicSettings }),
  run: async ({ settings, logger }) => {
    const migrations = await migrate(settings.databaseUrl);
    const kafka = createKafkaClient({ brokers: settings.kafkaBrokers, clientId: settings.instance, logger });
    const topics = await kafka.withAdmin((admin) => ensureTopics(admin, topicSpecs(settings)));
    for (const difference of topics.differences) {
      logger.warn(difference, 'a topic is set otherwise than configured; it is left as it is');
    }
    logger.info({ migrations, topics_created: topics.created, topics_existing: topics.existing.length }, 'set up');
  },
});
