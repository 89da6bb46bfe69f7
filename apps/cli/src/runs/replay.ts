import type { RecordedEvent, Run, RunState } from '@runspine/client';
import { emitKeypressEvents } from 'node:readline';
import { usage } from '../failures.js';
import { panelLines, panelRoom } from '../output/table.js';
import type { Session } from '../session.js';
import { stateAt } from './diff.js';
import { eventLine } from './event-lines.js';
import { findRun } from './run-ids.js';
import { runLines } from './show.js';

export interface ReplayOptions {
  readonly at?: number;
  readonly interactive?: boolean;
}

/** A run as it was at one of its events, or event by event. */
export async function replayRun(session: Session, given: string, options: ReplayOptions): Promise<void> {
  const { terminal, client, call } = session;
  const run = await findRun(session, given);
  if (options.interactive) return replayByKeys(session, run, options.at ?? 1);
  if (options.at === undefined) {
    for await (const event of client.runs.events(run.run_id, { limit: 200 }, call)) {
      if (session.json) terminal.printJsonLine(event);
      else terminal.print(eventLine(terminal, event, terminal.width));
    }
    if (!session.json)
      terminal.note(terminal.colours.dim('As it was at one of them: --at N; step by step: --interactive'));
    return;
  }
  const state = await stateAt(session, run, options.at);
  if (session.json) return terminal.printJson(state);
  terminal.print(...stateLines(session, run, state, await eventAt(session, run, options.at)));
}

async function eventAt({ client, call }: Session, run: Run, at: number): Promise<RecordedEvent | undefined> {
  const [event] = await client.runs.events(run.run_id, { after: at - 1, limit: 1 }, call).first(1);
  return event;
}

function stateLines({ terminal }: Session, run: Run, state: RunState, event: RecordedEvent | undefined): string[] {
  const title = `Event ${state.sequence} of ${run.version}`;
  return [
    ...(event ? panelLines(terminal, title, [eventLine(terminal, event, panelRoom(terminal))]) : []),
    ...runLines(terminal, state.run, state.steps, [], event ? Date.parse(event.time) : undefined),
  ];
}

interface Key {
  readonly name?: string;
  readonly sequence?: string;
  readonly ctrl?: boolean;
}

/** Keys move through the events; each shows the run as it was. */
async function replayByKeys(session: Session, run: Run, from: number): Promise<void> {
  const { io, terminal } = session;
  if (!terminal.live || io.stdin.isTTY !== true) {
    throw usage('--interactive needs a terminal.', `Without one: runspine runs replay ${run.run_id} --at N`);
  }
  let at = Math.min(Math.max(1, from), run.version);
  const draw = async () => {
    const [state, event] = await Promise.all([stateAt(session, run, at), eventAt(session, run, at)]);
    const help = 'n next  p previous  g first  G last  q quit';
    // Clears the screen, and begins at its top.
    io.stdout.write('\u001b[2J\u001b[H');
    terminal.print(...stateLines(session, run, state, event), terminal.colours.dim(help));
  };
  emitKeypressEvents(io.stdin);
  io.stdin.setRawMode?.(true);
  io.stdin.resume();
  try {
    await draw();
    for (;;) {
      const key = await nextKey(session);
      if (key === undefined || key.name === 'q' || key.name === 'escape' || (key.ctrl && key.name === 'c')) return;
      const next = moved(key, at, run.version);
      if (next === at) continue;
      at = next;
      await draw();
    }
  } finally {
    io.stdin.setRawMode?.(false);
    io.stdin.pause();
  }
}

function moved({ name, sequence }: Key, at: number, last: number): number {
  if (sequence === 'G' || name === 'end') return last;
  if (sequence === 'g' || name === 'home') return 1;
  if (name !== undefined && ['n', 'right', 'down', 'space', 'return', 'j', 'l'].includes(name))
    return Math.min(last, at + 1);
  if (name !== undefined && ['p', 'left', 'up', 'k', 'h', 'backspace'].includes(name)) return Math.max(1, at - 1);
  return at;
}

/** The next key; undefined where there will be none. */
function nextKey({ io }: Session): Promise<Key | undefined> {
  return new Promise((resolve) => {
    const done = (key: Key | undefined) => {
      io.stdin.off('keypress', pressed).off('end', ended);
      io.signal.removeEventListener('abort', ended);
      resolve(key);
    };
    const pressed = (_text: unknown, key: Key) => done(key);
    const ended = () => done(undefined);
    io.stdin.on('keypress', pressed).on('end', ended);
    io.signal.addEventListener('abort', ended);
  });
}
