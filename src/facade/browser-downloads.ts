import { complete } from "./answers.ts";
import type { Context } from "./context.ts";
import { Download, type SignDownload } from "./download.ts";
import { DownloadError } from "./errors.ts";
import { allByCursor } from "./pages.ts";
import type { CallOptions, Ok } from "./types.ts";
import { toDate } from "./wire.ts";

const PATH = "/v3/browsers/{session_id}/downloads";

/** A file that the browser has downloaded. */
export interface BrowserDownload extends Readonly<Ok<typeof PATH, "get">["files"][number]> {}

/** What a browser has downloaded. A fresh address of a file comes with a fresh list alone. */
export async function* browserDownloads(
  context: Context,
  id: string,
  options: CallOptions,
): AsyncGenerator<Download<BrowserDownload>, void, undefined> {
  for await (const raw of rows(context, id, options)) {
    const { path, size, url } = raw;
    const file = {
      path,
      sizeBytes: size,
      lastModifiedAt: toDate(raw.lastModified) ?? undefined,
      url: url ?? undefined,
    };
    yield new Download(context.transport, { ...file, raw }, signer(context, id, path));
  }
}

function signer(context: Context, id: string, path: string): SignDownload {
  return async (options) => {
    for await (const row of rows(context, id, options)) {
      if (row.path === path && row.url) return { url: row.url, sizeBytes: row.size };
    }
    const message = `${JSON.stringify(path)} was not downloaded: browser ${id} does not list it any more.`;
    throw new DownloadError(message, { fileName: path });
  };
}

function rows({ api }: Context, id: string, options: CallOptions): AsyncGenerator<BrowserDownload, void, undefined> {
  return allByCursor(async (page) => {
    const params = { path: { session_id: id }, query: { ...page, includeUrls: true } };
    const data = complete(await api.GET(PATH, { params, ...options }), `GET ${PATH}`, "files");
    return { ...data, items: data.files };
  });
}
