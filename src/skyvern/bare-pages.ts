import { allPages, PAGE_SIZE } from "../facade/call/pages.ts";

/**
 * All items of a list whose pages are lists and nothing else: one that is shorter than was asked for is the last. An item that moves to
 * the next page meanwhile is given once.
 */
export async function* allBarePages<T>(
  fetchPage: (page: number) => Promise<readonly T[]>,
  idOf: (item: T) => string,
): AsyncGenerator<T, void, undefined> {
  const pages = allPages(async (page) => {
    const items = await fetchPage(page);
    const total = items.length < PAGE_SIZE ? 0 : Number.POSITIVE_INFINITY;
    return { items: items.map((item) => ({ id: idOf(item), item })), total };
  });
  for await (const { item } of pages) yield item;
}
