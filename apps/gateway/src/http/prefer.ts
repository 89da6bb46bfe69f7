import { WAIT_S_MAX } from '@runspine/contracts';

/** How long a caller wants to wait for the outcome of a write. */
export interface WaitPreference {
  /** Milliseconds; 0 answers 202 as soon as Kafka has the event. */
  readonly waitMs: number;
  /** The header `Preference-Applied`; undefined where the caller stated nothing that we honour. */
  readonly applied: string | undefined;
}

/**
 * Reads `Prefer` (RFC 7240): `respond-async` does not wait; `wait=N` waits N seconds, at most 60; both together wait N
 * seconds and then answer 202. What is malformed or unknown is ignored, and of one preference the first counts.
 */
export function preferenceOf(header: string | string[] | undefined, waitMsDefault: number): WaitPreference {
  if (header === undefined) return { waitMs: waitMsDefault, applied: undefined };
  let async = false;
  let waitS: number | undefined;
  for (const preference of String(header).split(',')) {
    const [name = '', value] = preference.split(';', 1)[0]!.split('=', 2);
    const token = name.trim().toLowerCase();
    if (token === 'respond-async' && value === undefined) async = true;
    const seconds = value?.trim().replace(/^"(.*)"$/, '$1') ?? '';
    if (token === 'wait' && waitS === undefined && /^\d{1,9}$/.test(seconds)) {
      waitS = Math.min(Number(seconds), WAIT_S_MAX);
    }
  }
  if (!async && waitS === undefined) return { waitMs: waitMsDefault, applied: undefined };
  const applied = [...(async ? ['respond-async'] : []), ...(waitS === undefined ? [] : [`wait=${waitS}`])].join(', ');
  return { waitMs: waitS === undefined ? 0 : waitS * 1000, applied };
}
