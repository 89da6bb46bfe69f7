/**
 * Milliseconds that something took: as given, else from its start to its end by the events' own times, never negative;
 * null for what never started.
 */
export function durationMs(given: number | undefined, startedAt: string | null, endedAt: string): number | null {
  if (given !== undefined) return given;
  if (startedAt === null) return null;
  return Math.max(0, Date.parse(endedAt) - Date.parse(startedAt));
}
