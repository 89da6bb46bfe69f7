export {
  addressOf,
  startAdminServer,
  type AdminHandler,
  type AdminRequest,
  type AdminServer,
  type AdminServerOptions,
} from './admin-server.js';
export { consumerCheck, type ConsumerState } from './consumer-check.js';
export { Cursors, type CursorList } from './cursors.js';
export { CHECK_MS_MAX, Health, type Check, type CheckResult, type Readiness } from './health.js';
export { runCommand, runService, type Drain, type Service, type ServiceOptions } from './lifecycle.js';
export { createLogger, describeError, NestLogger, type Logger, type LoggerOptions } from './logging.js';
export { BATCH_SIZE_BUCKETS, createMetrics, DURATION_BUCKETS_S, Metrics } from './metrics.js';
export { persist, type PersistOptions } from './persist.js';
export {
  booleanSetting,
  choiceSetting,
  coreSettings,
  defineSettings,
  describeSettings,
  hexSecretSetting,
  integerSetting,
  listSetting,
  LOG_LEVELS,
  maskPasswords,
  readSettings,
  SettingsError,
  stringSetting,
  urlSetting,
  variablesWith,
  type CoreSettings,
  type Setting,
  type SettingFault,
  type SettingsDefinition,
  type SettingsOf,
} from './settings.js';
export { Signer } from './signer.js';
