import type { ResearchFilter, ResearchRun } from '@runspine/client';
import { limitOf, type PageOptions, showPages } from '../output/pages.js';
import { paintStatus, statusText } from '../output/status.js';
import { type Column, tableLines } from '../output/table.js';
import { agoText, countText } from '../output/units.js';
import type { Session } from '../session.js';

export interface ResearchOptions extends PageOptions {
  /** Days back. */
  readonly window: number;
  readonly kind?: ResearchRun['kind'];
  readonly status?: ResearchRun['status'];
  readonly onlyProject?: string;
}

const WINDOW_MAX = 90;

/** What was ingested, asked and made, by what belonged together: a page of it, or all. */
export async function showResearchRuns(session: Session, options: ResearchOptions): Promise<void> {
  const pages = session.client.nexus.runs(filterOf(options), session.call);
  return showPages(session, pages, options, (runs) => show(session, options, runs));
}

function filterOf(options: ResearchOptions): ResearchFilter {
  const { window, kind, status, onlyProject } = options;
  return {
    window_days: window,
    ...(kind === undefined ? {} : { kind }),
    ...(status === undefined ? {} : { status }),
    ...(onlyProject === undefined ? {} : { project: onlyProject }),
    limit: limitOf(options),
  };
}

function show(session: Session, options: ResearchOptions, runs: readonly ResearchRun[]): void {
  const { terminal } = session;
  if (runs.length === 0) return nothing(session, options);
  const several = new Set(runs.map(({ project }) => project)).size > 1;
  terminal.print(...tableLines(terminal, columns(session, several), runs));
}

/** Nothing to show: says where was looked, and how there would be something. */
function nothing({ terminal, settings }: Session, options: ResearchOptions): void {
  const { window, kind, status, onlyProject } = options;
  const where = `tenant ${settings.tenant}, env ${settings.env}`;
  const longer = window < WINDOW_MAX ? [`Longer: --window ${WINDOW_MAX}`] : [];
  if (kind !== undefined || status !== undefined || onlyProject !== undefined) {
    const hints = [...longer, 'With fewer filters: runspine nexus runs'];
    return terminal.note(`No research run of the last ${window} days fits in ${where}.`, ...hints);
  }
  terminal.note(
    `Nothing that belongs together was ingested or asked in the last ${window} days in ${where}.`,
    ...longer,
    'To begin one: runspine nexus ingest handbook README.md --correlation study-1',
    'and ask in it: runspine nexus query handbook how does it begin --correlation study-1',
  );
}

function columns({ terminal }: Session, projects: boolean): Column<ResearchRun>[] {
  const nowMs = Date.now();
  const count = (title: string, name: keyof ResearchRun['counts']): Column<ResearchRun> => ({
    title,
    value: ({ counts }) => countText(counts[name]),
    right: true,
  });
  const project: Column<ResearchRun> = { title: 'PROJECT', value: ({ project: name }) => name, min: 7 };
  return [
    { title: 'RESEARCH RUN', value: ({ id }) => id, min: 8 },
    ...(projects ? [project] : []),
    { title: 'KIND', value: ({ kind }) => kind, min: 6 },
    {
      title: 'STATUS',
      value: ({ status }) => statusText(terminal, status),
      paint: (text, { status }) => paintStatus(terminal, status, text),
    },
    { title: 'LAST', value: ({ last_event_at: at }) => agoText(at, nowMs), right: true },
    count('CARDS', 'cards'),
    count('ATOMS', 'atoms'),
    count('SEARCHES', 'searches'),
    count('PACKS', 'packs'),
    count('ASSETS', 'assets'),
  ];
}
