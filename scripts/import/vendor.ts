import type { ApiVersion } from "../versions.ts";

/** What a document says of itself when nothing better is known. */
export function defaultInfo({ title, name }: ApiVersion): { title: string; version: string } {
  return { title, version: `${name.replace(/\D/g, "") || "0"}.0.0` };
}

/** Query parameters that page through a list; the vendor gives each a default, and most a range. */
export const pagingParameters: ReadonlySet<string> = new Set([
  ...["page", "pageNumber", "page_number"],
  ...["pageSize", "page_size", "limit"],
]);
