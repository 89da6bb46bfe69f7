import type { DocumentChange } from './document-change.js';
import { change } from './spaces.fixture.js';

/** A log of changes, always the same: documents come, grow, shrink, go and come back. */
export function logOf(size: number): DocumentChange[] {
  return Array.from({ length: size }, (_, offset) => {
    const id = `d${(offset * 7) % 23}`;
    const texts = Array.from(
      { length: (offset * 5) % 4 },
      (_, at) => `word${offset % 11} chunk ${at} of offset ${offset}`,
    );
    return change(id, offset, ...texts);
  });
}

/** What a space holds once the log was applied in its order. */
export function contentsAfter(log: readonly DocumentChange[]): Map<string, string | undefined> {
  const last = new Map(log.map((each) => [each.documentId, each]));
  const rows = [...last.values()].flatMap(({ documentId, chunks }): [string, string | undefined][] =>
    chunks.length === 0
      ? [[`${documentId}#-`, undefined]]
      : chunks.map(({ text }, at) => [`${documentId}#${at}`, text]),
  );
  return new Map(rows.sort());
}
