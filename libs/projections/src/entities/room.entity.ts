import { EntitySchema } from 'typeorm';
import { bigint, key, time } from './columns.js';

/** A row of `proj_rooms`: how far a room's stream goes. */
export interface RoomRow {
  tenant_id: string;
  env: string;
  room_id: string;
  /** The room sequence of its latest event. */
  last_sequence: number;
  updated_at: string;
}

export const RoomEntity = new EntitySchema<RoomRow>({
  name: 'Room',
  tableName: 'proj_rooms',
  columns: { tenant_id: key, env: key, room_id: key, last_sequence: bigint, updated_at: time },
});
