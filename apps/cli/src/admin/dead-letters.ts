import { usage } from '../failures.js';
import { confirm } from '../output/ask.js';
import { type Field, fieldLines, preview } from '../output/fields.js';
import { type Column, tableLines } from '../output/table.js';
import { agoText, whenText } from '../output/units.js';
import type { Session } from '../session.js';
import { runJob } from './jobs.js';

/** A record that could not be read, as it lies in the dead-letter topic. */
export interface DeadLetter {
  readonly partition: number;
  readonly offset: number;
  readonly source: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly code: string;
  readonly detail: string | null;
  readonly time: string | null;
  readonly [name: string]: unknown;
}

export interface ListOptions {
  readonly topic?: string;
  readonly code?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export async function listDeadLetters(session: Session, options: ListOptions): Promise<void> {
  const { client, call, terminal, json } = session;
  const { topic, code, limit, cursor } = options;
  const { body } = await client.request('GET', '/v1/admin/dead-letters', {
    ...call,
    query: { topic, code, limit, cursor },
  });
  const { items, next_cursor: next } = body as { items: DeadLetter[]; next_cursor?: string | null };
  if (json) {
    for (const letter of items) terminal.printJsonLine(letter);
    if (next) terminal.note(JSON.stringify({ next_cursor: next }));
    return;
  }
  if (items.length === 0)
    return terminal.note('There are no dead letters.', 'What was read and refused: runspine rejections');
  terminal.print(...tableLines(terminal, columns(session), items));
  terminal.note(
    terminal.colours.dim(`One of them: runspine dead-letters show ${items[0]!.partition}/${items[0]!.offset}`),
  );
  if (next) terminal.note(terminal.colours.dim(`More: --cursor ${next}`));
}

/** One dead letter, with its record. */
export async function showDeadLetter(session: Session, given: string): Promise<void> {
  const { client, call, terminal, json } = session;
  const [partition, offset] = positionOf(given);
  const { body } = await client.request('GET', `/v1/admin/dead-letters/${partition}/${offset}`, call);
  if (json) return terminal.printJson(body);
  const { time, code, detail, source, partition: _partition, offset: _offset, ...rest } = body as DeadLetter;
  const others = Object.entries(rest)
    .filter(([, value]) => value !== null)
    .map(([name, value]): Field => [
      name.replaceAll('_', ' '),
      preview(terminal, value, 4 * (Math.min(terminal.panelWidth, 400) - 12)),
    ]);
  const fields: Field[] = [
    ['code', code, terminal.colours.red],
    ['detail', detail],
    ['when', whenText(time, Date.now())],
    ['came from', `${source.topic} ${source.partition}/${source.offset}`],
    ...others,
  ];
  terminal.print(...fieldLines(terminal, terminal.panelWidth, fields));
}

export interface RedriveOptions {
  readonly topic?: string;
  readonly code?: string;
  readonly event?: string;
  readonly dryRun?: boolean;
  readonly limit?: number;
  readonly rate?: number;
  readonly wait: boolean;
  readonly yes?: boolean;
}

/** Sends dead letters to the topic that they came from, once more. */
export async function redrive(session: Session, given: readonly string[], options: RedriveOptions): Promise<number> {
  const { topic, code, event, dryRun, limit, rate, wait, yes } = options;
  const letters = given.map(positionOf).map(([partition, offset]) => ({ partition, offset }));
  if (letters.length === 0 && topic === undefined && code === undefined && event === undefined) {
    throw usage('Which ones?', 'Name them as PARTITION/OFFSET, or choose by --topic, --code or --event.');
  }
  if (!dryRun) await confirm(session, 'Send them again? --dry-run shows what would be sent.', yes);
  const selection = {
    ...(letters.length > 0 ? { letters } : {}),
    ...(topic === undefined ? {} : { topic }),
    ...(code === undefined ? {} : { code }),
    ...(event === undefined ? {} : { event_id: event }),
  };
  const body = {
    selection,
    dry_run: dryRun === true,
    ...(limit === undefined ? {} : { limit }),
    ...(rate === undefined ? {} : { rate }),
  };
  return runJob(session, '/v1/admin/dead-letters/redrive', body, wait);
}

function positionOf(given: string): [partition: number, offset: number] {
  const [, partition, offset] = /^(\d{1,6})[/:@](\d{1,18})$/.exec(given) ?? [];
  if (partition === undefined)
    throw usage(`${given} is no dead letter.`, 'One is named PARTITION/OFFSET, such as 0/17.');
  return [Number(partition), Number(offset)];
}

function columns({ terminal }: Session): Column<DeadLetter>[] {
  const nowMs = Date.now();
  return [
    { title: 'LETTER', value: ({ partition, offset }) => `${partition}/${offset}` },
    { title: 'WHEN', value: ({ time }) => (terminal.live ? agoText(time, nowMs) : (time ?? '')), right: terminal.live },
    { title: 'CODE', value: ({ code }) => code, paint: terminal.colours.red, min: 12 },
    { title: 'CAME FROM', value: ({ source }) => `${source.topic} ${source.partition}/${source.offset}`, min: 14 },
    { title: 'DETAIL', value: ({ detail }) => detail ?? '', min: 10 },
  ];
}
