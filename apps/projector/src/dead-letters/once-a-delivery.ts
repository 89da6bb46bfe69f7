import type { KafkaRecord } from '@runspine/kafka';
import type { Unreadable } from '../runs/batch-reader.js';

type Keep = (letter: Unreadable) => Promise<void>;

/**
 * Keeps a record once for each time that it is read: a batch that is tried again, for as long as PostgreSQL is away,
 * brings the same records, and what is acknowledged of them lies in the topic. A record that is read again, after a
 * replay or by who takes the partition over, is another object, and kept again.
 */
export function onceADelivery(keep: Keep): Keep {
  const kept = new WeakMap<KafkaRecord, string>();
  return async (letter) => {
    const { record, fault } = letter;
    if (kept.get(record) === fault.code) return;
    await keep(letter);
    kept.set(record, fault.code);
  };
}
