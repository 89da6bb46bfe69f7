import type { ResearchCounts, ResearchKind, ResearchStatus } from '@runspine/contracts';
import { EntitySchema } from 'typeorm';
import { bigint, key, text, time } from './columns.js';

/** A row of `proj_research_runs`, as readers know it. */
export interface ResearchRunRow extends ResearchCounts {
  tenant_id: string;
  env: string;
  project_id: string;
  id: string;
  kind: ResearchKind;
  status: ResearchStatus;
  started_at: string;
  last_event_at: string;
}

export const ResearchRunEntity = new EntitySchema<ResearchRunRow>({
  name: 'ResearchRun',
  tableName: 'proj_research_runs',
  columns: {
    tenant_id: key,
    env: key,
    project_id: key,
    id: key,
    kind: text,
    status: text,
    started_at: time,
    last_event_at: time,
    cards: bigint,
    atoms: bigint,
    searches: bigint,
    packs: bigint,
    assets: bigint,
  },
});
