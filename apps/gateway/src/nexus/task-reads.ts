import { Inject, Injectable } from '@nestjs/common';
import { ServiceError, type TaskResource } from '@runspine/contracts';
import { TaskQueries } from '@runspine/projections';
import type { Identity } from '@runspine/request-context';
import type { GatewaySettings } from '../config.js';
import { SETTINGS } from '../tokens.js';

/** How long a task that is not recorded is looked for again: it may just have been accepted. */
const UNRECORDED_MS_MAX = 1000;
/** A task whose id says that it is older than this would have been recorded long ago. */
const FRESH_MS_MAX = 60_000;
/** Queries that may wait for their tasks at once. */
const WAITS_MAX = 1000;
const LOOK_MS_MIN = 10;
const LOOK_MS_MAX = 250;

/** Reads of tasks that know that the projection comes a moment after the event. */
@Injectable()
export class TaskReads {
  private waiting = 0;

  constructor(
    @Inject(TaskQueries) private readonly tasks: TaskQueries,
    @Inject(SETTINGS) private readonly settings: GatewaySettings,
  ) {}

  /** @throws ServiceError `nexus.task_not_found`, another tenant's included; `store.unavailable`. */
  async find(caller: Identity, taskId: string, gone: () => boolean): Promise<TaskResource> {
    const task = await this.look(caller, taskId, UNRECORDED_MS_MAX, gone, () => true);
    if (!task) throw new ServiceError('nexus.task_not_found', undefined, { task_id: taskId });
    return task;
  }

  /**
   * Resolves once a task is completed.
   * @throws ServiceError `nexus.task_failed`; `nexus.task_pending` where it takes too long, or too many wait;
   * `nexus.task_not_found`; `store.unavailable`.
   */
  async completed(caller: Identity, taskId: string, gone: () => boolean): Promise<void> {
    if (this.waiting >= WAITS_MAX) throw new ServiceError('nexus.task_pending', undefined, { task_id: taskId });
    this.waiting += 1;
    try {
      const ended = ({ status }: TaskResource) => status === 'completed' || status === 'failed';
      const task = await this.look(caller, taskId, this.settings.afterTaskMs, gone, ended);
      if (!task) throw new ServiceError('nexus.task_not_found', undefined, { task_id: taskId });
      const { status, errors, documents, documents_done } = task;
      if (status === 'failed') throw new ServiceError('nexus.task_failed', undefined, { task_id: taskId, errors });
      if (status !== 'completed') {
        const details = { task_id: taskId, status, documents, documents_done };
        throw new ServiceError('nexus.task_pending', undefined, details);
      }
    } finally {
      this.waiting -= 1;
    }
  }

  /** The task, as soon as it is as wanted, or as it is when the time is over. */
  private async look(
    caller: Identity,
    taskId: string,
    waitMs: number,
    gone: () => boolean,
    wanted: (task: TaskResource) => boolean,
  ): Promise<TaskResource | undefined> {
    const fromMs = Date.now();
    for (let pauseMs = LOOK_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, LOOK_MS_MAX)) {
      const found = await this.tasks.find(caller, taskId);
      if (found && wanted(found.task)) return found.task;
      const leftMs = fromMs + (found ? waitMs : unrecordedMs(taskId, fromMs)) - Date.now();
      if (leftMs <= 0 || gone()) return found?.task;
      await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
    }
  }
}

/** Not worth a wait for what is long past; an id that was made from an idempotency key tells no time. */
function unrecordedMs(taskId: string, nowMs: number): number {
  const madeMs = Number.parseInt(taskId.slice(5, 17), 16);
  const ageMs = nowMs - madeMs;
  const tellsTime = ageMs > 0 && ageMs < nowMs / 2;
  return tellsTime && ageMs > FRESH_MS_MAX ? 0 : UNRECORDED_MS_MAX;
}
