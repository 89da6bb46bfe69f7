import { DEFAULT_NAME } from '../envelope.js';
import { type NexusEvent, nexusEvent, type NexusEventData, type NexusEventType } from '../nexus-events.js';

/** The path of the examples' space: subject and key of its events. */
export const EXAMPLE_SPACE_PATH = 'acme/prod/default/support/handbook';

const task = { task_id: 'task_019c13ec9e00a1b2c3d4e5f60718293a' };
const space = { scope: 'tenant', project: DEFAULT_NAME, surface: 'support', space_id: 'handbook' } as const;
const blob = { tenant: 'acme', env: 'prod', project: DEFAULT_NAME, key: 'uploads/0af7651916cd43dd' };
const errors = [{ document_id: 'scan-7', code: 'nexus.blob_not_found', message: 'There is no such blob.' }];

/** Data of each nexus event with every field that is defined. */
export const NEXUS_EXAMPLE_DATA: { [T in NexusEventType]: NexusEventData<T> } = {
  'nexus.ingest_requested': {
    ...task,
    space,
    documents: [
      {
        document_id: 'refunds',
        text: '# Refunds\n\nWithin 30 days.',
        type: 'policy',
        metadata: { language: 'en' },
        source_uri: 'https://example.com/refunds',
        occurred_at: '2026-01-30T09:00:00Z',
      },
      { document_id: 'hours', chunks: [{ text: 'Open on weekdays.', vector: [0.6, 0.8], metadata: { page: 1 } }] },
      { document_id: 'scan-7', blob },
    ],
    deletions: ['shipping-2024'],
    payload_blob: { ...blob, key: 'ingest/task_019c13ec9e00a1b2c3d4e5f60718293a' },
    document_count: 4,
    chunking: { strategy: 'auto', chunk_chars: 1200, overlap_chars: 120 },
  },
  'nexus.indexed': {
    space,
    version: 7,
    documents: 3,
    chunks: 5,
    model: 'hash-384',
    dimension: 384,
    tasks: [{ ...task, documents: 3, chunks: 5 }],
  },
  'nexus.ingest_completed': { ...task, space, documents: 4, chunks: 5, version: 7, errors },
  'nexus.ingest_failed': { ...task, space, errors, documents: 1, chunks: 0, version: 6 },
  'nexus.searched': {
    space,
    mode: 'hybrid',
    top_k: 10,
    include_global: true,
    hits: 10,
    took_ms: 4.2,
    run_id: 'run_019c13ec9e002d9e751ca1b2c3d4e5f6',
    step_id: 'step_019c13ec9e00a1b2c3d4e5f60718293a',
  },
  'nexus.pack_created': {
    pack_id: 'onboarding-2026',
    space,
    name: 'Onboarding',
    documents: 12,
    metadata: { audience: 'new colleagues' },
  },
  'nexus.raw_asset_created': {
    asset_id: 'crawl-00017',
    space,
    source_uri: 'https://example.com/refunds',
    media_type: 'text/html',
    bytes: 48_210,
    metadata: { status: 200 },
    detail: { fetched_by: 'crawler' },
  },
};

/** A nexus event with every attribute that a producer may set. */
export function nexusExampleEvent(type: NexusEventType): NexusEvent {
  const envelope = {
    id: '019c13ec-9e00-7abc-8def-0123456789ab',
    source: '/crawlers/website',
    time: '2026-01-31T12:00:00.000Z',
    tenantid: 'acme',
    env: 'prod',
    projectid: DEFAULT_NAME,
    surfaceid: 'support',
    correlationid: 'nightly-2026-01-31',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  const event = nexusEvent(type, envelope, NEXUS_EXAMPLE_DATA[type] as never);
  // In the order in which a record that is read has them.
  const { id, source, type: name, time, subject, dataschema, tenantid, env, ...rest } = event;
  return { id, source, type: name, time, subject, dataschema, tenantid, env, ...rest } as NexusEvent;
}
