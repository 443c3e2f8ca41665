import { type ApiVersion, timestamp } from "./clock.ts";
import type { Cloud } from "./cloud.ts";
import type { Schema } from "./operations.ts";
import { pathFault } from "./paths.ts";
import { type ListingQuery, listing } from "./server/listing.ts";

const LINK_EXPIRES_MS = 15 * 60_000;

/** A file that a browser has downloaded. */
export interface Download {
  /** Its name among the downloads; it may have folders in it. */
  readonly path: string;
  readonly data: string | Uint8Array;
  /** Its media type. Default: `application/octet-stream`. */
  readonly type?: string;
}

/**
 * Puts a file among the downloads of a browser, in place of one with the same path.
 *
 * @throws Error when there is no such browser.
 * @throws TypeError for a path that no file can have.
 */
export function addDownload(cloud: Cloud, browserId: string, { path, data, type }: Download): void {
  if (cloud.sessions.get(browserId)?.kind !== "browser") throw new Error(`the emulator has no browser ${browserId}`);
  const fault = pathFault(path);
  if (fault !== undefined) throw new TypeError(`${JSON.stringify(path)} cannot be the path of a download: ${fault}`);
  const bytes = typeof data === "string" ? Buffer.from(data) : new Uint8Array(data);
  cloud.bucket.put(`${folderOf(browserId)}/${path}`, { bytes, type: type ?? "application/octet-stream" });
}

/** One page of what a browser has downloaded, also after it was stopped. */
export function listDownloads(
  cloud: Cloud,
  browser: { readonly id: string },
  version: ApiVersion,
  query: ListingQuery & { readonly includeUrls: boolean },
  origin: string,
): Schema<"V2BrowserDownloadListResponse"> &
  Schema<"V3BrowserDownloadListResponse"> &
  Schema<"V4BrowserDownloadListResponse"> {
  const folder = folderOf(browser.id);
  const { files, nextCursor, hasMore } = listing(cloud.bucket.folder(folder), query);
  const linkOf = (path: string): string => cloud.bucket.presignGet(origin, `${folder}/${path}`, LINK_EXPIRES_MS);
  return {
    files: files.map(([path, { bytes, storedAt }]) => ({
      path,
      size: bytes.length,
      lastModified: timestamp(version, storedAt),
      url: query.includeUrls ? linkOf(path) : null,
    })),
    nextCursor,
    hasMore,
  };
}

function folderOf(browserId: string): string {
  return `downloads/${browserId}`;
}
