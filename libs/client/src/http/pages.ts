import { badAnswer, type CallOptions, type Transport } from './transport.js';
import type { Page } from '../resources/run-types.js';

/** Query parameters of a list. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * A list of any length: `for await` reads it whole, page after page, each when it is needed. `page` reads one.
 */
export class Pages<T> implements AsyncIterable<T> {
  constructor(
    private readonly transport: Transport,
    private readonly path: string,
    private readonly query: Query,
    private readonly options: CallOptions = {},
  ) {}

  /** One page: the first, or the one that `cursor` (a `next_cursor`) leads to. */
  async page(cursor?: string): Promise<Page<T>> {
    const query = cursor === undefined ? this.query : { ...this.query, cursor };
    const { body, status } = await this.transport.request('GET', this.path, { ...this.options, query });
    const page = body as Page<T> | undefined;
    if (!Array.isArray(page?.items)) throw badAnswer(status, 'is not a list');
    return { items: page.items, next_cursor: page.next_cursor ?? null };
  }

  /** The first `count` items, or as many as there are. */
  async first(count: number): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) {
      if (items.length >= count || items.push(item) >= count) break;
    }
    return items;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    let cursor: string | null | undefined;
    do {
      const page: Page<T> = await this.page(cursor ?? undefined);
      yield* page.items;
      // A server that sends the same cursor again would never end.
      if (page.next_cursor !== null && page.next_cursor === cursor) throw badAnswer(200, 'repeats its cursor');
      cursor = page.next_cursor;
    } while (cursor !== null);
  }
}
