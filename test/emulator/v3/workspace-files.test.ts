import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { type Api, emulated, type Invalid, MISSING, outcome } from "../support.ts";

const get = async (url: string | null | undefined) => outcome(await fetch(url ?? "about:blank"));

/** All pages, each as its paths and folders. */
async function pages(api: Api, id: string, query: Record<string, string>): Promise<string[][]> {
  const found: string[][] = [];
  let cursor: string | null | undefined;
  do {
    const page = await api.filesV3(id, { ...query, ...(cursor ? { cursor } : {}) });
    found.push([...page.files.map(({ path }) => path), ...(page.folders ?? []).map((name) => `${name} (folder)`)]);
    expect(page.hasMore).toBe(page.nextCursor != null);
    cursor = page.nextCursor;
  } while (cursor != null);
  return found;
}

test("a file that was put by its link is listed, counted, and downloaded as it was", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 0, 1) });
  const id = await api.workspace();
  expect(await api.uploadV3(id, "data.csv", "a;b")).toBe("uploads/data.csv");

  const { files, ...rest } = await api.filesV3(id, { includeUrls: "true" });
  expect(rest).toEqual({ folders: [], nextCursor: null, hasMore: false });
  expect(files).toEqual([
    { path: "uploads/data.csv", size: 3, lastModified: "2026-01-01T00:00:00.000Z", url: expect.any(String) },
  ]);
  const response = await fetch(files[0]?.url ?? "");
  expect([response.headers.get("content-type"), await response.text()]).toEqual(["application/octet-stream", "a;b"]);
  expect((await api.filesV3(id)).files[0]?.url).toBeNull();
  const size = await api.get<Schema<"V3WorkspaceSizeResponse">>(`/v3/workspaces/${id}/size`);
  expect(size.body.usedBytes).toBe(3);
  expect(size.body.maxBytes).toBeGreaterThan(3);
});

test("a link that was not used leaves no file", async () => {
  const api = await emulated();
  const id = await api.workspace();
  await api.invite(id, { name: "data.csv", size: 3 });

  expect((await api.filesV3(id)).files).toEqual([]);
});

test("only the base name of a name counts, below the prefix or else below uploads", async () => {
  const api = await emulated();
  const id = await api.workspace();
  const pathOf = async (name: string, prefix?: string) => (await api.invite(id, { name, size: 1 }, prefix)).path;

  expect(await pathOf("a.csv")).toBe("uploads/a.csv");
  expect(await pathOf("some/where/a.csv")).toBe("uploads/a.csv");
  expect(await pathOf("some/where/a.csv", "in")).toBe("in/a.csv");
  expect(await pathOf("ä & b.csv", "in/2026/")).toBe("in/2026/ä & b.csv");
  expect(await api.invite(id, { name: "x/a.csv", size: 1 })).toMatchObject({ name: "x/a.csv" });
});

test("a name may have any sign in it that is no path", async () => {
  const api = await emulated();
  const id = await api.workspace();
  const names = ["a b", "50%", "%2e%2e", "a+b", "a?b=c", "a#b", "...", "😀é", "a'(b)*!~", "a:b|c", "&amp;"];
  for (const name of names) await api.uploadV3(id, name, name, "?x#/%2F y");

  const { files } = await api.filesV3(id, { includeUrls: "true" });
  expect(files.map(({ path }) => path).sort()).toEqual(names.map((name) => `?x#/%2F y/${name}`).sort());
  for (const { path, url } of files) expect(`?x#/%2F y/${await (await fetch(url ?? "")).text()}`).toBe(path);
});

test("of equal base names in one folder the last one stored stays, and one that differs only by folder is another file", async () => {
  const api = await emulated();
  const id = await api.workspace();
  const upload = `/v3/workspaces/${id}/files/upload`;
  const names = ["a/report.txt", "b/report.txt"];
  const { body } = await api.post<Schema<"V3FileUploadResponse">>(upload, {
    files: names.map((name) => ({ name, size: 1, contentType: "text/plain" })),
  });
  expect(body.files.map(({ name, path }) => [name, path])).toEqual([
    ["a/report.txt", "uploads/report.txt"],
    ["b/report.txt", "uploads/report.txt"],
  ]);
  for (const [index, text] of ["1", "2"].entries()) {
    const headers = { "Content-Type": "text/plain" };
    await fetch(body.files[index]?.uploadUrl ?? "", { method: "PUT", headers, body: text });
  }
  await api.uploadV3(id, "report.txt", "3", "other");

  const { files } = await api.filesV3(id, { includeUrls: "true" });
  expect(files.map(({ path, size }) => [path, size])).toEqual([
    ["other/report.txt", 1],
    ["uploads/report.txt", 1],
  ]);
  expect(await (await fetch(files[1]?.url ?? "")).text()).toBe("2");
});

