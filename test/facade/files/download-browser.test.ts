import { expect, test } from "vitest";
import type { BrowserDownload, Download } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { answer, type Reply, Service, useFastTime } from "../../support/service.ts";

useFastTime();

const DOWNLOADS = "GET /v3/browsers/b1/downloads";
const link = (path: string, signature = "1") => `https://files.test/${path}?X-Amz-Signature=${signature}`;
const ofText =
  (text: string): Reply =>
  () =>
    new Response(text, { headers: { "Content-Length": `${text.length}` } });

const row = (path: string, changes: Partial<BrowserDownload> = {}): BrowserDownload => ({
  path,
  size: 3,
  lastModified: "2026-03-01T10:00:00Z",
  url: link(path),
  ...changes,
});
const page = (files: readonly object[], nextCursor: string | null = null) => ({
  files,
  hasMore: nextCursor !== null,
  nextCursor,
});

async function downloadsOf(service: Service): Promise<Download<BrowserDownload>[]> {
  const found: Download<BrowserDownload>[] = [];
  for await (const download of service.client().browsers.attach("b1").downloads()) found.push(download);
  return found;
}

test("What a browser has downloaded can be read as it is listed, and its row is there as it came", async () => {
  const service = new Service().on(DOWNLOADS, page([row("a.txt")])).on(`GET ${link("a.txt")}`, ofText("abc"));
  const [file] = await downloadsOf(service);
  expect(file).toMatchObject({ path: "a.txt", sizeBytes: 3, lastModifiedAt: new Date("2026-03-01T10:00:00Z") });
  expect(file?.raw).toEqual(row("a.txt"));
  expect(await file?.text()).toBe("abc");
  expect(service.sent).toHaveLength(2);
});

test("A link that has expired is looked up on whatever page the file is on now", async () => {
  const service = new Service()
    .on(
      DOWNLOADS,
      page([row("a.txt")]),
      page([row("b.txt")], "c1"),
      page([row("a.txt", { url: link("a.txt", "new") })]),
    )
    .on(`GET ${link("a.txt")}`, answer(403))
    .on(`GET ${link("a.txt", "new")}`, ofText("abc"));
  const [file] = await downloadsOf(service);
  expect(await file?.text()).toBe("abc");
  expect(service.sent.map(({ query }) => query["cursor"])).toEqual([undefined, undefined, undefined, "c1", undefined]);
});

test("A file that has grown since it was listed is read as it is now", async () => {
  const service = new Service()
    .on(DOWNLOADS, page([row("a.txt")]), page([row("a.txt", { size: 5 })]))
    .on(`GET ${link("a.txt")}`, ofText("abcde"));
  const [file] = await downloadsOf(service);
  expect(await file?.text()).toBe("abcde");
});

test("A file that is not listed any more, or has no link, is an error with its name", async () => {
  for (const later of [page([]), page([row("a.txt", { url: null })])]) {
    const service = new Service().on(DOWNLOADS, page([row("a.txt", { url: null })]), later);
    const [file] = await downloadsOf(service);
    const error = await rejection(file?.bytes() ?? Promise.resolve());
    expect(error).toMatchObject({ name: "DownloadError", fileName: "a.txt" });
  }
});

test("A row without a time of its own says so, in place of a wrong one", async () => {
  const service = new Service().on(DOWNLOADS, page([row("a.txt", { lastModified: "yesterday" })]));
  expect((await downloadsOf(service))[0]).toHaveProperty("lastModifiedAt", undefined);
});
