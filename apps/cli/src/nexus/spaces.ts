import type { NexusSpace, NexusTask, Scope } from '@runspine/client';
import { EXIT } from '../failures.js';
import { fieldLines } from '../output/fields.js';
import { limitOf, type PageOptions, showPages } from '../output/pages.js';
import { paintStatus, statusText } from '../output/status.js';
import { type Column, tableLines } from '../output/table.js';
import { bytesText, countText, whenText } from '../output/units.js';
import type { Session } from '../session.js';

export interface SpacesOptions extends PageOptions {
  readonly scope?: Scope;
}

/** The spaces that there are, a page of them or all; or one of them. */
export async function showSpaces(session: Session, space: string | undefined, options: SpacesOptions): Promise<void> {
  const { client, call, terminal, json } = session;
  const scope = options.scope === undefined ? {} : { scope: options.scope };
  if (space !== undefined) {
    const found = await client.nexus.space(space, { ...call, ...scope });
    if (json) return terminal.printJson(found);
    return terminal.print(...tableLines(terminal, SPACE_COLUMNS, [found]));
  }
  const pages = client.nexus.spaces({ ...call, ...scope, limit: limitOf(options) });
  return showPages(session, pages, options, (spaces) => show(session, spaces));
}

function show({ terminal, settings }: Session, spaces: readonly NexusSpace[]): void {
  if (spaces.length > 0) return terminal.print(...tableLines(terminal, SPACE_COLUMNS, spaces));
  const { tenant, env, project, surface } = settings;
  terminal.note(
    `There are no spaces yet in ${[tenant, env, project, surface].join(' / ')}.`,
    'The first ingest makes one: runspine nexus ingest handbook README.md',
  );
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