test("a list is in the order of paths, in pages that lose and repeat nothing while files come and go", async () => {
  const api = await emulated();
  const id = await api.workspace();
  for (const name of ["d", "b", "a", "e", "c"]) await api.uploadV3(id, name, "1", "x");
  expect(await pages(api, id, { limit: "2" })).toEqual([["x/a", "x/b"], ["x/c", "x/d"], ["x/e"]]);
  expect(await pages(api, id, { limit: "5" })).toHaveLength(1);

  const first = await api.filesV3(id, { limit: "2" });
  await api.uploadV3(id, "aa", "1", "x");
  await api.delete(`/v3/workspaces/${id}/files?path=x/b`);
  const second = await api.filesV3(id, { limit: "2", cursor: first.nextCursor ?? "" });
  expect(second.files.map(({ path }) => path)).toEqual(["x/c", "x/d"]);
});

test("a prefix is the beginning of a path; a shallow list sums up what lies deeper as folders", async () => {
  const api = await emulated();
  const id = await api.workspace();
  for (const path of ["in/a", "in/b/c", "in/b/d", "in/b/e/f", "in/z", "into/g", "h/i"]) {
    const at = path.lastIndexOf("/");
    await api.uploadV3(id, path.slice(at + 1), "1", path.slice(0, at));
  }

  expect(await pages(api, id, { prefix: "in/b" })).toEqual([["in/b/c", "in/b/d", "in/b/e/f"]]);
  expect(await pages(api, id, { prefix: "in" })).toEqual([["in/a", "in/b/c", "in/b/d", "in/b/e/f", "in/z", "into/g"]]);
  expect(await pages(api, id, { shallow: "true" })).toEqual([["h (folder)", "in (folder)", "into (folder)"]]);
  expect(await pages(api, id, { shallow: "true", prefix: "in/" })).toEqual([["in/a", "in/z", "b (folder)"]]);
  expect(await pages(api, id, { shallow: "true", prefix: "in/", limit: "1" })).toEqual([
    ["in/a"],
    ["b (folder)"],
    ["in/z"],
  ]);
  expect(await pages(api, id, { prefix: "nothing" })).toEqual([[]]);
});

test("a path that leaves its folder is 422 everywhere", async () => {
  const api = await emulated();
  const files = `/v3/workspaces/${await api.workspace()}/files`;
  const item = { files: [{ name: "a", size: 1 }] };
  const bad = ["..", "../a", "a/../../b", "a/./b", "/etc", "a//b", "a\\..\\b", "a\0b", "a\nb"];
  const half = { files: [{ name: "a\ud800", size: 1 }] };
  expect((await api.post(`${files}/upload`, half)).status).toBe(422);
  for (const path of bad) {
    const encoded = encodeURIComponent(path);
    const answers = {
      name: await api.post<Invalid>(`${files}/upload`, { files: [item.files[0], { name: path, size: 1 }] }),
      upload: await api.post<Invalid>(`${files}/upload?prefix=${encoded}`, item),
      list: await api.get<Invalid>(`${files}?prefix=${encoded}`),
      delete: await api.delete<Invalid>(`${files}?path=${encoded}`),
    };
    expect(Object.entries(answers).map(([place, { status }]) => [path, place, status])).toEqual(
      Object.keys(answers).map((place) => [path, place, 422]),
    );
    expect(answers.name.body.detail[0]?.loc).toEqual(["body", "files", 1, "name"]);
    expect(answers.upload.body.detail[0]?.loc).toEqual(["query", "prefix"]);
  }
  expect((await api.post(`${files}/upload`, { files: [{ name: "folder/", size: 1 }] })).status).toBe(422);
  expect((await api.delete(`${files}?path=`)).status).toBe(422);
  // With the escape in the path of the request itself, the URL is another one before it is sent.
  expect((await api.get(`${files}/%2e%2e/secret`)).status).toBe(404);
});

