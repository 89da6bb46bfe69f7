import { integerSetting, type SettingsOf } from '@runspine/service';

/** Settings of the streams; part of the gateway's. */
export const streamSettings = {
  streamsMax: integerSetting({
    name: 'RUNSPINE_STREAMS_MAX',
    doc: 'Streams that may be open at once; more are answered 503.',
    default: 5000,
    min: 1,
    max: 1_000_000,
  }),
  streamBufferBytesMax: integerSetting({
    name: 'RUNSPINE_STREAM_BUFFER_BYTES',
    doc: 'How much may wait for a slow reader of a stream before it is cut off; it resumes where it was.',
    unit: 'bytes',
    default: 1024 * 1024,
    min: 16 * 1024,
    max: 1024 * 1024 * 1024,
  }),
  streamCommentMs: integerSetting({
    name: 'RUNSPINE_STREAM_COMMENT_MS',
    doc: 'How often a stream says that it is alive.',
    unit: 'ms',
    default: 15_000,
    min: 100,
    max: 600_000,
  }),
  streamRetryMs: integerSetting({
    name: 'RUNSPINE_STREAM_RETRY_MS',
    doc: 'After how long a reader whose stream broke is told to come back.',
    unit: 'ms',
    default: 1000,
    min: 0,
    max: 600_000,
  }),
  streamLookMs: integerSetting({
    name: 'RUNSPINE_STREAM_LOOK_MS',
    doc: 'How often PostgreSQL is asked whether a stream is behind, for records that the feed lost.',
    unit: 'ms',
    default: 1000,
    min: 10,
    max: 60_000,
  }),
} as const;

export type StreamSettings = SettingsOf<typeof streamSettings>;
