/** Roles are the server's, not the database's: two databases may be migrated at once, so an existing role is fine. */
export function createRole(role: string): string {
  return `DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
      BEGIN
        CREATE ROLE ${role} NOLOGIN;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    IF NOT pg_has_role(current_user, '${role}', 'SET') THEN
      GRANT ${role} TO CURRENT_USER WITH SET TRUE, INHERIT FALSE;
    END IF;
  END $$`;
}
