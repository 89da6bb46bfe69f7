import 'reflect-metadata';
import type pg from 'pg';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import { EventOutcomeEntity } from '../entities/event-outcome.entity.js';
import { NexusTaskEntity } from '../entities/nexus-task.entity.js';
import { RejectionEntity } from '../entities/rejection.entity.js';
import { ResearchRunEntity } from '../entities/research-run.entity.js';
import { RoomEntity } from '../entities/room.entity.js';
import { RunEventEntity } from '../entities/run-event.entity.js';
import { RunEntity } from '../entities/run.entity.js';
import { StepEntity } from '../entities/step.entity.js';
import { type PoolOptions, poolConfig } from '../pool.js';
import { beginRead, storeFault } from './read-transaction.js';

/** Every table that reads know. */
export const ENTITIES = [
  RunEntity,
  StepEntity,
  RoomEntity,
  RunEventEntity,
  RejectionEntity,
  EventOutcomeEntity,
  NexusTaskEntity,
  ResearchRunEntity,
];

/** How long a read may wait for a connection, milliseconds. */
const CONNECT_TIMEOUT_MS = 3000;

/**
 * Where reads come from: TypeORM over a pool of connections in the reader's role. It connects at the first read, and
 * again after a failure, so that a service starts, and stays, while PostgreSQL is away.
 */
export class ReadStore {
  private readonly source: DataSource;
  private opening: Promise<DataSource> | undefined;

  /** `connectTimeoutMs` is 3000 unless said. */
  constructor(options: PoolOptions) {
    this.source = new DataSource({
      type: 'postgres',
      entities: ENTITIES,
      logging: false,
      installExtensions: false,
      extra: poolConfig({ connectTimeoutMs: CONNECT_TIMEOUT_MS, ...options }),
      // A connection that dies while idle is replaced at the next read.
      poolErrorHandler: () => undefined,
    });
  }

  /**
   * Runs `work` in a read-only transaction: one snapshot, and row-level security holds it to the tenant.
   * @throws ServiceError `store.unavailable` when PostgreSQL does not answer in time.
   */
  async read<T>(tenantId: string, work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const begin = beginRead(tenantId);
    try {
      const source = await this.open();
      const runner = source.createQueryRunner();
      let succeeded = false;
      try {
        await runner.query(begin);
        const answer = await work(runner.manager);
        succeeded = true;
        return answer;
      } finally {
        endRead(runner, succeeded);
      }
    } catch (error) {
      throw storeFault(error);
    }
  }

  /** Waits for reads in hand and closes every connection. */
  async close(): Promise<void> {
    await this.opening?.catch(() => undefined);
    if (this.source.isInitialized) await this.source.destroy();
  }

  private open(): Promise<DataSource> {
    this.opening ??= this.source.initialize().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }
}

/**
 * Nothing was written: the answer need not wait for the end of the transaction. A connection that cannot end it is closed,
 * lest the next read waits behind it.
 */
function endRead(runner: QueryRunner, succeeded: boolean): void {
  runner
    .query(succeeded ? 'COMMIT' : 'ROLLBACK')
    .catch(async () => void ((await runner.connect()) as pg.PoolClient).end())
    .finally(() => runner.release())
    .catch(() => undefined);
}