test("one to ten files are asked for at once, with a name and a size that can be", async () => {
  const api = await emulated();
  const upload = `/v3/workspaces/${await api.workspace()}/files/upload`;
  const ask = async (...files: object[]) => (await api.post(upload, { files })).status;
  const file = { name: "a", size: 1 };

  expect(await ask()).toBe(422);
  expect(await ask(...Array(10).fill(file))).toBe(200);
  expect(await ask(...Array(11).fill(file))).toBe(422);
  expect(await ask({ ...file, size: 0 })).toBe(422);
  expect(await ask({ ...file, name: "" })).toBe(422);
  expect(await ask({ ...file, name: "x".repeat(256) })).toBe(422);
  expect(await ask({ name: "no-size" })).toBe(200);
});

test("a link to put is good for five minutes, one to get for one minute", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 0, 1) });
  const id = await api.workspace();
  const { uploadUrl } = await api.invite(id, { name: "a", size: 1, contentType: "text/plain" });
  const put = async () =>
    outcome(await fetch(uploadUrl, { method: "PUT", headers: { "Content-Type": "text/plain" }, body: "1" }));
  api.emulator.advance(299_000);
  expect(await put()).toBe("200");
  api.emulator.advance(1_000);
  expect(await put()).toBe("403 AccessDenied");

  const [file] = (await api.filesV3(id, { includeUrls: "true" })).files;
  api.emulator.advance(59_000);
  expect(await get(file?.url)).toBe("200");
  api.emulator.advance(1_000);
  expect(await get(file?.url)).toBe("403 AccessDenied");
});

test("a file that was deleted is gone: from the list, the size and its links; a second time it is 404", async () => {
  const api = await emulated();
  const id = await api.workspace();
  await api.uploadV3(id, "ä b.txt", "1");
  await api.uploadV3(id, "c.txt", "22");
  const [url] = (await api.filesV3(id, { includeUrls: "true" })).files.map((file) => file.url).reverse();
  const path = `/v3/workspaces/${id}/files?path=${encodeURIComponent("uploads/ä b.txt")}`;

  expect(await get(url)).toBe("200");
  expect((await api.delete(path)).status).toBe(204);
  expect((await api.delete(path)).status).toBe(404);
  expect(await get(url)).toBe("404 NoSuchKey");
  expect((await api.filesV3(id)).files.map((file) => file.path)).toEqual(["uploads/c.txt"]);
  expect((await api.get(`/v3/workspaces/${id}/size`)).body).toMatchObject({ usedBytes: 2 });
  expect((await api.delete(`/v3/workspaces/${id}/files?path=uploads`)).status).toBe(404);
});

test("workspaces know nothing of each other's files, and one that was deleted has none", async () => {
  const api = await emulated();
  const [one, two] = [await api.workspace(), await api.workspace()];
  await api.uploadV3(one, "a", "1");

  expect((await api.filesV3(two)).files).toEqual([]);
  const [file] = (await api.filesV3(one, { includeUrls: "true" })).files;
  await api.delete(`/v3/workspaces/${one}`);
  expect(await get(file?.url)).toBe("404 NoSuchKey");
  const upload = { files: [{ name: "a", size: 1 }] };
  for (const id of [one, MISSING]) {
    const files = `/v3/workspaces/${id}/files`;
    expect((await api.get(files)).status).toBe(404);
    expect((await api.post(`${files}/upload`, upload)).status).toBe(404);
    expect((await api.delete(`${files}?path=uploads/a`)).status).toBe(404);
    expect((await api.get(`/v3/workspaces/${id}/size`)).status).toBe(404);
  }
});

test("a cursor that is none is 422", async () => {
  const api = await emulated();
  const files = `/v3/workspaces/${await api.workspace()}/files`;

  for (const cursor of ["", "x", "2", "%00"]) expect((await api.get(`${files}?cursor=${cursor}`)).status).toBe(422);
});
