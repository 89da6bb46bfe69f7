import { decodeRecord, encodeBinary, type RawRecord } from './codec.js';
import { encodeStructured, EXAMPLE, exampleEvent } from './render/examples.js';

/** When records of these tests are decoded. */
export const NOW = Date.parse(EXAMPLE.time);

/** A record of `step.completed` in binary mode, with headers and data changed; undefined takes one away. */
export function binary(headers: RawRecord['headers'] = {}, data: object = {}): RawRecord {
  const encoded = encodeBinary(exampleEvent('step.completed'));
  const merged = { ...encoded.headers, ...headers };
  return {
    key: Buffer.from(encoded.key),
    headers: Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)),
    value: Buffer.from(JSON.stringify({ ...exampleEvent('step.completed').data, ...data })),
  };
}

/** A record in structured mode, with members changed. */
export function structured(members: object = {}, contentType = 'application/cloudevents+json'): RawRecord {
  const { key, value } = encodeStructured(exampleEvent('step.completed'));
  const event: object = { ...(JSON.parse(value) as object), ...members };
  return { key: Buffer.from(key), headers: { 'content-type': contentType }, value: Buffer.from(JSON.stringify(event)) };
}

/** The data with a piece of JSON text in place of its output. */
export function withOutput(text: string): RawRecord {
  const data = JSON.stringify({ ...exampleEvent('step.completed').data, output: '@' }).replace('"@"', () => text);
  return { ...binary(), value: Buffer.from(data) };
}

/** A record of `run.created`, with data and headers changed. */
export function created(runId: string, data: object = {}, headers: RawRecord['headers'] = {}): RawRecord {
  const encoded = encodeBinary(exampleEvent('run.created'));
  return {
    headers: { ...encoded.headers, ce_subject: runId, ce_partitionkey: undefined, ...headers },
    value: Buffer.from(JSON.stringify({ run_id: runId, ...data })),
  };
}

/** The fault that decoding finds, without its words; undefined where there is none. */
export function faultOf(record: RawRecord): { code: string; path: string } | undefined {
  const decoded = decodeRecord(record, NOW);
  return 'fault' in decoded ? { code: decoded.fault.code, path: decoded.fault.path } : undefined;
}
