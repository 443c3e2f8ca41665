import { complete } from "../call/answers.ts";
import { allByCursor } from "../call/pages.ts";
import type { Context } from "../context.ts";
import type { CallOptions, Ok } from "../types.ts";
import { Download } from "./download.ts";
import { listedFile, signedByList } from "./listed-file.ts";

const PATH = "/v3/browsers/{session_id}/downloads";

/** A file that the browser has downloaded. */
export interface BrowserDownload extends Readonly<Ok<typeof PATH, "get">["files"][number]> {}

/** What a browser has downloaded. */
export async function* browserDownloads(
  { api, transport }: Context,
  id: string,
  options: CallOptions,
): AsyncGenerator<Download<BrowserDownload>, void, undefined> {
  const rows = (how: CallOptions) =>
    allByCursor(async (page) => {
      const params = { path: { session_id: id }, query: { ...page, includeUrls: true } };
      const data = complete(await api.GET(PATH, { params, ...how }), `GET ${PATH}`, "files");
      return { ...data, items: data.files.map((raw) => ({ raw })) };
    });
  const missing = { why: `browser ${id} does not list it any more.` };
  for await (const { raw } of rows(options)) {
    const file = { ...listedFile(raw), raw, url: raw.url ?? undefined };
    yield new Download(transport, file, signedByList(rows, raw.path, missing));
  }
}
