import { Inject, Injectable } from '@nestjs/common';
import { type BatchResult, type Outcome, ServiceError } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import type { GatewaySettings } from '../config.js';
import { preferenceOf } from '../http/prefer.js';
import type { WriteRequest } from '../http/write-headers.js';
import { Waits } from '../outcomes/waits.js';
import { SETTINGS } from '../tokens.js';
import { type BatchedEvent, eventsOfBatch } from './event-batch.js';
import { EventSender } from './event-sender.js';
import { KnownRuns } from './known-runs.js';
import { expectedOf } from './run-commands.js';

/** What a batch came to. */
export interface BatchAnswer {
  readonly results: BatchResult[];
  /** False while some outcome is unknown: 202. */
  readonly complete: boolean;
  readonly preferenceApplied: string | undefined;
}

/** Submits many events of one run, in order: they share a partition, so that order is kept. */
@Injectable()
export class EventBatches {
  constructor(
    @Inject(EventSender) private readonly sender: EventSender,
    @Inject(Waits) private readonly waits: Waits,
    @Inject(KnownRuns) private readonly known: KnownRuns,
    @Inject(SETTINGS) private readonly settings: GatewaySettings,
  ) {}

  /** @throws ServiceError `request.invalid`, `run.not_found`, and when Kafka cannot take them. */
  async submit(caller: Identity, runId: string, body: unknown, request: WriteRequest): Promise<BatchAnswer> {
    const preference = preferenceOf(request.prefer, this.settings.waitMsDefault);
    const batch = eventsOfBatch(caller, runId, body, request, Date.now());
    const events = batch.map(({ event }) => event);
    const [first] = events;
    if (!first) throw new Error('A checked batch has events.');
    if (preference.waitMs > 0) for (const event of events) this.waits.address(event);
    const records = this.sender.recordsOf(events);
    if (first.type !== 'run.created') await this.mustExist(caller, runId, preference.waitMs === 0);
    if (preference.waitMs === 0) {
      await this.sender.send(records, first);
      this.known.sent(first);
      return answerOf(batch, [], preference.applied);
    }
    const expected = batch.map(({ event, ownId }) => expectedOf(event, ownId));
    const wait = this.waits.begin(caller.tenantId, expected, preference.waitMs, request.gone);
    this.sender.send(records, first).then(
      () => {
        this.known.sent(first);
        wait.sent();
      },
      (error: unknown) => wait.fail(error),
    );
    const settled = await wait.done;
    return answerOf(
      batch,
      settled.map((one) => one?.outcome),
      preference.applied,
    );
  }

  /** Without PostgreSQL a caller who does not wait is taken at its word: the state machine checks again anyway. */
  private async mustExist(caller: Identity, runId: string, async: boolean): Promise<void> {
    const exists = await this.known.exists(caller.tenantId, caller.env, runId).catch((error: unknown) => {
      if (async && error instanceof ServiceError && error.code === 'store.unavailable') return true;
      throw error;
    });
    if (!exists) throw new ServiceError('run.not_found', undefined, { run_id: runId });
  }
}

function answerOf(
  batch: readonly BatchedEvent[],
  outcomes: readonly (Outcome | undefined)[],
  preferenceApplied: string | undefined,
): BatchAnswer {
  const results = batch.map(({ event }, index) => resultOf(event.id, outcomes[index]));
  return { results, complete: results.every(({ outcome }) => outcome !== 'pending'), preferenceApplied };
}

function resultOf(eventId: string, outcome: Outcome | undefined): BatchResult {
  if (!outcome) return { event_id: eventId, outcome: 'pending' };
  const repeat = outcome.repeat ? { repeat: true as const } : {};
  if (outcome.outcome === 'applied') {
    const room = outcome.room_sequence === null ? {} : { room_sequence: outcome.room_sequence };
    return { event_id: eventId, outcome: 'applied', run_sequence: outcome.run_sequence, ...room, ...repeat };
  }
  if (outcome.outcome === 'parked') {
    return { event_id: eventId, outcome: 'parked', reason: 'event.parked', sqlstate: outcome.sqlstate, ...repeat };
  }
  const { reason, current, version } = outcome;
  return {
    event_id: eventId,
    outcome: 'rejected',
    reason,
    ...(current === null ? {} : { current }),
    ...(version === null ? {} : { version }),
    ...repeat,
  };
}
