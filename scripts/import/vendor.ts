import type { ApiVersion } from "../versions.ts";

/** The header that carries the key, and the name of its security scheme in the vendor's own files. */
export const keyHeader = "X-Browser-Use-API-Key";
export const keyScheme = "APIKeyHeader";

/** Paths that are no part of the client: gone from newer documents of the vendor. */
export const droppedPaths: readonly string[] = ["/boxes"];

/** What a document says of itself when nothing better is known. */
export function defaultInfo({ name }: ApiVersion): { title: string; version: string } {
  return { title: `Browser Use Public API ${name}`, version: `${name.replace(/\D/g, "") || "0"}.0.0` };
}

/** Query parameters that page through a list; the vendor gives each a default, and most a range. */
export const pagingParameters: ReadonlySet<string> = new Set([
  ...["page", "pageNumber", "page_number"],
  ...["pageSize", "page_size", "limit"],
]);
