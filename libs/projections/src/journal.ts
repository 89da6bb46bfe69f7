/** What writers of the journal need, without TypeORM: it would cost the projector 30 MB that it never uses. */
export { hashData, hashEntry, hashTypeAndData, type ChainedEvent, type ChainedSource } from './journal-chain.js';
export { type ChainedNexusEntry, hashNexusEntry } from './nexus-chain.js';
export { assertRestricted, openPool, RoleRefused, type PoolOptions, type ServiceRole } from './pool.js';
