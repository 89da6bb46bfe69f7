import type { KeyObject } from 'node:crypto';
import type { Outcome, RecordedEvent, RejectionReason } from '@runspine/contracts';
import { hashEntry } from '@runspine/projections/journal';
import { affectsSteps, closeStep, decide, eraseStep, evolve, record, type View } from '@runspine/run-model';
import { type Entry, stepIdOf } from './batch-reader.js';
import { type BatchState, idempotencyKey, type RunInHand } from './batch-state.js';
import { outcomeOf, type OutcomeRow } from './outcome-row.js';

/** An event that took its place: a row of the journal. */
export interface JournalRow {
  entry: Entry;
  event: RecordedEvent;
  prev_hash: string | null;
  hash: string;
}

/** A refused event: a row of `rejections`. */
export interface RejectionRow {
  entry: Entry;
  outcome: OutcomeRow;
}

/** What becomes of one entry, for the feed. */
export interface Told {
  entry: Entry;
  outcome: Outcome;
  /** Where it was applied and journalled now. */
  event: RecordedEvent | undefined;
  /** Run and step after the event, where it was applied now and somebody waits for them. */
  after: View | undefined;
  /** True where its commit itself told whoever waits. */
  noticed: boolean;
}

/** A batch, folded: what is to be written, and told. The states in hand have moved. */
export interface FoldedBatch {
  journal: JournalRow[];
  /** But for those of the journal's events, which say it all. */
  outcomes: OutcomeRow[];
  keys: { tenant_id: string; env: string; key: string; hash: string; event_id: string }[];
  rejections: RejectionRow[];
  /** Runs whose payloads go, with the sequence of the `run.erased`. */
  erased: { tenant_id: string; run_id: string; run_sequence: number }[];
  told: Told[];
}

/** Decides a batch in the order of the log. No I/O: everything it meets is in `state`, which it moves. */
export function foldBatch(
  entries: readonly Entry[],
  state: BatchState,
  journalKey: KeyObject,
  recordedAt: string,
): FoldedBatch {
  const fold = new BatchFold(state, journalKey, recordedAt);
  for (const entry of entries) fold.take(entry);
  return fold.folded;
}

/** Of another env it is not: who submits there must not be answered with this one's run. */
function isSameEvent(known: OutcomeRow, { hash, event }: Entry): boolean {
  return known.hash === hash && known.env === event.env;
}

class BatchFold {
  readonly folded: FoldedBatch = { journal: [], outcomes: [], keys: [], rejections: [], erased: [], told: [] };

  constructor(
    private readonly state: BatchState,
    private readonly journalKey: KeyObject,
    private readonly recordedAt: string,
  ) {}

  /** Duplicates first, then repeats by idempotency key, then the state machine. */
  take(entry: Entry): void {
    const { event } = entry;
    const known = this.state.outcomes.get(entry.outcomeKey);
    if (known) return isSameEvent(known, entry) ? this.repeat(entry, known) : this.refuseReusedId(entry);
    const first =
      event.idempotencykey === undefined
        ? undefined
        : this.state.keys.get(idempotencyKey(event.tenantid, event.env, event.idempotencykey));
    if (!first) return this.decide(entry);
    if (first.hash === event.idempotencyhash) return this.alias(entry, first.outcome);
    this.refuse(entry, 'idempotency.key_reused', null, null);
  }

  private decide(entry: Entry): void {
    const { event } = entry;
    const run = this.state.run(entry.runKey);
    const stepId = stepIdOf(event);
    const view: View = { run: run.state, step: stepId === null ? undefined : run.steps.get(stepId) };
    const decision = decide(view, event);
    const outcome =
      decision.kind === 'apply'
        ? this.apply(entry, run, view)
        : this.refuse(entry, decision.reason, decision.current, run.state?.version ?? null);
    this.keepKey(entry, outcome);
  }

  private apply(entry: Entry, run: RunInHand, view: View): OutcomeRow {
    const { event } = entry;
    const journalled = event.type !== 'run.heartbeat';
    const version = run.state?.version ?? 0;
    const recorded = record(view, event, {
      run_sequence: journalled ? version + 1 : version,
      room_sequence: journalled ? this.nextInRoom(entry, run) : null,
      recorded_at: this.recordedAt,
    });
    const after = evolve(view, recorded);
    run.state = after.run;
    run.changed = true;
    if (after.step && after.step !== view.step) this.changeStep(run, after.step);
    if (journalled) this.moveOtherSteps(run, recorded);
    if (journalled) this.append(entry, run, recorded);
    const { run_sequence, room_sequence } = recorded;
    const outcome = this.outcomeRow(entry, { outcome: 'applied', run_sequence, room_sequence });
    this.state.outcomes.set(entry.outcomeKey, outcome);
    if (!journalled) this.folded.outcomes.push(outcome);
    this.folded.told.push({
      entry,
      outcome: outcomeOf(outcome),
      event: journalled ? recorded : undefined,
      after: event.reply === 'resource' ? after : undefined,
      noticed: false,
    });
    return outcome;
  }

