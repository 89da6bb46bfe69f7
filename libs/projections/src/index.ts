export { type EventOutcomeRow, EventOutcomeEntity } from './entities/event-outcome.entity.js';
export { NexusTaskEntity, type NexusTaskRow } from './entities/nexus-task.entity.js';
export { RejectionEntity, type RejectionRow } from './entities/rejection.entity.js';
export { ResearchRunEntity, type ResearchRunRow } from './entities/research-run.entity.js';
export { RoomEntity, type RoomRow } from './entities/room.entity.js';
export { RunEventEntity, type RunEventRow } from './entities/run-event.entity.js';
export { RunEntity, type RunRow } from './entities/run.entity.js';
export { StepEntity, type StepRow } from './entities/step.entity.js';
export { hashData, hashEntry, hashTypeAndData, type ChainedEvent, type ChainedSource } from './journal-chain.js';
export { migrate, MIGRATIONS } from './migrate.js';
export { type ChainedNexusEntry, hashNexusEntry } from './nexus-chain.js';
export {
  assertRestricted,
  newClient,
  openPool,
  poolConfig,
  RoleRefused,
  spineTypes,
  type PoolOptions,
  type ServiceRole,
} from './pool.js';
export { ChunkSize, type EventAttributes, eventOf, eventText, type JournalEntry } from './queries/journal-entry.js';
export { type CorrelationPosition, type EventFilters, JournalQueries } from './queries/journal-queries.js';
export {
  OutcomeQueries,
  type RecordedOutcome,
  type RejectionFilters,
  type RejectionPosition,
} from './queries/outcome-queries.js';
export { ENTITIES, ReadStore } from './queries/read-store.js';
export { storeFault } from './queries/read-transaction.js';
export { type ResearchFilters, type ResearchPosition, ResearchQueries } from './queries/research-queries.js';
export { type RunFilters, type RunPosition, RunQueries } from './queries/run-queries.js';
export type { Page, Scope } from './queries/select-rows.js';
export { StateQueries } from './queries/state-queries.js';
export { StepQueries } from './queries/step-queries.js';
export { type RecordedTask, TaskQueries } from './queries/task-queries.js';
export { type StreamHead, StreamHeads, type StreamTarget } from './queries/stream-heads.js';
