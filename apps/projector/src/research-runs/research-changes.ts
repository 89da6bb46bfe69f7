import { type NexusEvent, RESEARCH_EFFECTS, RESEARCH_KINDS } from '@runspine/contracts';
import type { TaskRow } from '../nexus/fold-task.js';

/** What is summed up of a research run. */
export interface ResearchSums {
  tasks_open: number;
  tasks_failed: number;
  cards: number;
  atoms: number;
  searches: number;
  packs: number;
  assets: number;
}

/**
 * What events add to a research run. Sums, the earliest and latest time, and the highest rank of a kind: joined in any
 * order they give the same, so that partitions need not wait for each other.
 */
export interface ResearchChange extends ResearchSums {
  tenant_id: string;
  env: string;
  project_id: string;
  /** Trace id, correlation id, run or task. */
  id: string;
  /** Place of its kind in `RESEARCH_KINDS`. */
  kind_rank: number;
  started_at: string;
  last_event_at: string;
}

/** A task before an event, where there was one, and after it. */
export interface TaskMove {
  before: TaskRow | undefined;
  after: TaskRow;
}

const NOTHING: Readonly<ResearchSums> = {
  tasks_open: 0,
  tasks_failed: 0,
  cards: 0,
  atoms: 0,
  searches: 0,
  packs: 0,
  assets: 0,
};
const SUMS = Object.keys(NOTHING) as (keyof ResearchSums)[];
/** Of W3C's all-zero trace id, which is none. */
const NO_TRACE = '0'.repeat(32);

/** The research run that an event is of by what stands on it alone; null where nothing tells. */
export function researchIdOf({ traceparent, correlationid, data }: NexusEvent): string | null {
  const trace = traceparent?.slice(3, 35);
  if (trace !== undefined && trace !== NO_TRACE) return trace;
  const { run_id: run, task_id: task } = data as { run_id?: string; task_id?: string };
  return correlationid ?? run ?? task ?? null;
}

/**
 * What an event, with the moves of tasks that it made, adds to research runs. A task counts as far as it has come:
 * what is added is the difference, so that work that is told twice, late or out of order adds up to the same.
 */
export function changesOf(event: NexusEvent, moves: readonly TaskMove[]): ResearchChange[] {
  const change = (project_id: string, id: string, sums: Partial<ResearchSums>): ResearchChange => ({
    tenant_id: event.tenantid,
    env: event.env,
    project_id,
    id,
    kind_rank: RESEARCH_KINDS.indexOf(RESEARCH_EFFECTS[event.type].kind),
    started_at: event.time,
    last_event_at: event.time,
    ...NOTHING,
    ...sums,
  });
  if (moves.length > 0) {
    return moves.flatMap(({ before, after }) =>
      after.research_id === null
        ? []
        : [change(after.project_id, after.research_id, difference(sumsOf(before), sumsOf(after)))],
    );
  }
  const id = researchIdOf(event);
  if (id === null || namesTasks(event)) return [];
  const { space } = event.data as { space?: { project: string } };
  return [change(space?.project ?? event.projectid, id, ownSums(event))];
}

/** Changes joined run by run, in an order that every writer keeps. */
export function joined(changes: readonly ResearchChange[]): ResearchChange[] {
  const byRun = new Map<string, ResearchChange>();
  for (const change of changes) {
    const { tenant_id, env, project_id, id } = change;
    const key = `${tenant_id}/${env}/${project_id}/${id}`;
    const before = byRun.get(key);
    byRun.set(key, before ? join(before, change) : change);
  }
  return [...byRun.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
}

function join(a: ResearchChange, b: ResearchChange): ResearchChange {
  return {
    ...a,
    ...Object.fromEntries(SUMS.map((name) => [name, a[name] + b[name]])),
    kind_rank: Math.max(a.kind_rank, b.kind_rank),
    started_at: a.started_at < b.started_at ? a.started_at : b.started_at,
    last_event_at: a.last_event_at > b.last_event_at ? a.last_event_at : b.last_event_at,
  };
}

function namesTasks(event: NexusEvent): boolean {
  return event.type === 'nexus.indexed' && event.data.tasks.length > 0;
}

/** What an event adds that is no task's. */
function ownSums(event: NexusEvent): Partial<ResearchSums> {
  switch (event.type) {
    case 'nexus.searched':
      return { searches: 1 };
    case 'nexus.pack_created':
      return { packs: 1 };
    case 'nexus.raw_asset_created':
      return { assets: 1 };
    case 'nexus.indexed':
      return { cards: event.data.documents, atoms: event.data.chunks };
    default:
      return {};
  }
}

/** What a task counts for, in its run; nothing before it has one. */
function sumsOf(task: TaskRow | undefined): ResearchSums {
  if (!task || task.research_id === null) return NOTHING;
  const open = task.status === 'queued' || task.status === 'running';
  const refused = new Set(task.errors.flatMap(({ document_id: id }) => (id === undefined ? [] : [id])));
  return {
    ...NOTHING,
    tasks_open: open ? 1 : 0,
    tasks_failed: task.status === 'failed' ? 1 : 0,
    cards: Math.max(0, task.documents_done - refused.size),
    atoms: task.chunks,
  };
}

function difference(before: ResearchSums, after: ResearchSums): ResearchSums {
  return Object.fromEntries(SUMS.map((name) => [name, after[name] - before[name]])) as unknown as ResearchSums;
}
