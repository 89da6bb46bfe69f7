export { trackingMiddleware, type TrackingMiddleware } from './adapters/ai-sdk.js';
export { trackOpenAI } from './adapters/openai.js';
export type { AdapterOptions, Usage } from './adapters/provider-call.js';
export { type ClientIdentity, type ClientOptions, createClient, RunspineClient } from './client.js';
export { type EnvironmentSettings, readEnvironment } from './environment.js';
export { type ClientErrorCode, isRunspineError, RunspineError, type RunspineErrorFields } from './errors.js';
export type { RetryOptions } from './http/backoff.js';
export type { StreamedEvent, StreamOptions } from './http/event-stream.js';
export { Pages } from './http/pages.js';
export type { Answer, CallOptions, RequestOptions, WriteOptions } from './http/transport.js';
export { affinityOf, type AffinitySource, isRunId, isStepId, newEventId, newRunId, newStepId } from './ids.js';
export type { BodyOf, EventDataByType, EventInput, EventType, RunFields } from './resources/event-data.js';
export { Nexus, type QuestionOptions, type TaskOptions, type TaskWait } from './resources/nexus.js';
export type {
  IngestRequest,
  NexusAnswer,
  NexusBlob,
  NexusDocument,
  NexusHit,
  NexusQuery,
  NexusSpace,
  NexusTask,
  ResearchFilter,
  ResearchRun,
  Scope,
} from './resources/nexus-types.js';
export type {
  BatchResult,
  ErrorInfo,
  EventOutcome,
  Json,
  Metrics,
  Page,
  RecordedEvent,
  Rejection,
  ResultSource,
  Run,
  RunState,
  RunStatus,
  Score,
  Step,
  StepStatus,
} from './resources/run-types.js';
export { type BatchOptions, type EventFilter, type RunFilter, Runs } from './resources/runs.js';
export { Steps } from './resources/steps.js';
export { canonicalText, NotCanonical } from './tracking/canonical.js';
export { type FingerprintParts, fingerprintOf, inputHashOf, keyHashOf } from './tracking/fingerprint.js';
export type { SenderStats } from './tracking/send-tally.js';
export { importEvents, type ImportReport, writeRunLog } from './tracking/import-events.js';
export { LOG_KINDS, type LogData, LogEntry, type LogEntryJson, type LogKind } from './tracking/log-entry.js';
export { replay, type ReplayedRun, type ReplayedTask } from './tracking/replay.js';
export type { TrackingLogger } from './tracking/reports.js';
export { currentRun } from './tracking/run-context.js';
export { sendSpooled, type SpooledReport } from './tracking/send-spooled.js';
export { type LogSink, RunLog, type RunLogOptions } from './tracking/run-log.js';
export type { RunOptions, StageOptions } from './tracking/run-options.js';
export { type Task, type TaskOptions as TrackedTaskOptions, TrackedRun } from './tracking/tracked-run.js';
export {
  defaultTracker,
  setDefaultTracker,
  trackRun,
  trackStage,
  trackTask,
  type WithTracker,
} from './tracking/track.js';
export { Tracker, type TrackerOptions } from './tracking/tracker.js';
