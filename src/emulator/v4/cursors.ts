import { problemsV4 } from "./problems.ts";

/** One page of a list that goes on after a cursor. */
export interface CursorPage<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
  readonly hasMore: boolean;
}

/** What of a list is asked for. */
export interface CursorQuery {
  readonly limit: number;
  readonly cursor?: string | null;
}

/** The service names no largest page for some lists. Ours end here, so that a client has to read `hasMore`. */
const MAX_LIMIT = 100;

/**
 * The newest rows first, from the one on that follows the cursor's. `all` is kept oldest first, by growing numbers; what is added meanwhile
 * shifts no page. A cursor is good for lists of its own name only.
 *
 * @throws Problem 400 for a cursor that is none, or of another list.
 */
export function newestAfter<Item>(
  list: string,
  all: Iterable<Item>,
  { limit, cursor }: CursorQuery,
  numberOf: (item: Item) => number,
): CursorPage<Item> {
  const before = cursor == null ? Number.POSITIVE_INFINITY : readCursor(list, cursor);
  const rows = [...all].filter((item) => numberOf(item) < before).reverse();
  const items = rows.slice(0, pageSize(limit, MAX_LIMIT));
  const last = items.at(-1);
  const hasMore = rows.length > items.length;
  return { items, hasMore, nextCursor: hasMore && last ? cursorAfter(list, numberOf(last)) : null };
}

/** How many rows a page has: at least one, whatever was asked for, or a client would never get on. */
export function pageSize(limit: number, most: number): number {
  return Math.min(Math.max(1, limit), most);
}

function cursorAfter(list: string, number: number): string {
  return Buffer.from(`${list} before ${number}`).toString("base64url");
}

function readCursor(list: string, cursor: string): number {
  const [, name, number] = /^(\w+) before (\d+)$/.exec(Buffer.from(cursor, "base64url").toString("utf8")) ?? [];
  if (name !== list) throw problemsV4.badCursor();
  return Number(number);
}
