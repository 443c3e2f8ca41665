import { isRecord } from "../facade/call/redact.ts";

/**
 * All items of a list whose pages are lists and nothing else. How many there are is not told, and a service may give fewer per page than it
 * was asked for: the first page that brings nothing new is the last. An item that moves to the next page meanwhile is given once; one that
 * has no id is given as it comes.
 */
export async function* allBarePages<T extends object>(
  fetchPage: (page: number) => Promise<readonly T[]>,
  idOf: (item: T) => unknown,
): AsyncGenerator<T, void, undefined> {
  const given = new Set<unknown>();
  for (let page = 1, known = -1; given.size > known; page++) {
    known = given.size;
    for (const item of rowsOf(await fetchPage(page))) {
      const id = idOf(item);
      if (given.has(id)) continue;
      if (isId(id)) given.add(id);
      yield item;
    }
  }
}

/** The rows that say anything. */
export function rowsOf<T extends object>(list: readonly T[]): T[] {
  return list.filter((row) => isRecord(row));
}

/** Whether a value can tell one thing from others. */
export function isId(id: unknown): id is string {
  return typeof id === "string" && id !== "";
}
