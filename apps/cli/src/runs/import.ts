import { importEvents } from '@runspine/client';
import { resolve } from 'node:path';
import { accessSync } from 'node:fs';
import { EXIT } from '../failures.js';
import { counted } from '../output/units.js';
import type { Session } from '../session.js';

/** Sends the events of a file: a spool of the client, a log that was written, or an export for import. */
export async function importFile(session: Session, given: string): Promise<number> {
  const { client, call, terminal, io, json } = session;
  const file = resolve(io.cwd, given);
  // A stream that fails to open would only say so later.
  accessSync(file);
  const report = await importEvents(client, file, call);
  const { runs, sent, rejected, refused, damaged } = report;
  const failed = rejected.length + refused.length > 0 || (sent === 0 && damaged > 0);
  if (json) terminal.printJson(report);
  else {
    terminal.print(`${counted(sent, 'event')} of ${counted(runs.length, 'run')} ${sent === 1 ? 'is' : 'are'} sent.`);
    for (const { eventId, type, code } of rejected.slice(0, 10)) terminal.note(`Refused: ${type} ${eventId}: ${code}`);
    for (const { eventId, type, message } of refused.slice(0, 10))
      terminal.note(`Not taken: ${type} ${eventId}: ${message}`);
    if (damaged > 0)
      terminal.note(
        `${counted(damaged, 'line')} ${damaged === 1 ? 'is' : 'are'} no event${damaged === 1 ? '' : 's'}${sent === 0 ? '. A file of events is NDJSON: runspine runs export RUN --format import' : ''}`,
      );
    for (const id of runs.slice(0, 5)) terminal.note(terminal.colours.dim(`runspine runs show ${id}`));
  }
  return failed ? EXIT.failed : EXIT.ok;
}
