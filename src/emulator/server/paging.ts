/** One page of a list whose pages are numbered from 1, as v2 and the shared resources have it. */
export interface Page<Item> {
  readonly items: Item[];
  readonly totalItems: number;
  readonly pageNumber: number;
  readonly pageSize: number;
}

/** Rows of one page, and how many there are on all pages. */
export interface Rows<Item> {
  readonly rows: readonly Item[];
  readonly total: number;
}

/** Cuts a page out of rows that are kept oldest first, newest first, and shows only those. */
export function page<Item, View>(
  all: readonly Item[],
  { pageNumber, pageSize }: { readonly pageNumber: number; readonly pageSize: number },
  view: (item: Item) => View,
): Page<View> {
  const { rows, total } = newestFirst(all, pageNumber, pageSize);
  return { items: rows.map(view), totalItems: total, pageNumber, pageSize };
}

/** Cuts a page out of rows that are kept oldest first: the newest come first. */
export function newestFirst<Item>(all: readonly Item[], pageNumber: number, pageSize: number): Rows<Item> {
  const end = Math.max(0, all.length - (pageNumber - 1) * pageSize);
  return { rows: all.slice(Math.max(0, end - pageSize), end).reverse(), total: all.length };
}

/** The rows that are wanted, in one pass and without a copy of the others: there may be very many of them. */
export function matching<Item>(items: Iterable<Item>, wanted: (item: Item) => boolean): Item[] {
  const found: Item[] = [];
  for (const item of items) if (wanted(item)) found.push(item);
  return found;
}
