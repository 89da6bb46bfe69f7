import { sendSpooled } from '@runspine/client';
import { variable } from '../environment.js';
import { countText } from '../output/units.js';
import type { Session } from '../session.js';

/**
 * Sends what tracked processes of this machine left on disk as they ended, so that the newest runs read as they ended: an
 * uncaught error gives a process no time to send its last events. Whatever goes wrong is for the next time.
 */
export async function sendLeftovers({ client, io, terminal }: Session): Promise<void> {
  const { sent, runs } = await sendSpooled(client, { spoolDir: variable(io.env, 'RUNSPINE_SPOOL_DIR') }).catch(() => ({
    sent: 0,
    runs: [],
  }));
  if (sent === 0) return;
  const what = `${countText(sent)} events of ${countText(runs.length)} ${runs.length === 1 ? 'run' : 'runs'}`;
  terminal.note(terminal.colours.dim(`Sent ${what} that ended processes had left on disk.`));
}
