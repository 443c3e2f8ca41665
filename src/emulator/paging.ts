/** One page of a list whose pages are numbered from 1, as v2 and the shared resources have it. */
export interface Page<Item> {
  readonly items: Item[];
  readonly totalItems: number;
  readonly pageNumber: number;
  readonly pageSize: number;
}

/** Cuts a page out of all items and shows only those. */
export function page<Item, View>(
  all: readonly Item[],
  { pageNumber, pageSize }: { readonly pageNumber: number; readonly pageSize: number },
  view: (item: Item) => View,
): Page<View> {
  const items = all.slice((pageNumber - 1) * pageSize, pageNumber * pageSize).map(view);
  return { items, totalItems: all.length, pageNumber, pageSize };
}

/** The values of a map, newest first. */
export function newestFirst<Item>(items: ReadonlyMap<string, Item>): Item[] {
  return [...items.values()].reverse();
}
