import { createLogger, Health, Metrics, readSettings } from '@runspine/service';
import { gatewaySettings } from '../config.js';
import { makeCoreParts } from '../core.module.js';
import { createApp } from '../gateway.js';
import { openApiDocument } from './openapi-document.js';

/** The OpenAPI document as text. The app is wired and never started: no server is needed. */
export async function renderOpenApi(): Promise<string> {
  const settings = readSettings(gatewaySettings, {
    KAFKA_BROKERS: 'localhost:9092',
    DATABASE_URL: 'postgres://localhost/runspine',
    RUNSPINE_SIGNING_KEY: '00'.repeat(32),
    RUNSPINE_LOG_LEVEL: 'silent',
  });
  const parts = makeCoreParts({
    settings,
    logger: createLogger('gateway', settings),
    metrics: new Metrics('gateway', false),
    health: new Health(),
    fatal: (error) => {
      throw error;
    },
  });
  const app = await createApp(parts);
  const document = openApiDocument(app);
  await app.close();
  return `${JSON.stringify(document, null, 2)}\n`;
}