  private nextInRoom(entry: Entry, run: RunInHand): number | null {
    const { event } = entry;
    const roomId = run.state ? run.state.room_id : event.type === 'run.created' ? event.data.room_id : undefined;
    if (roomId === undefined || roomId === null) return null;
    const room = this.state.room(event.tenantid, run.state?.env ?? event.env, roomId);
    room.changed = true;
    room.last_sequence += 1;
    return room.last_sequence;
  }

  private changeStep(run: RunInHand, step: NonNullable<View['step']>): void {
    run.steps.set(step.step_id, step);
    run.changedSteps.add(step.step_id);
  }

  /** The end of a run leaves its open steps unreported; an erasure reaches all of them. */
  private moveOtherSteps(run: RunInHand, event: RecordedEvent): void {
    const reach = affectsSteps(event.type);
    if (reach === 'none' || reach === 'addressed') return;
    for (const step of run.steps.values()) {
      const after = reach === 'open' ? closeStep(step, event) : eraseStep(step);
      if (after !== step) this.changeStep(run, after);
    }
    if (event.type !== 'run.erased') return;
    this.folded.erased.push({
      tenant_id: event.tenant_id,
      run_id: event.run_id,
      run_sequence: event.run_sequence,
    });
  }

  private append(entry: Entry, run: RunInHand, event: RecordedEvent): void {
    const position = {
      source_partition: entry.record.partition,
      source_offset: entry.offset,
      data_hash: entry.dataHash,
    };
    const hash = hashEntry(this.journalKey, event, position, run.head);
    this.folded.journal.push({ entry, event, prev_hash: run.head, hash });
    run.head = hash;
  }

  private refuse(entry: Entry, reason: RejectionReason, current: string | null, version: number | null): OutcomeRow {
    const outcome = this.outcomeRow(entry, { outcome: 'rejected', reason, current, version });
    this.state.outcomes.set(entry.outcomeKey, outcome);
    this.folded.outcomes.push(outcome);
    this.tellRejected(entry, outcome);
    return outcome;
  }

  /** The id has its outcome already, of another event: this one is refused, and only the rejections know it. */
  private refuseReusedId(entry: Entry): void {
    this.tellRejected(entry, this.outcomeRow(entry, { outcome: 'rejected', reason: 'event.id_reused' }));
  }

  private tellRejected(entry: Entry, outcome: OutcomeRow): void {
    this.folded.rejections.push({ entry, outcome });
    this.folded.told.push({ entry, outcome: outcomeOf(outcome), event: undefined, after: undefined, noticed: false });
  }

  private repeat(entry: Entry, known: OutcomeRow): void {
    this.folded.told.push({
      entry,
      outcome: outcomeOf(known, entry.event.id, true),
      event: undefined,
      after: undefined,
      noticed: false,
    });
  }

  /** Another event under a known idempotency key: its id leads to the first's outcome from now on. */
  private alias(entry: Entry, first: OutcomeRow): void {
    const alias: OutcomeRow = { ...first, event_id: entry.event.id, hash: entry.hash, recorded_at: this.recordedAt };
    this.state.outcomes.set(entry.outcomeKey, alias);
    this.folded.outcomes.push(alias);
    this.repeat(entry, alias);
  }

  private keepKey(entry: Entry, outcome: OutcomeRow): void {
    const { tenantid, env, idempotencykey: key, idempotencyhash: hash, id } = entry.event;
    if (key === undefined || hash === undefined) return;
    this.state.keys.set(idempotencyKey(tenantid, env, key), { hash, outcome });
    this.folded.keys.push({ tenant_id: tenantid, env, key, hash, event_id: id });
  }

  private outcomeRow(entry: Entry, given: Partial<OutcomeRow> & Pick<OutcomeRow, 'outcome'>): OutcomeRow {
    const { event } = entry;
    return {
      tenant_id: event.tenantid,
      event_id: event.id,
      hash: entry.hash,
      env: event.env,
      run_id: event.data.run_id,
      step_id: stepIdOf(event),
      first_event_id: event.id,
      run_sequence: null,
      room_sequence: null,
      reason: null,
      current: null,
      version: null,
      sqlstate: null,
      recorded_at: this.recordedAt,
      ...given,
    };
  }
}
