import { AFTER_TASK_MS_MAX } from '@runspine/contracts';
import { integerSetting, urlSetting } from '@runspine/service';

/** Settings of the way to the nexus service. */
export const nexusSettings = {
  nexusUrl: urlSetting({
    name: 'RUNSPINE_NEXUS_URL',
    doc: 'Address of the nexus service, which answers queries.',
    schemes: ['http:', 'https:'],
    default: 'http://127.0.0.1:8082',
  }),
  nexusAnswerMs: integerSetting({
    name: 'RUNSPINE_NEXUS_ANSWER_MS',
    doc: 'How long the nexus service may take for a whole answer before the gateway answers 503.',
    unit: 'ms',
    default: 30_000,
    min: 100,
    max: 300_000,
  }),
  nexusConnectionsMax: integerSetting({
    name: 'RUNSPINE_NEXUS_CONNECTIONS',
    doc: 'Connections to the nexus service; each carries one request at a time, and is kept for the next.',
    default: 64,
    min: 1,
    max: 1000,
  }),
  nexusRequestsMax: integerSetting({
    name: 'RUNSPINE_NEXUS_REQUESTS_MAX',
    doc: 'Requests to the nexus service that may be under way or wait for a connection; more are answered 503.',
    default: 2000,
    min: 1,
    max: 100_000,
  }),
  afterTaskMs: integerSetting({
    name: 'RUNSPINE_AFTER_TASK_MS',
    doc: 'How long a query waits for its after_task before it is answered 503.',
    unit: 'ms',
    default: AFTER_TASK_MS_MAX,
    min: 0,
    max: 60_000,
  }),
} as const;
