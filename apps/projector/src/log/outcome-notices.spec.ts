import { describe, expect, it } from '@jest/globals';
import { NOTIFICATION_BYTES_MAX, type OutcomeNotice } from '@runspine/contracts';
import { pino } from 'pino';
import type { Told } from '../runs/fold-batch.js';
import { OutcomeNotices } from './outcome-notices.js';

const logger = pino({ level: 'silent' });

/** An outcome that is waited for on a channel; `reason` stands for whatever makes a notice long. */
function told(eventId: string, replyto?: string, reason = 'run.not_found'): Told {
  return {
    entry: { event: { id: eventId, replyto }, hash: 'a'.repeat(64) },
    outcome: { event_id: eventId, tenant_id: 'acme', outcome: 'rejected', reason },
    event: undefined,
    after: undefined,
    noticed: false,
  } as unknown as Told;
}

const many = (count: number, replyto?: string) => Array.from({ length: count }, (_, at) => told(String(at), replyto));
const eventsOf = (payload: string) => (JSON.parse(payload) as OutcomeNotice[]).map(({ outcome }) => outcome.event_id);

describe('the notices of a round', () => {
  it('are none where nobody listens', () => {
    const batch = [told('1'), told('2')];
    expect(new OutcomeNotices(logger).of([batch, []])).toBeUndefined();
    expect(batch.some(({ noticed }) => noticed)).toBe(false);
  });

  it('go to each channel by themselves, in the order of the log', () => {
    const batches = [
      [told('1', 'a'), told('2', 'b')],
      [told('3'), told('4', 'a')],
    ];
    const notices = new OutcomeNotices(logger).of(batches)!;
    expect(notices.channels).toEqual(['a', 'b']);
    expect(notices.payloads.map(eventsOf)).toEqual([['1', '4'], ['2']]);
    expect(batches.flat().map(({ noticed }) => noticed)).toEqual([true, true, false, true]);
    expect((JSON.parse(notices.payloads[1]!) as OutcomeNotice[])[0]).toEqual({
      outcome: batches[0]![1]!.outcome,
      hash: 'a'.repeat(64),
    });
  });

  it('fill notifications as far as PostgreSQL takes them, in bytes', () => {
    for (const character of ['a', 'é', '☃', '😀']) {
      const batch = Array.from({ length: 32 }, (_, at) => told(`${at}`, 'a', character.repeat(at * 14)));
      const { channels, payloads } = new OutcomeNotices(logger).of([batch])!;
      expect(channels).toEqual(payloads.map(() => 'a'));
      expect(payloads.flatMap(eventsOf)).toEqual(batch.map(({ outcome }) => outcome.event_id));
      expect(Math.max(...payloads.map((payload) => Buffer.byteLength(payload)))).toBeLessThanOrEqual(
        NOTIFICATION_BYTES_MAX,
      );
    }
  });

  it('leave what does not fit to the feed, at the byte', () => {
    const bytes = (text: string) => Buffer.byteLength(text);
    const empty = bytes(new OutcomeNotices(logger).of([[told('1', 'a', '')]])!.payloads[0]!);
    const fits = told('1', 'a', 'x'.repeat(NOTIFICATION_BYTES_MAX - empty));
    expect(bytes(new OutcomeNotices(logger).of([[fits]])!.payloads[0]!)).toBe(NOTIFICATION_BYTES_MAX);
    const larger = told('2', 'a', 'x'.repeat(NOTIFICATION_BYTES_MAX - empty + 1));
    expect(new OutcomeNotices(logger).of([[larger]])).toBeUndefined();
    expect([fits.noticed, larger.noticed]).toEqual([true, false]);
  });

  it('are none of a large round, where the feed costs least', () => {
    expect(new OutcomeNotices(logger).of([many(32, 'a'), many(32, 'a')])).toBeDefined();
    expect(new OutcomeNotices(logger).of([many(32, 'a'), many(33, 'a')])).toBeUndefined();
  });

  it('are none for a while after PostgreSQL refused them, and go on after any other failure', () => {
    const notices = new OutcomeNotices(logger);
    notices.failed(Object.assign(new Error('taken'), { code: '23505' }));
    expect(notices.of([many(1, 'a')])).toBeDefined();
    notices.failed(Object.assign(new Error('too many notifications in the NOTIFY queue'), { code: '54000' }));
    expect(notices.of([many(1, 'a')])).toBeUndefined();
  });
});
