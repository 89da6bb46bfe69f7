import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which log the spaces were written from, and how far; and what nexus may know of the projector's decisions. */
export class NexusPositions1764000000005 implements MigrationInterface {
  readonly name = 'NexusPositions1764000000005';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [TABLE, ...GRANTS, POLICY]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP POLICY nexus_decisions ON nexus_events');
    await runner.query('REVOKE SELECT ON nexus_events FROM runspine_nexus');
    await runner.query('DROP TABLE nexus_positions');
  }
}

// epoch rises whenever another log is adopted. anchor_hash is of the record at anchor_offset, before the position: a log
// that has another record there is another log. refused says why nothing more is taken of this one.
const TABLE = `CREATE TABLE nexus_positions (
  topic text NOT NULL,
  partition integer NOT NULL,
  cluster_id text NOT NULL,
  epoch integer NOT NULL CHECK (epoch BETWEEN 0 AND 8191),
  position bigint NOT NULL,
  anchor_offset bigint,
  anchor_hash text,
  refused text,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (topic, partition)
)`;

const GRANTS = [
  `GRANT SELECT, INSERT, UPDATE ON nexus_positions TO runspine_nexus`,
  `GRANT SELECT (tenant_id, event_id, source_partition, source_offset, data_hash) ON nexus_events TO runspine_nexus`,
];

const POLICY = `CREATE POLICY nexus_decisions ON nexus_events FOR SELECT TO runspine_nexus
  USING (type = 'nexus.ingest_requested')`;
