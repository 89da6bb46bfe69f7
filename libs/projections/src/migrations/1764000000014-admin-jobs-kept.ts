import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Jobs of administration are kept for a time, not for good: the projector may remove those that ended. */
export class AdminJobsKept1764000000014 implements MigrationInterface {
  readonly name = 'AdminJobsKept1764000000014';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('GRANT DELETE ON admin_jobs TO runspine_projector');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('REVOKE DELETE ON admin_jobs FROM runspine_projector');
  }
}
