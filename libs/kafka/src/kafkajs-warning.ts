let silenced = false;

/**
 * kafkajs sets a timer with a negative delay now and then, of which Node 24 warns on the terminal. Drops that warning
 * where it comes from kafkajs, and no other.
 */
export function silenceNegativeTimeoutWarning(): void {
  if (silenced) return;
  silenced = true;
  const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  process.emitWarning = (...args: unknown[]): void => {
    if (args[1] === 'TimeoutNegativeWarning' && /[\\/]kafkajs[\\/]/.test(new Error().stack ?? '')) return;
    emitWarning(...args);
  };
}
