import type { ErrorCode } from './errors.js';
import { boundedPath, type Fault } from './json.js';

/**
 * Why a record cannot be read: a dead letter's code, and the path of the fault. A path is an attribute's name without
 * `ce_`, such as `time`; or a JSON pointer into the event's data, such as `/data/error/message`; or empty for the whole.
 */
export interface RecordFault extends Fault {
  code: ErrorCode;
}

/** A fault, ready to be returned. */
export function faultOf(code: ErrorCode, path: string, message: string): { fault: RecordFault } {
  return { fault: { code, path: boundedPath(path), message } };
}
