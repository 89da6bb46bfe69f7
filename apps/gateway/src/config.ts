import {
  booleanSetting,
  choiceSetting,
  coreSettings,
  defineSettings,
  hexSecretSetting,
  integerSetting,
  listSetting,
  type SettingsOf,
  stringSetting,
} from '@runspine/service';
import { adminSettings } from './admin/settings.js';
import { nexusSettings } from './nexus/settings.js';
import { storesSettings } from './nexus/stores.settings.js';
import { streamSettings } from './streams/settings.js';

/** Settings of the gateway. */
export const gatewaySettings = defineSettings({
  ...coreSettings,
  ...streamSettings,
  ...nexusSettings,
  ...adminSettings,
  ...storesSettings,
  host: stringSetting({
    name: 'RUNSPINE_HOST',
    doc: 'Address that the HTTP API listens on.',
    default: '127.0.0.1',
  }),
  port: integerSetting({
    name: 'RUNSPINE_PORT',
    doc: 'Port of the HTTP API; 0 takes a free one.',
    default: 8080,
    min: 0,
    max: 65_535,
  }),
  authMode: choiceSetting({
    name: 'RUNSPINE_AUTH_MODE',
    doc: 'How callers are told apart. development believes their headers, and listens on this machine only.',
    choices: ['development'],
    default: 'development',
  }),
  signingKey: hexSecretSetting({
    name: 'RUNSPINE_SIGNING_KEY',
    doc: 'Key that signs cursors and stream tickets.',
    bytesMin: 32,
  }),
  corsOrigins: listSetting({
    name: 'RUNSPINE_CORS_ORIGINS',
    doc: 'Origins of browser pages that may call the API; * for any.',
    default: [],
    defaultText: '(none)',
    item: /^(\*|https?:\/\/[^\s/,]+)$/,
    itemWants: 'an origin such as https://app.example.com',
  }),
  arrivalMs: integerSetting({
    name: 'RUNSPINE_ARRIVAL_MS',
    doc: 'How long a request may take to arrive whole; blobs and ingests may take longer, as long as they keep coming.',
    unit: 'ms',
    default: 30_000,
    min: 200,
    max: 600_000,
  }),
  waitMsDefault: integerSetting({
    name: 'RUNSPINE_WAIT_MS',
    doc: 'How long a write waits for its outcome before it is answered 202.',
    unit: 'ms',
    default: 10_000,
    min: 0,
    max: 60_000,
  }),
  waitsMax: integerSetting({
    name: 'RUNSPINE_WAITS_MAX',
    doc: 'Events whose outcome may be waited for at once; more are answered 503.',
    default: 20_000,
    min: 1,
    max: 1_000_000,
  }),
  notices: booleanSetting({
    name: 'RUNSPINE_NOTICES',
    doc: 'Listen to PostgreSQL for outcomes, ahead of the feed; takes a connection of its own that no pooler shares.',
    default: true,
  }),
  outcomeReadMs: integerSetting({
    name: 'RUNSPINE_OUTCOME_READ_MS',
    doc: 'After how long without word of an outcome PostgreSQL is asked for it.',
    unit: 'ms',
    default: 1000,
    min: 10,
    max: 60_000,
  }),
  sendMs: integerSetting({
    name: 'RUNSPINE_SEND_MS',
    doc: 'How long Kafka may take to acknowledge an event before it is answered 503.',
    unit: 'ms',
    default: 5000,
    min: 100,
    max: 60_000,
  }),
  queuedRecordsMax: integerSetting({
    name: 'RUNSPINE_PRODUCER_QUEUE_RECORDS',
    doc: 'Events that may wait for Kafka in memory; more are answered 503.',
    default: 10_000,
    min: 1,
    max: 1_000_000,
  }),
  connectionsMax: integerSetting({
    name: 'RUNSPINE_GATEWAY_CONNECTIONS',
    doc: 'Connections to PostgreSQL.',
    default: 10,
    min: 1,
    max: 200,
  }),
});

export type GatewaySettings = SettingsOf<typeof gatewaySettings>;
