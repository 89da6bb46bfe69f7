/** Offsets of one log; what a partition can hold in its life. */
const OFFSETS = 2 ** 40;
/** Logs that one partition can have been, one after the other: both together fit a number's 53 bits. */
export const EPOCH_MAX = 2 ** 13 - 1;

/**
 * What a space's rows carry as their source offset: an offset of the first log is itself, those of a log that was
 * adopted later are larger than all of the logs before it.
 */
export function fenceOf(epoch: number, offset: number): number {
  if (!(epoch >= 0 && epoch <= EPOCH_MAX && offset >= 0 && offset < OFFSETS)) {
    throw new RangeError(`no fence for offset ${offset} of log ${epoch}`);
  }
  return epoch * OFFSETS + offset;
}

/** The log that a fence is of, and the offset in it. */
export function placeOf(fence: number): { epoch: number; offset: number } {
  return { epoch: Math.floor(fence / OFFSETS), offset: fence % OFFSETS };
}
