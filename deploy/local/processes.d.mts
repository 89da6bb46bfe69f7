/** When a process began, in the kernel's ticks; empty where the system does not tell. */
export function startOf(pid: number): string;
/** Whether this very process still runs; a zombie does not. */
export function isAlive(pid: number, started?: string): boolean;
/** Sends a signal to one process, or with `group` to its whole process group. False when there is none. */
export function signal(pid: number, name: NodeJS.Signals, group?: boolean): boolean;
/** Processes that were started with this setting (`NAME=value`) in their environment; none where the system does not tell. */
export function startedWith(setting: string): number[];
