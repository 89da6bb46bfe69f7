import { createHash } from 'node:crypto';
import { RECORD_BYTES_MAX } from '@runspine/contracts';
import { type KafkaRecord, recordBytes, type RecordHeaders } from './records.js';

/** Of a record that is too large: together well below what any topic takes. */
const KEY_BYTES_MAX = 64 * 1024;
const HEADERS_BYTES_MAX = 256 * 1024;
const VALUE_BYTES_MAX = 512 * 1024;

/** A record to be kept, as it was read. */
export type GivenRecord = Pick<KafkaRecord, 'key' | 'value'> &
  Partial<Pick<KafkaRecord, 'headers' | 'bytes' | 'unread'>>;

/** As much of a record as is kept, and the headers that say what is missing: empty where nothing is. */
export interface KeptRecord extends Pick<KafkaRecord, 'key' | 'value' | 'headers'> {
  readonly about: { readonly dl_cut: string; readonly dl_value_bytes: string; readonly dl_value_sha256: string };
}

const UNREAD = { dl_cut: 'key,headers,value', dl_value_bytes: '', dl_value_sha256: '' };
const WHOLE = { dl_cut: '', dl_value_bytes: '', dl_value_sha256: '' };

/**
 * A record as it was, where it is no larger than a source topic takes. Only a compressed batch brings a larger one: of
 * that the beginning of key and value, the headers that there is room for, and by which the whole value is known again.
 */
export function cutRecord(record: GivenRecord): KeptRecord {
  const { key, value, headers = {}, unread } = record;
  if (unread !== undefined) return { key, value, headers, about: UNREAD };
  if ((record.bytes ?? recordBytes(record)) <= RECORD_BYTES_MAX) return { key, value, headers, about: WHOLE };
  const keptHeaders = headersWithin(headers, HEADERS_BYTES_MAX);
  const isCut = {
    key: key !== null && key.length > KEY_BYTES_MAX,
    headers: Object.keys(keptHeaders).length < Object.keys(headers).length,
    value: value !== null && value.length > VALUE_BYTES_MAX,
  };
  return {
    key: key?.subarray(0, KEY_BYTES_MAX) ?? null,
    value: value?.subarray(0, VALUE_BYTES_MAX) ?? null,
    headers: keptHeaders,
    about: {
      dl_cut: Object.entries(isCut)
        .flatMap(([part, cut]) => (cut ? [part] : []))
        .join(),
      dl_value_bytes: isCut.value ? String(value!.length) : '',
      dl_value_sha256: isCut.value ? createHash('sha256').update(value!).digest('hex') : '',
    },
  };
}

/** Each that still fits, so that one large header does not hide those after it. */
function headersWithin(headers: RecordHeaders, bytesMax: number): RecordHeaders {
  const kept: Record<string, RecordHeaders[string]> = {};
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    const more = recordBytes({ key: name, value: null, headers: { [name]: value } });
    if (bytes + more > bytesMax) continue;
    kept[name] = value;
    bytes += more;
  }
  return kept;
}
