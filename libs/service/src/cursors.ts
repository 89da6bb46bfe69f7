import { canonicalize, ServiceError } from '@runspine/contracts';
import type { Signer } from './signer.js';

/** The list that a cursor goes on with: its name, whose it is, and its filters. */
export interface CursorList {
  name: string;
  scope: { readonly tenantId: string; readonly env: string };
  /** All that decides which items there are; not how many a page has. */
  filters: object;
}

/**
 * Cursors: a position in one list, for one tenant and env, with the same filters. Any process with the key may go on with
 * one, so they survive a restart.
 */
export class Cursors {
  constructor(private readonly signer: Signer) {}

  /** The cursor of the next page; null at the end. */
  next(list: CursorList, position: unknown): string | null {
    return position === null ? null : this.signer.seal(contextOf(list), position);
  }

  /**
   * The position inside; undefined without a cursor.
   * @throws ServiceError `cursor.invalid`
   */
  position<Position>(list: CursorList, cursor: string | undefined): Position | undefined {
    if (cursor === undefined) return undefined;
    const position = this.signer.open(contextOf(list), cursor);
    if (position === undefined) throw new ServiceError('cursor.invalid');
    return position as Position;
  }
}

function contextOf({ name, scope, filters }: CursorList): string[] {
  return ['cursor', name, scope.tenantId, scope.env, canonicalize(JSON.parse(JSON.stringify(filters)))];
}
