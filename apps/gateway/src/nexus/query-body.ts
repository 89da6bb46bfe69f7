import type { PipeTransform } from '@nestjs/common';
import { type Fault, findUnstorable, invalidRequest, isRunId, isStepId, isTaskId } from '@runspine/contracts';

/** What the gateway itself reads of a query; nexus checks the whole. */
export interface QueryBody {
  readonly run_id?: string;
  readonly step_id?: string;
  readonly after_task?: string;
  readonly [field: string]: unknown;
}

/** A query: an object whose ids are ids. @throws ServiceError `request.invalid` */
export const queryBodyPipe: PipeTransform<unknown, QueryBody> = {
  transform: (sent) => {
    const unstorable = findUnstorable(sent);
    if (unstorable) throw invalidRequest([unstorable]);
    if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) {
      throw invalidRequest([{ path: '/', message: 'must be an object' }]);
    }
    const body = sent as QueryBody;
    const faults: Fault[] = [];
    checkId(body, 'run_id', isRunId, faults);
    checkId(body, 'step_id', isStepId, faults);
    checkId(body, 'after_task', isTaskId, faults);
    if ((body.run_id === undefined) !== (body.step_id === undefined)) {
      const missing = body.run_id === undefined ? 'run_id' : 'step_id';
      faults.push({ path: `/${missing}`, message: 'goes together with the other of run_id and step_id' });
    }
    if (faults.length > 0) throw invalidRequest(faults);
    return body;
  },
};

function checkId(body: QueryBody, name: string, fits: (value: string) => boolean, faults: Fault[]): void {
  const value = body[name];
  if (value === undefined || (typeof value === 'string' && fits(value))) return;
  faults.push({
    path: `/${name}`,
    message: `must be the id of a ${name === 'after_task' ? 'task' : name.slice(0, -3)}`,
  });
}
