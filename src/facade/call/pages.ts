/** One page of a list that is counted by pages. */
export interface Page<T> {
  readonly items: readonly T[];
  /** How many there are in all. */
  readonly total: number;
}

/** The largest page that the service gives. */
export const PAGE_SIZE = 100;

/**
 * All items of all pages, fetched as they are asked for. An item that moves to the next page meanwhile is given once. Pages may be
 * shorter than was asked for; one that brings nothing new is the last.
 */
export async function* allPages<T extends { readonly id: string }>(
  fetchPage: (pageNumber: number) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  const given = new Set<string>();
  for (let pageNumber = 1, received = 0; ; pageNumber++) {
    const { items, total } = await fetchPage(pageNumber);
    const unknown = items.filter(({ id }) => !given.has(id) && given.add(id));
    yield* unknown;
    received += items.length;
    if (unknown.length === 0 || received >= total) return;
  }
}

/** All items of all pages of a list that is followed by a cursor. A cursor that was there before would go in a circle: it ends the list. */
export async function* allByCursor<T>(
  fetchPage: (query: { readonly limit: number; readonly cursor?: string }) => Promise<{
    readonly items: readonly T[];
    readonly hasMore?: boolean;
    readonly nextCursor?: string | null;
  }>,
): AsyncGenerator<T, void, undefined> {
  const cursors = new Set<string>();
  for (let cursor: string | undefined; ; ) {
    const { items, hasMore, nextCursor } = await fetchPage({ limit: PAGE_SIZE, ...(cursor && { cursor }) });
    yield* items;
    if (!hasMore || !nextCursor || cursors.has(nextCursor)) return;
    cursors.add(nextCursor);
    cursor = nextCursor;
  }
}
