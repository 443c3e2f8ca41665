import { toDate } from "../call/wire.ts";
import { DownloadError } from "../errors.ts";
import type { CallOptions } from "../types.ts";
import type { SignDownload } from "./reading.ts";

/** A file as lists of the service show it. */
export interface ListedRow {
  readonly path: string;
  readonly size: number;
  readonly lastModified: string;
  readonly url?: string | null;
}

/** What a list says of a file, in our words. */
export function listedFile({ path, size, lastModified }: ListedRow): {
  readonly path: string;
  readonly sizeBytes: number;
  readonly lastModifiedAt: Date | undefined;
} {
  return { path, sizeBytes: size, lastModifiedAt: toDate(lastModified) ?? undefined };
}

/** Signs by asking for the list anew: a fresh address of a file comes with that alone. `missing`: why it may not be there, and with which status. */
export function signedByList(
  rows: (options: CallOptions) => AsyncIterable<{ readonly raw: ListedRow }>,
  path: string,
  missing: { readonly why: string; readonly status?: number },
): SignDownload {
  return async (options) => {
    for await (const { raw } of rows(options)) {
      if (raw.path === path && raw.url) return { url: raw.url, sizeBytes: raw.size };
    }
    const { why, ...status } = missing;
    throw new DownloadError(`${JSON.stringify(path)} was not downloaded: ${why}`, { fileName: path, ...status });
  };
}
