import { DURATION_BUCKETS_S, type Metrics } from '@runspine/service';
import type { IngestParts } from './ingest-parts.js';

/** What ingest counts, in Prometheus' form. */
export function ingestMetrics(metrics: Metrics): Pick<Required<IngestParts>, 'onCommitted' | 'onEnded'> {
  const seconds = metrics.histogram({
    name: 'runspine_nexus_commit_seconds',
    help: 'From a group of documents to its version of the space.',
    buckets: DURATION_BUCKETS_S,
  });
  const documents = metrics.counter({ name: 'runspine_nexus_documents_total', help: 'Documents put in or taken out.' });
  const chunks = metrics.counter({ name: 'runspine_nexus_chunks_total', help: 'Chunks put in.' });
  const tasks = metrics.counter({
    name: 'runspine_nexus_tasks_total',
    help: 'Ended tasks by outcome: completed, failed.',
    labelNames: ['status'],
  });
  return {
    onCommitted: (commit) => {
      seconds.observe(commit.seconds);
      documents.inc(commit.documents);
      chunks.inc(commit.chunks);
    },
    onEnded: (status) => tasks.inc({ status }),
  };
}
