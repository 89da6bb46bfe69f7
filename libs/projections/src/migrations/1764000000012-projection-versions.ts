import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Projections can be folded again beside the live ones, and take their place in one transaction. Tables can only be made
 * and swapped by their owner, which no service is: functions of the owner do that, and nothing else, for the projector.
 */
export class ProjectionVersions1764000000012 implements MigrationInterface {
  readonly name = 'ProjectionVersions1764000000012';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
    for (const name of ['begin(text)', 'discard(text)', 'swap(text, text)']) {
      await runner.query(`REVOKE ALL ON FUNCTION projections_${name} FROM PUBLIC`);
      await runner.query(`GRANT EXECUTE ON FUNCTION projections_${name} TO runspine_projector`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['swap(text, text)', 'discard(text)', 'begin(text)', 'tables()']) {
      await runner.query(`DROP FUNCTION projections_${name}`);
    }
    await runner.query('DROP INDEX run_events_source');
    await runner.query('ALTER TABLE projector_offsets DROP COLUMN epoch');
    await runner.query('DROP TABLE projection_versions');
  }
}

const DEFINER = 'LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp';

const STATEMENTS = [
  `CREATE TABLE projection_versions (
    version integer PRIMARY KEY,
    job_id text,
    since timestamptz NOT NULL
  )`,
  `INSERT INTO projection_versions VALUES (1, NULL, now())`,
  `GRANT SELECT ON projection_versions TO runspine_projector`,
  // A swap raises it: whoever still holds states of the former version finds its position moved, and forgets them.
  `ALTER TABLE projector_offsets ADD COLUMN epoch integer NOT NULL DEFAULT 0`,
  // What a rebuild follows the journal by. Summaries of page ranges: next to nothing for who inserts.
  `CREATE INDEX run_events_source ON run_events USING brin (source_partition, source_offset int8_minmax_multi_ops)
    WITH (pages_per_range = 32)`,
  `CREATE FUNCTION projections_tables() RETURNS text[] LANGUAGE sql IMMUTABLE
    RETURN ARRAY['proj_runs', 'proj_steps', 'proj_rooms']`,
  // Tables beside the live ones, under a suffix: same columns, keys, indexes, settings, security and rights.
  `CREATE FUNCTION projections_begin(suffix text) RETURNS void ${DEFINER} AS $$
    DECLARE live text; made text; item record;
    BEGIN
      PERFORM projections_discard(suffix);
      FOREACH live IN ARRAY projections_tables() LOOP
        made := live || '_' || suffix;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', made, live);
        FOR item IN SELECT unnest(reloptions) AS option FROM pg_class WHERE oid = live::regclass LOOP
          EXECUTE format('ALTER TABLE %I SET (%s)', made, item.option);
        END LOOP;
        FOR item IN SELECT privilege_type, grantee::regrole::text AS grantee FROM pg_class, aclexplode(relacl)
            WHERE oid = live::regclass AND grantee <> 0 AND grantee <> relowner LOOP
          EXECUTE format('GRANT %s ON %I TO %s', item.privilege_type, made, item.grantee);
        END LOOP;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', made);
        FOR item IN SELECT policyname, permissive, roles, cmd, qual, with_check FROM pg_policies
            WHERE schemaname = 'public' AND tablename = live LOOP
          EXECUTE format('CREATE POLICY %I ON %I AS %s FOR %s TO %s', item.policyname, made, item.permissive, item.cmd,
              (SELECT string_agg(quote_ident(role), ', ') FROM unnest(item.roles) AS role))
            || coalesce(' USING (' || item.qual || ')', '')
            || coalesce(' WITH CHECK (' || item.with_check || ')', '');
        END LOOP;
      END LOOP;
    END $$`,
  `CREATE FUNCTION projections_discard(suffix text) RETURNS void ${DEFINER} AS $$
    DECLARE live text;
    BEGIN
      IF suffix !~ '^(next|verify)$' THEN
        RAISE EXCEPTION 'no such version: %', suffix;
      END IF;
      FOREACH live IN ARRAY projections_tables() LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', live || '_' || suffix);
      END LOOP;
    END $$`,
  // The live tables go, the others take their names, and those of their indexes. One order of locks: as writers have it.
  `CREATE FUNCTION projections_swap(suffix text, job text) RETURNS integer ${DEFINER} AS $$
    DECLARE live text; made text; item record; now_version integer;
    BEGIN
      IF suffix <> 'next' THEN
        RAISE EXCEPTION 'no version to swap: %', suffix;
      END IF;
      FOREACH live IN ARRAY projections_tables() LOOP
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', live);
      END LOOP;
      FOREACH live IN ARRAY projections_tables() LOOP
        made := live || '_' || suffix;
        CREATE TEMP TABLE spine_renames ON COMMIT DROP AS
          SELECT n.indexrelid::regclass::text AS made_name, l.relname AS live_name
          FROM (SELECT i.indexrelid, replace(replace(pg_get_indexdef(i.indexrelid), c.relname, '@'), made, '#') AS shape
                FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = made::regclass) n
          JOIN (SELECT c.relname, replace(replace(pg_get_indexdef(i.indexrelid), c.relname, '@'), live, '#') AS shape
                FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = live::regclass) l USING (shape);
        IF (SELECT count(*) FROM spine_renames) <> (SELECT count(*) FROM pg_index WHERE indrelid = live::regclass) THEN
          RAISE EXCEPTION 'the indexes of % are not those of %', made, live;
        END IF;
        EXECUTE format('DROP TABLE %I', live);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', made, live);
        FOR item IN SELECT * FROM spine_renames LOOP
          EXECUTE format('ALTER INDEX %s RENAME TO %I', item.made_name, item.live_name);
        END LOOP;
        DROP TABLE spine_renames;
      END LOOP;
      UPDATE projector_offsets SET epoch = epoch + 1;
      INSERT INTO projection_versions SELECT max(version) + 1, job, now() FROM projection_versions
        RETURNING version INTO now_version;
      RETURN now_version;
    END $$`,
];
