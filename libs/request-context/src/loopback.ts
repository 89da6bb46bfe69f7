import { isIPv4, isIPv6 } from 'node:net';

/** Raised at boot when development mode would be reachable from elsewhere. */
export class BeyondLoopback extends Error {
  override readonly name = 'BeyondLoopback';
}

/** True for 127.0.0.0/8 (also mapped into IPv6), ::1 and localhost. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost') return true;
  const v4 = bare.startsWith('::ffff:') ? bare.slice('::ffff:'.length) : bare;
  if (isIPv4(v4)) return v4.startsWith('127.');
  return isIPv6(bare) && /^(::|(0{1,4}:){7})0{0,3}1$/.test(bare);
}

/** True for the `Host` of a request that names this machine as itself: a loopback address, localhost or below it. */
export function isNameOfHere(host: string): boolean {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  return isLoopback(name) || name.endsWith('.localhost');
}

/**
 * Refuses to listen beyond this machine with development identity, which believes whatever a caller says of itself.
 * `variable` is the setting that has the host.
 * @throws BeyondLoopback with what to do.
 */
export function assertLoopback(host: string, variable = 'RUNSPINE_HOST'): void {
  if (isLoopback(host)) return;
  throw new BeyondLoopback(
    `RUNSPINE_AUTH_MODE=development believes every caller, so it listens on this machine only, and ${variable} is ` +
      `${JSON.stringify(host)}. Set ${variable} to 127.0.0.1, ::1 or localhost.`,
  );
}
