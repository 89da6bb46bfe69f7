import type { PipeTransform } from '@nestjs/common';
import { invalidRequest } from '@runspine/contracts';

/** SHA-256 in lower-case hex, named as such: what a checkpoint is looked up by. */
export const FINGERPRINT_PATTERN = '^sha256:[0-9a-f]{64}$';
const fingerprint = new RegExp(FINGERPRINT_PATTERN);

/** The `:fingerprint` of a path. */
export const fingerprintPipe: PipeTransform<string, string> = {
  transform(value) {
    if (fingerprint.test(value)) return value;
    throw invalidRequest([{ path: 'fingerprint', message: 'must be sha256: and 64 hexadecimal digits in lower case' }]);
  },
};
