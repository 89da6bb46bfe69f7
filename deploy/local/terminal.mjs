import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { clearInterval, setInterval } from 'node:timers';

const colourful = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
const CODES = { red: 31, green: 32, yellow: 33, blue: 34, grey: 90, bold: 1 };
/** Without a terminal to redraw, a step says that it is still at work this often. */
const REMINDER_MS = 10_000;
const REDRAW_MS = 1000;

/** Text in a colour, where there is a terminal and NO_COLOR is not set. */
export function paint(colour, text) {
  return colourful ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** One line to the terminal. */
export function say(line = '') {
  process.stdout.write(`${line}\n`);
}

/** A step that may take a while: says what is being done, and when it is done how long it took. */
export async function step(doing, work) {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
  const redraw = Boolean(process.stdout.isTTY);
  const show = (mark, note) => process.stdout.write(`${redraw ? '\r\u001b[K' : ''}${mark} ${doing}${note}`);
  if (redraw) show(paint('yellow', '…'), '');
  const timer = setInterval(
    () =>
      redraw ? show(paint('yellow', '…'), paint('grey', `  ${seconds()} s`)) : say(`… ${doing}, ${seconds()} s so far`),
    redraw ? REDRAW_MS : REMINDER_MS,
  );
  timer.unref();
  try {
    const result = await work();
    show(paint('green', '✓'), `${paint('grey', `  ${seconds()} s`)}\n`);
    return result;
  } catch (error) {
    show(paint('red', '✗'), `${paint('grey', `  ${seconds()} s`)}\n`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** A fault that the reader can mend: its message says how, so it is shown without a stack. */
export class Advice extends Error {
  name = 'Advice';
}

/** Shows why it cannot go on: an Advice as written, anything else with its stack. */
export function showFault(error) {
  const text = error instanceof Advice ? error.message : String(error?.stack ?? error);
  process.stderr.write(`\n${paint('red', 'Cannot go on.')} ${text}\n`);
}
