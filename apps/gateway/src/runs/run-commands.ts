import { Inject, Injectable } from '@nestjs/common';
import {
  canonicalize,
  type CommandDefinition,
  type Outcome,
  type Run,
  type StepResource,
  type SubmittedEvent,
} from '@runspine/contracts';
import { hashTypeAndData } from '@runspine/projections';
import type { Identity } from '@runspine/request-context';
import type { GatewaySettings } from '../config.js';
import { preferenceOf } from '../http/prefer.js';
import type { WriteRequest } from '../http/write-headers.js';
import { StoredOutcomes } from '../outcomes/stored-outcomes.js';
import type { Expected, Settled } from '../outcomes/wait-group.js';
import { Waits } from '../outcomes/waits.js';
import { SETTINGS } from '../tokens.js';
import { type CommandTarget, eventOf } from './command-event.js';
import { EventSender } from './event-sender.js';
import { KnownRuns } from './known-runs.js';

/** What a write is about, after it: its step, or else the run. */
interface Resource {
  readonly run?: Run;
  readonly step?: StepResource;
}

/** What a write came to; of an applied event with its resource. */
export interface CommandResult extends Resource {
  readonly event: SubmittedEvent;
  /** Undefined: Kafka has the event, and nobody knows more yet. */
  readonly outcome: Outcome | undefined;
  /** The header `Preference-Applied`. */
  readonly preferenceApplied: string | undefined;
}

/** Submits the event of a write, and waits for its outcome as long as the caller wants to. */
@Injectable()
export class RunCommands {
  constructor(
    @Inject(EventSender) private readonly sender: EventSender,
    @Inject(Waits) private readonly waits: Waits,
    @Inject(StoredOutcomes) private readonly stored: StoredOutcomes,
    @Inject(KnownRuns) private readonly known: KnownRuns,
    @Inject(SETTINGS) private readonly settings: GatewaySettings,
  ) {}

  /** @throws ServiceError for what is invalid, and when Kafka cannot take it. Refusals are results, not errors. */
  async submit(
    caller: Identity,
    command: CommandDefinition,
    target: CommandTarget,
    body: Record<string, unknown>,
    request: WriteRequest,
  ): Promise<CommandResult> {
    const preference = preferenceOf(request.prefer, this.settings.waitMsDefault);
    const event = eventOf(caller, command, target, body, request, Date.now());
    const result = { event, preferenceApplied: preference.applied };
    if (preference.waitMs === 0) {
      await this.sender.send(this.sender.recordsOf([event]), event);
      this.known.sent(event);
      return { ...result, outcome: undefined };
    }
    event.reply = 'resource';
    this.waits.address(event);
    const settled = await this.sendAndWait(event, body.event_id !== undefined, preference.waitMs, request.gone);
    if (settled === undefined) return { ...result, outcome: undefined };
    const { outcome } = settled;
    if (outcome.outcome !== 'applied') return { ...result, outcome };
    return { ...result, outcome, ...(await this.resourceOf(settled, outcome)) };
  }

  private async sendAndWait(
    event: SubmittedEvent,
    ownId: boolean,
    waitMs: number,
    gone: () => boolean,
  ): Promise<Settled | undefined> {
    const records = this.sender.recordsOf([event]);
    const wait = this.waits.begin(event.tenantid, [expectedOf(event, ownId)], waitMs, gone);
    this.sender.send(records, event).then(
      () => {
        this.known.sent(event);
        wait.sent();
      },
      (error: unknown) => wait.fail(error),
    );
    const [settled] = await wait.done;
    return settled;
  }

  /** As it was told with the outcome; else the state of back then, from the journal. */
  private resourceOf({ resource }: Settled, outcome: Outcome & { outcome: 'applied' }): Resource | Promise<Resource> {
    return resource ?? this.stored.stateAfter(outcome);
  }
}

/** What to wait for; an id that the caller brought may have come before with other data, or in another env. */
export function expectedOf(event: SubmittedEvent, ownId: boolean): Expected {
  if (!ownId) return { eventId: event.id };
  return { eventId: event.id, own: { env: event.env, hash: hashTypeAndData(event.type, canonicalize(event.data)) } };
}
