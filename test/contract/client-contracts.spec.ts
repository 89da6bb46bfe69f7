import { describe, expect, it } from '@jest/globals';
import * as client from '@runspine/client';
import * as contracts from '@runspine/contracts';

/** The client's types are written by hand, since it is published alone: this page does not compile if they differ. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Loose<T> = { [Name in keyof T]: T[Name] };
const same = <T extends true>(value: T) => value;

describe("the client's types", () => {
  it('are those of the contracts', () => {
    same<Same<keyof client.Run, keyof contracts.RunResource>>(true);
    same<Same<keyof client.Step, keyof contracts.StepResource>>(true);
    same<Same<keyof client.RecordedEvent, keyof contracts.EventResource>>(true);
    same<Same<keyof client.Rejection, keyof contracts.RejectionResource>>(true);
    same<Same<keyof client.EventOutcome, keyof contracts.EventOutcomeResource>>(true);
    same<Same<keyof client.BatchResult, keyof contracts.BatchResult>>(true);
    same<Same<keyof client.NexusTask, keyof contracts.TaskResource>>(true);
    same<Same<keyof client.NexusQuery, keyof contracts.NexusQuery>>(true);
    same<Same<keyof client.NexusSpace, keyof contracts.SpaceResource>>(true);
    same<Same<keyof client.NexusHit, keyof contracts.NexusHit>>(true);
    same<Same<keyof client.NexusAnswer, keyof contracts.NexusAnswer>>(true);
    same<Same<keyof client.NexusBlob, keyof contracts.BlobAccepted>>(true);
    same<Same<client.ResearchRun, contracts.ResearchRunResource>>(true);
    same<Same<keyof client.ResearchFilter | 'cursor', keyof contracts.ResearchRunsQuery>>(true);
    same<Same<client.EventType, contracts.EventType>>(true);
    same<Same<client.Run['status'], contracts.RunStatus>>(true);
    same<Same<client.Step['status'], contracts.StepStatus>>(true);
    const run = (value: contracts.RunResource): Loose<client.Run> => value;
    const step = (value: contracts.StepResource): Loose<client.Step> => value;
    const task = (value: contracts.TaskResource): Loose<client.NexusTask> => value;

    expect([run, step, task]).toHaveLength(3);
  });

  it('give ids of the same form, and the same affinity for a room', () => {
    const room = { tenant: 'acme', env: 'prod', room: 'kitchen' };

    expect(client.affinityOf(room)).toBe(contracts.affinityOf({ tenantId: 'acme', env: 'prod', roomId: 'kitchen' }));
    expect(contracts.isRunId(client.newRunId())).toBe(true);
    expect(contracts.isStepId(client.newStepId())).toBe(true);
    expect(contracts.isEventId(client.newEventId())).toBe(true);
    expect(contracts.timeOfId(client.newRunId('00000000', 1234))).toBe(1234);
  });

  it('write canonical text as RFC 8785 has it', () => {
    const value = {
      '\u20ac': 'Euro',
      '\r': 1,
      1: [1e21, 1e-7, -0, 0.1],
      ö: { z: null, a: '"\\\u2028' },
      '\ud83d\ude00': true,
    };

    expect(client.canonicalText(value)).toBe(contracts.canonicalize(value));
  });
});
