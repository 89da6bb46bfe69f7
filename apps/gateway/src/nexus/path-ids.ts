import type { PipeTransform } from '@nestjs/common';
import {
  DOCUMENT_ID_PATTERN,
  invalidRequest,
  isDocumentId,
  isNameId,
  isTaskId,
  NAME_PATTERN,
  TASK_ID_PATTERN,
} from '@runspine/contracts';

/** The `:spaceId` of a path. */
export const spaceIdPipe = idPipe('spaceId', isNameId, NAME_PATTERN);
/** The `:taskId` of a path. */
export const taskIdPipe = idPipe('taskId', isTaskId, TASK_ID_PATTERN);
/** The `:documentId` of a path, decoded. */
export const documentIdPipe = idPipe('documentId', isDocumentId, DOCUMENT_ID_PATTERN);

function idPipe(path: string, fits: (value: string) => boolean, pattern: string): PipeTransform<string, string> {
  return {
    transform: (value) => {
      if (!fits(value)) throw invalidRequest([{ path, message: `must match ${pattern}` }]);
      return value;
    },
  };
}
