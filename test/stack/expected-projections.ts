import { canonicalize, decodeRecord, type RecordedEvent, type SubmittedEvent } from '@runspine/contracts';
import { decide, isStepEvent, record, Replay } from '@runspine/run-model';
import { canonical } from './journal.js';
import type { LoggedRecord } from './topic-reader.js';

/** What should have become of a log: by the run model alone, a record at a time, with no batch and no store. */
export interface ExpectedProjections {
  /** `outcome reason` by tenant and event id. */
  outcomes: Map<string, string>;
  /** Canonical state of run and steps by tenant and run id, without times of recording. */
  runs: Map<string, string>;
  deadLetters: number;
  rejections: number;
}

/** Folds what a topic holds; records are in the order of their partitions. */
export function expectedOf(log: readonly LoggedRecord[]): ExpectedProjections {
  const fold = new LogFold();
  for (const each of log) fold.take(each);
  const runs = [...fold.replays].map(([id, { run, steps }]) => [id, stateText(run, [...steps.values()])] as const);
  return { ...fold, runs: new Map(runs) };
}

/** A run and its steps as comparable text: what the clock of the projector said is left out. */
export function stateText(run: object | undefined, steps: readonly object[]): string {
  const { last_seen_at: _seen, head_hash: _head, ...state } = (run ?? {}) as Record<string, unknown>;
  return canonical([state, steps.map((step) => canonical(step)).sort()]);
}

class LogFold {
  readonly outcomes = new Map<string, string>();
  readonly replays = new Map<string, Replay>();
  deadLetters = 0;
  rejections = 0;
  private readonly seen = new Map<string, string>();

  take({ key, value, headers }: LoggedRecord): void {
    const decoded = decodeRecord({ key: key === null ? null : Buffer.from(key), value, headers });
    if ('fault' in decoded) {
      this.deadLetters += 1;
      return;
    }
    const { event } = decoded;
    const id = `${event.tenantid}/${event.id}`;
    const text = `${event.type} ${canonicalize(event.data)}`;
    const before = this.seen.get(id);
    if (before === undefined) {
      this.seen.set(id, text);
      this.outcomes.set(id, this.decide(event));
    } else if (before !== text) this.rejections += 1;
  }

  private decide(event: SubmittedEvent): string {
    const runKey = `${event.tenantid}/${event.data.run_id}`;
    const replay = this.replays.get(runKey) ?? new Replay();
    const view = replay.viewOf(isStepEvent(event) ? event.data.step_id : null);
    const decision = decide(view, event);
    if (decision.kind === 'refuse') {
      this.rejections += 1;
      return `rejected ${decision.reason}`;
    }
    const version = replay.run?.version ?? 0;
    const run_sequence = event.type === 'run.heartbeat' ? version : version + 1;
    const recorded_at = '2026-01-01T00:00:00.000Z';
    replay.apply(record(view, event, { run_sequence, room_sequence: null, recorded_at }) as RecordedEvent);
    this.replays.set(runKey, replay);
    return 'applied';
  }
}
