import type { Message } from 'kafkajs';

const ENVELOPE = {
  'content-type': 'application/json',
  ce_specversion: '1.0',
  ce_source: '/gateway',
  ce_type: 'run.created',
  ce_dataschema: 'runspine://schemas/run.created/v1',
  ce_tenantid: 'default',
  ce_env: 'default',
  ce_projectid: 'default',
  ce_surfaceid: 'default',
};

/** The record that a gateway has to write: an event with its envelope as headers, under its key. */
export function eventMessage(id: string, value: string, partition: number): Message {
  const key = `default/${id.slice(0, 8)}`;
  const headers = {
    ...ENVELOPE,
    ce_id: id,
    ce_time: new Date().toISOString(),
    ce_subject: `run_${id.replaceAll('-', '')}`,
    ce_partitionkey: key,
  };
  return { key, headers, value, partition };
}
