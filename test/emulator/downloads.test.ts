import { expect, test } from "vitest";
import type { Schema } from "../../src/emulator/operations.ts";
import { type Api, emulated, MISSING, outcome } from "./support.ts";

type List = Schema<"V2BrowserDownloadListResponse">;

async function browser(api: Api): Promise<string> {
  return (await api.post<{ id: string }>("/v2/browsers", {})).body.id;
}

test("a browser that has downloaded nothing has an empty list, and what is no browser has none", async () => {
  const api = await emulated();
  const empty = { files: [], nextCursor: null, hasMore: false };

  expect((await api.get(`/v3/browsers/${await browser(api)}/downloads?includeUrls=true`)).body).toEqual(empty);
  expect((await api.get(`/v3/browsers/${MISSING}/downloads`)).status).toBe(404);
  expect((await api.get(`/v2/browsers/${await api.sessionV2()}/downloads`)).status).toBe(404);
});

test("what a browser has downloaded is listed in v2 and v3, also after it was stopped", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 0, 1) });
  const id = await browser(api);
  api.emulator.addDownload(id, { path: "b/page.pdf", data: new Uint8Array([1, 2, 3]), type: "application/pdf" });
  api.emulator.addDownload(id, { path: "a.txt", data: "ä" });
  api.emulator.addDownload(await browser(api), { path: "other.txt", data: "" });
  await api.patch(`/v2/browsers/${id}`, { action: "stop" });

  const time = "2026-01-01T00:00:00.000";
  const files = (lastModified: string) => [
    { path: "a.txt", size: 2, lastModified, url: null },
    { path: "b/page.pdf", size: 3, lastModified, url: null },
  ];
  expect((await api.get<List>(`/v2/browsers/${id}/downloads`)).body.files).toEqual(files(`${time}000`));
  expect((await api.get<List>(`/v3/browsers/${id}/downloads`)).body.files).toEqual(files(`${time}Z`));
});

test("downloads come in pages, with links good for 15 minutes when asked for", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 0, 1) });
  const id = await browser(api);
  for (const name of ["a", "b", "c"]) api.emulator.addDownload(id, { path: name, data: name, type: "text/plain" });
  const list = async (query: string) =>
    (await api.get<List>(`/v3/browsers/${id}/downloads?includeUrls=true&limit=2${query}`)).body;
  const first = await list("");
  const second = await list(`&cursor=${first.nextCursor}`);

  expect([first.files.map(({ path }) => path), first.hasMore]).toEqual([["a", "b"], true]);
  expect([second.files.map(({ path }) => path), second.hasMore, second.nextCursor]).toEqual([["c"], false, null]);
  const url = second.files[0]?.url ?? "";
  api.emulator.advance(15 * 60_000 - 1_000);
  const response = await fetch(url);
  expect([response.headers.get("content-type"), await response.text()]).toEqual(["text/plain", "c"]);
  api.emulator.advance(1_000);
  expect(await outcome(await fetch(url))).toBe("403 AccessDenied");
});

test("a download of the same path replaces the one before, and is not changed by who gave it", async () => {
  const api = await emulated();
  const id = await browser(api);
  const data = new TextEncoder().encode("two");
  api.emulator.addDownload(id, { path: "a", data: "one" });
  api.emulator.addDownload(id, { path: "a", data });
  data.fill(0);

  const { files } = (await api.get<List>(`/v2/browsers/${id}/downloads?includeUrls=true`)).body;
  expect(files).toHaveLength(1);
  expect(await (await fetch(files[0]?.url ?? "")).text()).toBe("two");
});

test("a download needs a browser and a path that can be", async () => {
  const api = await emulated();
  const id = await browser(api);

  expect(() => api.emulator.addDownload(MISSING, { path: "a", data: "" })).toThrow(`no browser ${MISSING}`);
  for (const path of ["", "/a", "../a", "a/../b", "a/", "a\\b"]) {
    expect(() => api.emulator.addDownload(id, { path, data: "" })).toThrow(TypeError);
  }
});
