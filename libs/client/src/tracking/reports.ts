/** Who is told of failures to record. */
export interface TrackingLogger {
  warn(message: string, details?: Readonly<Record<string, unknown>>): void;
}

/** The console; one line each. */
export const consoleLogger: TrackingLogger = {
  warn: (message, details) =>
    console.warn(details === undefined ? `runspine: ${message}` : `runspine: ${message} ${JSON.stringify(details)}`),
};

/** Says each failure once, until it is over; a logger that throws is none of the pipeline's trouble. */
export class Reports {
  private readonly said = new Set<string>();

  constructor(private readonly logger: TrackingLogger) {}

  once(what: string, message: string, details?: Readonly<Record<string, unknown>>): void {
    if (this.said.has(what)) return;
    this.said.add(what);
    try {
      this.logger.warn(message, details);
    } catch {
      // There is nobody left to tell.
    }
  }

  /** A failure is over: the next one of its kind is said again. */
  over(what: string): void {
    this.said.delete(what);
  }
}
