/** What would stop `npm start` later is said before anything slow begins: throws an Advice. */
export function preflight(root: string): Promise<void>;
/** Throws an Advice when an `npm start` already runs on this data folder. */
export function refuseSecondStart(dataDir: string): void;
/** Throws an Advice when the gateway's port is not a port, or is taken. */
export function refuseTakenPort(host: string, text: string): Promise<void>;
