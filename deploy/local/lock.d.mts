/** What a lock file says of its holder. */
export interface LockHolder {
  processes: { pid: number; started: string }[];
  /** Where the holder's gateway listens, when it said so. */
  address?: string;
}
/** A lock that is ours until released or until this process and those it shares it with are gone. */
export interface Lock {
  share(pid: number): void;
  release(): void;
}
/** Who holds the lock: its content, when one of the processes it names still runs. */
export function holderOf(path: string): LockHolder | undefined;
/** Takes the lock if nobody living holds it; undefined otherwise. `note` is kept in the file for others to read. */
export function tryLock(path: string, note?: object): Lock | undefined;
/** Takes the lock, waiting for whoever holds it; throws after `waitMs`. */
export function lock(
  path: string,
  options: { waitMs: number; onWait?: (holder: LockHolder | undefined) => void },
): Promise<Lock>;
