import { page, table } from './markdown.js';

/** The words of this project, in the order of the alphabet. */
export const GLOSSARY: Record<string, string> = {
  affinity: "Eight hex digits that decide a run's Kafka partition, carried inside its id.",
  applied: 'The outcome of an event that took its place in the run: it has sequences.',
  attempt: 'Which try of a step this is, from 1.',
  'causation id': 'The id of the event that led to this one, written by the projector as it applies it.',
  checkpoint: "A completed run's result, found again by its input fingerprint, in place of running.",
  chunk: 'What is embedded and retrieved; a document is its chunks.',
  contract: 'One definition of an event, header or answer: type, validator, JSON Schema and documents come from it.',
  'correlation id': 'What a run belongs to for those who asked for it; the same on every event of the run.',
  cursor: 'An opaque token of the HTTP API: where a list goes on.',
  'data hash': "SHA-256 of an event's data in canonical form (RFC 8785).",
  'dead letter': 'A record that no retry can make readable, kept raw with its source and the reason.',
  detail: 'An event of a step that does not move its state: a template, a call of a provider, a retrieval.',
  duplicate: 'An event that came before: same id, type and data. It is answered with the first outcome.',
  env: 'A division of a tenant, such as `prod`; runs, rooms and checkpoints belong to a tenant and an env.',
  envelope: "CloudEvents 1.0 attributes around an event's data.",
  event: 'A fact, past tense, immutable: `run.started`.',
  feed: 'The topic of outcomes, one for each submitted event; gateways answer and stream from it.',
  fingerprint: 'A digest of what a run works on: `sha256:` and 64 hex digits.',
  fold: 'To apply events one after the other to a state.',
  gateway: 'The service that speaks HTTP: it submits events, waits for outcomes, reads projections and streams.',
  'golden file': 'A frozen copy of a contract that a test compares with the code.',
  heartbeat: 'A sign of life of a run: takes no sequence and is not journalled.',
  'idempotency key': "A caller's name for a request: sent again, it is answered with the first outcome.",
  journal: 'The table of applied events, `run_events`: inserted into, never changed; a hash chain for each run.',
  offset: 'A position in a Kafka partition.',
  outcome: 'What became of an event: applied, rejected or parked.',
  parked: 'The outcome of an event that PostgreSQL refuses whatever is tried; it lies in the dead letter topic.',
  payload: 'Fields of an event that hold what people wrote or models said: what an erasure takes away.',
  projection: 'A table folded from events, and the handler that folds it.',
  projector:
    'The service that runs projections, and the arbiter: one writer a partition decides whether an event applies.',
  rebuild: 'Folding the journal into the next version of a projection, beside the live one.',
  rejection: 'A readable event that the state machine refuses, kept with its reason and the state that refused it.',
  room: 'The audience of a live stream; a run belongs to at most one room, for life.',
  'room sequence': 'A gapless integer from 1 for the events of a room, given when an event is applied.',
  run: 'One execution of an agent or a pipeline. Its id begins with `run_`.',
  'run sequence': 'A gapless integer from 1 for the events of a run, given when an event is applied.',
  space: 'A named collection of documents.',
  stalled: 'A reading of an open run that gave no sign of life for `stale_after_s`; not a state.',
  step: 'One unit of work inside a run. Its id begins with `step_`.',
  stream: 'Server-sent events of a room or a run, resumable by sequence.',
  surface: 'The product area that a space serves, such as marketing.',
  task: 'The work on one request to ingest or remove documents. Its id begins with `task_`.',
  tenant: 'Whose data it is. Nothing of one tenant is visible to another.',
  unreported: 'The state of a step whose run ended before the step said how it did.',
  version: 'Of a run: its run sequence, and the ETag. Of an event: the number at the end of its `dataschema`.',
};

/** docs/glossary.md. */
export function glossaryPage(): string {
  return page(
    '# Glossary',
    'Rendered from `libs/contracts/src/render/glossary-page.ts` by `npm run docs`. Names in the code, tables and API are these words.',
    table(['word', 'meaning'], Object.entries(GLOSSARY)),
  );
}
