/** The part of @opentelemetry/api that is read. */
interface TracingApi {
  readonly trace: { getActiveSpan(): { spanContext(): SpanContext } | undefined };
  isSpanContextValid(context: SpanContext): boolean;
}

interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** The active span, as W3C trace context has it. */
export interface ActiveTrace {
  readonly traceId: string;
  readonly traceparent: string;
}

let api: TracingApi | undefined;

/** Looks for @opentelemetry/api, which is there only if its user installed it. Resolves either way. */
export const tracingLookedFor: Promise<void> = import('@opentelemetry/api').then(
  (found) => {
    api = found;
  },
  () => undefined,
);

/** The trace that is active here; undefined where OpenTelemetry is not installed, or nothing is traced. Never throws. */
export function activeTrace(): ActiveTrace | undefined {
  try {
    const context = api?.trace.getActiveSpan()?.spanContext();
    if (!context || !api?.isSpanContextValid(context)) return undefined;
    const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
    return { traceId: context.traceId, traceparent: `00-${context.traceId}-${context.spanId}-${flags}` };
  } catch {
    return undefined;
  }
}
