import type { ResearchChange } from './research-changes.js';

const KEY = ['tenant_id', 'env', 'project_id', 'id'];
const SUMS = ['tasks_open', 'tasks_failed', 'cards', 'atoms', 'searches', 'packs', 'assets'] as const;
const COLUMNS = [...KEY, 'kind_rank', 'started_at', 'last_event_at', ...SUMS];

/** Adds changes, given as one JSON array, to what there is of their runs; the database joins as `joined` does. */
export const ADD_RESEARCH = { name: 'nexus-research', text: addResearch() };

/** Changes as the statement takes them. */
export function researchRows(changes: readonly ResearchChange[]): string {
  return JSON.stringify(changes);
}

function addResearch(): string {
  const names = COLUMNS.join(', ');
  const live = (column: string) => `proj_research_runs.${column}`;
  const sets = [
    ...SUMS.map((column) => `${column} = ${live(column)} + EXCLUDED.${column}`),
    `kind_rank = GREATEST(${live('kind_rank')}, EXCLUDED.kind_rank)`,
    `started_at = LEAST(${live('started_at')}, EXCLUDED.started_at)`,
    `last_event_at = GREATEST(${live('last_event_at')}, EXCLUDED.last_event_at)`,
  ];
  return (
    `INSERT INTO proj_research_runs (${names}) ` +
    `SELECT ${names} FROM json_populate_recordset(NULL::proj_research_runs, $1::json) ` +
    `ON CONFLICT (${KEY.join(', ')}) DO UPDATE SET ${sets.join(', ')}`
  );
}
