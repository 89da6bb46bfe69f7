import type { Run, RunStatus, StepStatus } from '@runspine/client';
import type { Terminal } from './terminal.js';

export type ShownStatus = RunStatus | StepStatus | 'stalled' | 'queued';

type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'magenta' | 'dim';

const LOOKS: Readonly<Record<ShownStatus, { colour: Colour; sign: string; ascii: string }>> = {
  completed: { colour: 'green', sign: '✔', ascii: '+' },
  failed: { colour: 'red', sign: '✖', ascii: 'x' },
  running: { colour: 'yellow', sign: '●', ascii: '*' },
  created: { colour: 'cyan', sign: '○', ascii: 'o' },
  pending: { colour: 'cyan', sign: '○', ascii: 'o' },
  queued: { colour: 'cyan', sign: '○', ascii: 'o' },
  cancelled: { colour: 'dim', sign: '⊘', ascii: '/' },
  skipped: { colour: 'dim', sign: '⊘', ascii: '/' },
  unreported: { colour: 'magenta', sign: '?', ascii: '?' },
  stalled: { colour: 'magenta', sign: '◌', ascii: '!' },
};

/** What is shown of a run: its status, or that it went silent. */
export function shownStatus(run: Pick<Run, 'status' | 'stalled'>): ShownStatus {
  return run.stalled ? 'stalled' : run.status;
}

/** The sign of a status and its name, without colours. */
export function statusText(terminal: Terminal, status: ShownStatus): string {
  return `${signOf(terminal, status)} ${status}`;
}

export function signOf(terminal: Terminal, status: ShownStatus): string {
  const look = LOOKS[status] ?? { sign: '?', ascii: '?' };
  return terminal.unicode ? look.sign : look.ascii;
}

/** Colours a text as its status. */
export function paintStatus(terminal: Terminal, status: ShownStatus, text: string): string {
  return terminal.colours[LOOKS[status]?.colour ?? 'dim'](text);
}
