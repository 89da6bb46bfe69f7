import type { NexusSpace, NexusTask, Scope } from '@runspine/client';
import { EXIT } from '../failures.js';
import { fieldLines } from '../output/fields.js';
import { paintStatus, statusText } from '../output/status.js';
import { type Column, tableLines } from '../output/table.js';
import { agoText, bytesText, countText, whenText } from '../output/units.js';
import type { Session } from '../session.js';

/** The spaces that there are, or one of them. */
export async function showSpaces(
  session: Session,
  space: string | undefined,
  { scope }: { scope?: Scope },
): Promise<void> {
  const { client, call, terminal, json } = session;
  const options = { ...call, ...(scope === undefined ? {} : { scope }) };
  if (space !== undefined) {
    const found = await client.nexus.space(space, options);
    if (json) return terminal.printJson(found);
    return terminal.print(...tableLines(terminal, SPACE_COLUMNS, [found]));
  }
  const spaces = await client.nexus.spaces(options).first(Number.POSITIVE_INFINITY);
  if (json) for (const found of spaces) terminal.printJsonLine(found);
  else if (spaces.length > 0) terminal.print(...tableLines(terminal, SPACE_COLUMNS, spaces));
  else {
    const { tenant, env, project, surface } = session.settings;
    terminal.note(
      `There are no spaces yet in ${[tenant, env, project, surface].join(' / ')}.`,
      'The first ingest makes one: runspine nexus ingest handbook README.md',
    );
  }
}

const SPACE_COLUMNS: readonly Column<NexusSpace>[] = [
  { title: 'SPACE', value: ({ space_id: id }) => id, min: 10 },
  { title: 'SCOPE', value: ({ scope }) => scope },
  { title: 'DOCUMENTS', value: ({ documents }) => countText(documents), right: true },
  { title: 'CHUNKS', value: ({ rows }) => countText(rows), right: true },
  { title: 'SIZE', value: ({ bytes }) => bytesText(bytes), right: true },
  { title: 'VERSION', value: ({ version }) => String(version), right: true },
  { title: 'EMBEDDING', value: ({ embedding: { model } }) => model, min: 8 },
];

/** How far an ingest is. */
export async function showTask(session: Session, id: string, { wait }: { wait?: boolean }): Promise<number> {
  const { client, call, terminal, json } = session;
  const task = wait ? await client.nexus.waitForTask(id, call) : await client.nexus.task(id, call);
  if (json) terminal.printJson(task);
  else {
    const nowMs = Date.now();
    terminal.print(
      paintStatus(terminal, task.status, statusText(terminal, task.status)),
      ...fieldLines(terminal, terminal.panelWidth, [
        ['task', task.task_id],
        ['space', `${task.space_id} (${task.scope})`],
        ['documents', `${countText(task.documents_done)} of ${countText(task.documents)}`],
        ['chunks', countText(task.chunks)],
        ['version', task.version === null ? undefined : String(task.version)],
        ['accepted', whenText(task.created_at, nowMs)],
        ['ended', whenText(task.ended_at, nowMs)],
        ...errorsOf(task),
      ]),
    );
  }
  return task.status === 'failed' ? EXIT.failed : EXIT.ok;
}

function errorsOf({ errors }: NexusTask): [string, string][] {
  return errors.map(({ document_id: id, code, message }) => ['error', `${id ?? 'all of it'}: ${code}: ${message}`]);
}

export interface ResearchRun {
  readonly id: string;
  readonly kind: string | null;
  readonly status: string;
  readonly started_at: string;
  readonly last_event_at: string;
  readonly counts: Readonly<Record<'cards' | 'atoms' | 'searches' | 'packs' | 'assets', number>>;
}

export interface ResearchOptions {
  readonly windowDays: number;
  readonly kind?: string;
  readonly status?: string;
  readonly limit: number;
}

/** What was ingested and asked, by what belonged together. */
export async function showResearchRuns(session: Session, options: ResearchOptions): Promise<void> {
  const { client, call, terminal, json } = session;
  const { windowDays: window_days, kind, status, limit } = options;
  const { body } = await client.request('GET', '/nexus/runs', { ...call, query: { window_days, kind, status, limit } });
  const { items, next_cursor: next } = body as { items: ResearchRun[]; next_cursor?: string | null };
  if (json) {
    for (const run of items) terminal.printJsonLine(run);
    return;
  }
  if (items.length === 0) {
    terminal.note(`Nothing was ingested or asked in the last ${window_days} days.`, 'Longer: --window-days 90');
    return;
  }
  terminal.print(...tableLines(terminal, researchColumns(session), items));
  if (next) terminal.note(terminal.colours.dim(`There are more: --limit ${Math.min(200, limit * 4)}`));
}

function researchColumns({ terminal }: Session): Column<ResearchRun>[] {
  const nowMs = Date.now();
  const count = (title: string, name: keyof ResearchRun['counts']): Column<ResearchRun> => ({
    title,
    value: ({ counts }) => countText(counts[name]),
    right: true,
  });
  const known = (status: string) =>
    (status in { completed: 1, failed: 1, running: 1, queued: 1 } ? status : 'created') as 'completed';
  return [
    { title: 'RESEARCH RUN', value: ({ id }) => id, min: 12 },
    { title: 'KIND', value: ({ kind }) => kind ?? '', min: 5 },
    {
      title: 'STATUS',
      value: ({ status }) => status,
      paint: (text, { status }) => paintStatus(terminal, known(status), text),
    },
    { title: 'LAST', value: ({ last_event_at: at }) => agoText(at, nowMs), right: true },
    count('CARDS', 'cards'),
    count('ATOMS', 'atoms'),
    count('SEARCHES', 'searches'),
    count('PACKS', 'packs'),
    count('ASSETS', 'assets'),
  ];
}
