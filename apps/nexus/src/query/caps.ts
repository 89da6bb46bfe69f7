import type { SourceScope } from './candidates.js';

/** How many hits of each scope a page may have at most, and shall have at least. */
export type Caps = { readonly [scope in SourceScope]?: { readonly min?: number; readonly max?: number } };

/**
 * The list that caps leave of a ranked one: page after page of `pageSize`, each in the order of the ranking. A page
 * takes the best `min` of each scope first, as far as there are such, then the best of the rest up to `max`. Where that
 * leaves a page short, the list ends. Without caps it is the list itself.
 */
export function capped<T>(
  ranked: readonly T[],
  caps: Caps | undefined,
  pageSize: number,
  scopeOf: (item: T) => SourceScope,
): T[] {
  const limits = (['tenant', 'global'] as const).filter((scope) => caps?.[scope] !== undefined);
  if (limits.length === 0) return [...ranked];
  const left = ranked.map((item, rank) => ({ item, rank, scope: scopeOf(item) }));
  const list: T[] = [];
  for (;;) {
    const page = nextPage(left, caps as Caps, pageSize);
    for (const { item } of page) list.push(item);
    if (page.length < pageSize) return list;
    const taken = new Set(page);
    let kept = 0;
    for (const place of left) if (!taken.has(place)) left[kept++] = place;
    left.length = kept;
  }
}

interface Place {
  readonly rank: number;
  readonly scope: SourceScope;
}

function nextPage<P extends Place>(left: readonly P[], caps: Caps, pageSize: number): P[] {
  const page = new Set<P>();
  const count = { tenant: 0, global: 0 };
  const take = (place: P) => {
    page.add(place);
    count[place.scope]++;
  };
  for (const place of left) if (count[place.scope] < (caps[place.scope]?.min ?? 0)) take(place);
  for (const place of left) {
    if (page.size >= pageSize) break;
    if (!page.has(place) && count[place.scope] < (caps[place.scope]?.max ?? Infinity)) take(place);
  }
  return [...page].sort((one, other) => one.rank - other.rank);
}
