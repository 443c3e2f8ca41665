import { byCodePoint } from "../code-points.ts";
import type { StoredObject } from "../s3/bucket.ts";
import { type Problem, problems } from "./problem.ts";

/** What of a folder's files is asked for. */
export interface ListingQuery {
  readonly limit: number;
  readonly cursor?: string | null;
  readonly prefix?: string;
  readonly shallow?: boolean;
}

/** One page of the files of a folder, in the order of their paths. */
export interface Listing {
  readonly files: readonly (readonly [path: string, object: StoredObject])[];
  readonly folders: string[];
  readonly nextCursor: string | null;
  readonly hasMore: boolean;
}

/**
 * Lists as S3 does: a page begins after the path that the one before ended with, so files that come and go shift nothing. A shallow page
 * counts a folder like a file.
 *
 * @throws Problem for a cursor that is none of ours: 422, unless `refusal` says otherwise.
 */
export function listing(
  files: ReadonlyMap<string, StoredObject>,
  query: ListingQuery,
  refusal: (cursor: string) => Problem = noCursor,
): Listing {
  const after = query.cursor == null ? "" : readCursor(query.cursor, refusal);
  const entries = [...new Set(entriesOf(files, query))].filter((entry) => byCodePoint(entry, after) > 0);
  const page = entries.sort(byCodePoint).slice(0, query.limit);
  const hasMore = entries.length > page.length;
  return {
    files: page.flatMap((path) => {
      const object = files.get(path);
      return object ? [[path, object] as const] : [];
    }),
    // Only the name: what is above it was asked for.
    folders: page.filter(isFolder).map((path) => path.split("/").at(-2) ?? ""),
    nextCursor: hasMore ? cursorAfter(page.at(-1) ?? "") : null,
    hasMore,
  };
}

/** The paths below a prefix; in a shallow list what lies deeper is cut off after its folder's slash. */
function* entriesOf(files: ReadonlyMap<string, StoredObject>, { prefix = "", shallow = false }: ListingQuery) {
  for (const path of files.keys()) {
    if (!path.startsWith(prefix)) continue;
    const slash = shallow ? path.indexOf("/", prefix.length) : -1;
    yield slash < 0 ? path : path.slice(0, slash + 1);
  }
}

function isFolder(entry: string): boolean {
  return entry.endsWith("/");
}

function cursorAfter(path: string): string {
  return Buffer.from(`after ${path}`).toString("base64url");
}

function readCursor(cursor: string, refusal: (cursor: string) => Problem): string {
  const path = /^after (.+)$/s.exec(Buffer.from(cursor, "base64url").toString("utf8"))?.[1];
  if (path === undefined) throw refusal(cursor);
  return path;
}

function noCursor(cursor: string): Problem {
  return problems.invalid(["query", "cursor"], "Not a cursor", "value_error", cursor);
}
