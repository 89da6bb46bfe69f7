import { type DeadLetterResource, type RedriveRequest, ServiceError } from '@runspine/contracts';
import { type BatchingProducer, headerText, type OutgoingRecord, type RecordHeaders } from '@runspine/kafka';
import { setTimeout as pause } from 'node:timers/promises';
import type { JobContext } from '../admin/admin-jobs.js';
import { type DeadLetters, type Letter, REDRIVE_HEADER } from './dead-letters.js';

const LIMIT_DEFAULT = 1000;
const RATE_DEFAULT = 100;
/** Letters that a result names. */
const NAMED_MAX = 20;

export interface RedriveResult {
  dry_run: boolean;
  matched: number;
  redriven: number;
  /** Letters whose source is no topic of ours, or that keep only a part of their record. */
  skipped: number;
  /** The first of them. */
  letters: DeadLetterResource[];
}

/**
 * Sends letters to where they came from, raw, under their own ids: what was applied meanwhile is a repeat. One that
 * still cannot be read becomes another letter, which says which redrive sent it.
 * @throws ServiceError `dead_letter.cut` at a letter that was asked for by name and is not whole
 */
export async function redrive(
  letters: DeadLetters,
  producer: Pick<BatchingProducer, 'send'>,
  /** Full names of the topics that letters may go to. */
  sources: ReadonlySet<string>,
  request: RedriveRequest,
  job: JobContext,
): Promise<RedriveResult> {
  const { selection, dry_run = false, limit = LIMIT_DEFAULT, rate = RATE_DEFAULT } = request;
  const result: RedriveResult = { dry_run, matched: 0, redriven: 0, skipped: 0, letters: [] };
  const began = performance.now();
  await letters.each(
    selection,
    async (letter) => {
      job.signal.throwIfAborted();
      result.matched += 1;
      if (result.letters.length < NAMED_MAX) result.letters.push(letter.about);
      if (letter.about.cut !== null && selection.letters) throw cutLetter(letter.about);
      if (!sources.has(letter.about.source.topic) || letter.about.cut !== null) result.skipped += 1;
      else if (!dry_run) {
        await producer.send(recordOf(letter, job.jobId));
        result.redriven += 1;
        const dueMs = began + (1000 * result.redriven) / rate - performance.now();
        if (dueMs > 1) await pause(dueMs, undefined, { signal: job.signal });
      }
      job.progress(result.matched, Math.max(limit, result.matched));
      return result.matched < limit;
    },
    job.signal,
  );
  job.progress(result.matched, result.matched);
  return result;
}

function cutLetter({ partition, offset, cut, bytes }: DeadLetterResource): ServiceError {
  const message = `Letter ${partition}/${offset} does not keep all of its record (${cut}): it was too large.`;
  return new ServiceError('dead_letter.cut', message, { partition, offset, cut, bytes });
}

function recordOf({ record, about }: Letter, jobId: string): OutgoingRecord {
  const headers: Record<string, RecordHeaders[string]> = {};
  for (const name of Object.keys(record.headers)) {
    if (!name.startsWith('dl_') && name !== REDRIVE_HEADER) headers[name] = record.headers[name];
  }
  const before = headerText(record.headers, REDRIVE_HEADER);
  const note = `${jobId} ${about.partition}:${about.offset} ${new Date().toISOString()}`;
  headers[REDRIVE_HEADER] = before === undefined ? note : `${note}; ${before}`.slice(0, 1024);
  const { topic, partition } = about.source;
  return { topic, partition, key: record.key, value: record.value, headers };
}
