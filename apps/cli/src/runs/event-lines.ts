import type { ErrorInfo, RecordedEvent } from '@runspine/client';
import { isEmpty, preview } from '../output/fields.js';
import { paintStatus, type ShownStatus } from '../output/status.js';
import type { Terminal } from '../output/terminal.js';
import { padded } from '../output/text.js';
import { errorText } from './causes.js';

const TYPE_WIDTH = 23;

/** An event in one line: sequence, time, type, and the beginning of its data. */
export function eventLine(terminal: Terminal, event: RecordedEvent, room: number, step?: string): string {
  const { dim } = terminal.colours;
  const { run_id: _run, step_id: _step, ...data } = event.data;
  const head = `${String(event.run_sequence).padStart(4)}  `;
  const time = event.time.slice(11, 23).replace('Z', '');
  const name = step === undefined ? '' : `${step}  `;
  const width = room - head.length - time.length - TYPE_WIDTH - name.length - 4;
  const text = isEmpty(data) ? '' : preview(terminal, gistOf(data), Math.max(8, Math.min(width, 400)));
  const type = padded(event.type, TYPE_WIDTH);
  return `${head}${dim(time)}  ${paintType(terminal, event.type, type)}  ${name}${dim(text)}`.trimEnd();
}

/** What of an event's data is read first. */
function gistOf(data: Readonly<Record<string, unknown>>): unknown {
  const { error } = data;
  return typeof error === 'object' && error !== null && 'message' in error ? errorText(error as ErrorInfo) : data;
}

const STATUS_OF: Readonly<Record<string, ShownStatus>> = {
  started: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  skipped: 'skipped',
};

function paintType(terminal: Terminal, type: string, text: string): string {
  const status = STATUS_OF[type.split('.')[1] ?? ''];
  return status === undefined ? text : paintStatus(terminal, status, text);
}
