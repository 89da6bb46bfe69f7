/** A task that would have to wait behind as many as may wait. */
export class GateFull extends Error {
  override readonly name = 'GateFull';
}

/**
 * Lets so many tasks run at once; the others wait in line, urgent ones first. Of the urgent, who would wait behind
 * `waitingMax` others is turned away: somebody waits for the answer, and more of them would only wait longer.
 */
export class Gate {
  private running = 0;
  private readonly urgent: (() => void)[] = [];
  private readonly patient: (() => void)[] = [];

  constructor(
    private readonly runningMax: number,
    private readonly waitingMax = 1000,
  ) {}

  /** @throws GateFull, or the signal's reason while the task waits. */
  async run<T>(task: () => Promise<T>, { urgent, signal }: { urgent: boolean; signal: AbortSignal }): Promise<T> {
    signal.throwIfAborted();
    if (this.running >= this.runningMax) await this.wait(urgent ? this.urgent : this.patient, signal);
    else this.running++;
    try {
      return await task();
    } finally {
      const next = this.urgent.shift() ?? this.patient.shift();
      if (next) next();
      else this.running--;
    }
  }

  private wait(line: (() => void)[], signal: AbortSignal): Promise<void> {
    if (line === this.urgent && line.length >= this.waitingMax) throw new GateFull(`${line.length} wait already`);
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        line.splice(line.indexOf(enter), 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error('given up while waiting'));
      };
      line.push(enter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
