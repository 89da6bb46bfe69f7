import { integerSetting, urlSetting } from '@runspine/service';

/** Settings of the way to a projector, for administration. */
export const adminSettings = {
  projectorUrl: urlSetting({
    name: 'RUNSPINE_PROJECTOR_URL',
    doc: 'Address of a projector, which audits, rebuilds and reads dead letters.',
    schemes: ['http:', 'https:'],
    default: 'http://127.0.0.1:8081',
  }),
  projectorAnswerMs: integerSetting({
    name: 'RUNSPINE_PROJECTOR_ANSWER_MS',
    doc: 'How long a projector may take for a whole answer before the gateway answers 503.',
    unit: 'ms',
    default: 60_000,
    min: 100,
    max: 300_000,
  }),
} as const;
