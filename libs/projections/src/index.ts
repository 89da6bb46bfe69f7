export { hashData, hashEntry, hashTypeAndData, type ChainedEntry } from './journal-chain.js';
export { migrate, MIGRATIONS } from './migrate.js';
export {
  assertRestricted,
  openPool,
  poolConfig,
  RoleRefused,
  spineTypes,
  type PoolOptions,
  type ServiceRole,
} from './pool.js';
