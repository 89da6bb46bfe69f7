import { RUN_EVENT_DEFINITIONS } from '@runspine/contracts';
import { endsRun } from '@runspine/run-model';
import type { EntityManager } from 'typeorm';
import { RoomEntity } from '../entities/room.entity.js';
import { RunEventEntity } from '../entities/run-event.entity.js';
import type { ReadStore } from './read-store.js';
import { loadRunVersion } from './run-queries.js';
import { type Scope, selectRows } from './select-rows.js';

/** How far a stream goes. */
export interface StreamHead {
  /** Sequence of the latest event; 0 without any. */
  last: number;
  /** Sequence of the event that ended the run, after which its stream has nothing more; null for rooms and open runs. */
  end: number | null;
}

/** A room or run that somebody streams. */
export interface StreamTarget {
  kind: 'room' | 'run';
  env: string;
  id: string;
}

const ENDING = RUN_EVENT_DEFINITIONS.map(({ type }) => type).filter(endsRun);

/** How far rooms and runs are, for those who stream them. */
export class StreamHeads {
  constructor(private readonly store: ReadStore) {}

  /** A room without events is at 0. */
  ofRoom(scope: Scope, roomId: string): Promise<StreamHead> {
    return this.store.read(scope.tenantId, async (tx) => {
      const row = await selectRows(tx, RoomEntity, ['last_sequence'])
        .where('it.tenant_id = :tenantId AND it.env = :env AND it.room_id = :roomId', { ...scope, roomId })
        .getRawOne<{ last_sequence: number }>();
      return { last: row?.last_sequence ?? 0, end: null };
    });
  }

  /** @throws ServiceError `run.not_found` */
  ofRun(scope: Scope, runId: string): Promise<StreamHead> {
    return this.store.read(scope.tenantId, async (tx) => {
      const { version, status } = await loadRunVersion(tx, scope, runId);
      if (status === 'created' || status === 'running') return { last: version, end: null };
      const row = await selectRows(tx, RunEventEntity, ['run_sequence'])
        .where('it.tenant_id = :tenantId AND it.env = :env AND it.run_id = :runId', { ...scope, runId })
        .andWhere('it.type IN (:...ending)', { ending: ENDING })
        .orderBy('it.run_sequence', 'DESC')
        .limit(1)
        .getRawOne<{ run_sequence: number }>();
      return { last: version, end: row?.run_sequence ?? version };
    });
  }

  /** The latest sequence of each target of one tenant, in the order of the targets; 0 where there is none. */
  ofMany(tenantId: string, targets: readonly StreamTarget[]): Promise<number[]> {
    return this.store.read(tenantId, async (tx) => {
      const rooms = await lookUp(tx, tenantId, targets, 'room');
      const runs = await lookUp(tx, tenantId, targets, 'run');
      return targets.map(({ kind, env, id }) => (kind === 'room' ? rooms : runs).get(`${env}/${id}`) ?? 0);
    });
  }
}

const LOOK_UPS = {
  room: `SELECT it.env, it.room_id AS id, it.last_sequence AS last
         FROM unnest($2::text[], $3::text[]) AS asked(env, id)
         JOIN proj_rooms it ON it.tenant_id = $1 AND it.env = asked.env AND it.room_id = asked.id`,
  run: `SELECT it.env, it.run_id AS id, it.version AS last
        FROM unnest($2::text[], $3::text[]) AS asked(env, id)
        JOIN proj_runs it ON it.tenant_id = $1 AND it.env = asked.env AND it.run_id = asked.id`,
};

async function lookUp(
  tx: EntityManager,
  tenantId: string,
  targets: readonly StreamTarget[],
  kind: StreamTarget['kind'],
): Promise<Map<string, number>> {
  const asked = targets.filter((target) => target.kind === kind);
  if (asked.length === 0) return new Map();
  const rows = await tx.query<{ env: string; id: string; last: number }[]>(LOOK_UPS[kind], [
    tenantId,
    asked.map(({ env }) => env),
    asked.map(({ id }) => id),
  ]);
  return new Map(rows.map(({ env, id, last }) => [`${env}/${id}`, last]));
}
