import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { emulated, MINUTE, MISSING, outcome, type Refusal } from "../support.ts";
import { ApiV4, never, put } from "./support.ts";

type List = Schema<"V4WorkspaceFileListResponse">;
type Attachments = Schema<"V4RunAttachmentsResponse">;

async function v4(options: Parameters<typeof emulated>[0] = {}): Promise<{ v: ApiV4; workspaceId: string }> {
  const v = new ApiV4(await emulated({ startDelayMs: 1, ...options }));
  return { v, workspaceId: (await v.api.post<{ id: string }>("/v4/workspaces", {})).body.id };
}

const files = async (v: ApiV4, workspaceId: string, query = ""): Promise<List> =>
  (await v.api.get<List>(`/v4/workspaces/${workspaceId}/files?${query}`)).body;

test("a file is uploaded by a link to uploads, and is there for v3 and for the agent as well", async () => {
  const { v, workspaceId } = await v4({
    onTask: (job) => [...job.files].map(([path, data]) => path + data.length).join(),
  });
  const item = await v.invite(workspaceId, { name: "data.csv", size: 3, contentType: "text/csv" });
  expect(item).toMatchObject({
    name: "data.csv",
    storedName: "data.csv",
    path: "uploads/data.csv",
    willOverride: false,
  });
  expect((await files(v, workspaceId)).files).toEqual([]);
  expect((await put(item.uploadUrl, "a;b", "text/csv")).status).toBe(200);

  expect((await files(v, workspaceId)).files).toMatchObject([{ path: "uploads/data.csv", size: 3, url: null }]);
  expect((await v.api.filesV3(workspaceId)).files).toMatchObject([{ path: "uploads/data.csv", size: 3 }]);
  expect((await v.ended({ workspaceId })).result).toBe("uploads/data.csv3");
});

test("the link takes exactly the type and the length it was signed for, for five minutes", async () => {
  const { v, workspaceId } = await v4({ now: () => Date.UTC(2026, 0, 1) });
  const { uploadUrl } = await v.invite(workspaceId, { name: "a.txt", size: 3, contentType: "text/plain" });

  expect(await outcome(await put(uploadUrl, "four", "text/plain"))).toBe("403 SignatureDoesNotMatch");
  expect(await outcome(await put(uploadUrl, "abc", "text/csv"))).toBe("403 SignatureDoesNotMatch");
  v.api.emulator.advance(5 * MINUTE - 1_000);
  expect((await put(uploadUrl, "abc", "text/plain")).status).toBe(200);
  v.api.emulator.advance(1_000);
  expect(await outcome(await put(uploadUrl, "abc", "text/plain"))).toBe("403 AccessDenied");
});

test("a file of the same stored name is replaced, which the invitation says before", async () => {
  const { v, workspaceId } = await v4();
  await v.upload(workspaceId, "a b?.txt", "old");
  const item = await v.invite(workspaceId, { name: "sub/a b*.txt", size: 3 });

  expect(item).toMatchObject({ storedName: "a b_.txt", path: "uploads/a b_.txt", willOverride: true });
  await put(item.uploadUrl, "new");
  const { files: all } = await files(v, workspaceId, "includeUrls=true");
  expect(all).toHaveLength(1);
  expect(await (await fetch(all[0]?.url ?? "")).text()).toBe("new");
});

test.each([".", "..", "a/..", "a/", " ", "a\\.."])("no file can be stored by the name %j: 400", async (name) => {
  const { v, workspaceId } = await v4();
  const path = `/v4/workspaces/${workspaceId}/files/upload`;
  const { status, body } = await v.api.post<Refusal>(path, { files: [{ name, size: 1 }] });

  expect([status, body.detail]).toEqual([400, expect.stringContaining("Invalid file name")]);
});

test("an invitation is for 1 to 10 files of 1 byte to 50 MiB, and the size must be told", async () => {
  const { v, workspaceId } = await v4();
  const ask = async (...items: object[]) =>
    (await v.api.post(`/v4/workspaces/${workspaceId}/files/upload`, { files: items })).status;
  const file = { name: "a", size: 1 };

  expect(await ask()).toBe(422);
  expect(await ask(...Array(10).fill(file))).toBe(200);
  expect(await ask(...Array(11).fill(file))).toBe(422);
  expect(await ask({ name: "a" })).toBe(422);
  expect(await ask({ name: "a", size: 0 })).toBe(422);
  expect(await ask({ name: "a", size: 52_428_800 })).toBe(200);
  expect(await ask({ name: "a", size: 52_428_801 })).toBe(422);
  expect(await ask({ name: "a", size: 1, path: "b" })).toBe(422);
  expect((await v.api.post(`/v4/workspaces/${MISSING}/files/upload`, { files: [file] })).status).toBe(404);
});

test("files are listed by path in pages, by the beginning of their path, with links good for a minute", async () => {
  const { v, workspaceId } = await v4({ now: () => Date.UTC(2026, 0, 1) });
  for (const name of ["c", "a", "b"]) await v.upload(workspaceId, name, name);
  const first = await files(v, workspaceId, "limit=2");
  const second = await files(v, workspaceId, `limit=2&cursor=${first.nextCursor}`);

  expect([first, second].map((page) => page.files.map(({ path }) => path))).toEqual([
    ["uploads/a", "uploads/b"],
    ["uploads/c"],
  ]);
  expect([first.hasMore, second.hasMore, second.nextCursor]).toEqual([true, false, null]);
  expect((await files(v, workspaceId, "prefix=uploads/b")).files).toHaveLength(1);
  expect((await files(v, workspaceId, "prefix=other")).files).toEqual([]);
  const url = (await files(v, workspaceId, "includeUrls=true")).files[0]?.url ?? "";
  v.api.emulator.advance(MINUTE - 1_000);
  expect(await (await fetch(url)).text()).toBe("a");
  v.api.emulator.advance(1_000);
  expect(await outcome(await fetch(url))).toBe("403 AccessDenied");
});

test("a link to an attachment says so to a web browser, and cannot be made to say otherwise", async () => {
  const { v, workspaceId } = await v4();
  await v.upload(workspaceId, "a.html", "<p>");
  const linked = async (query: string) => (await files(v, workspaceId, `includeUrls=true${query}`)).files[0]?.url ?? "";
  const disposition = async (url: string) => (await fetch(url)).headers.get("content-disposition");

  expect(await disposition(await linked(""))).toBeNull();
  const url = await linked("&contentDisposition=attachment");
  expect(await disposition(url)).toBe("attachment");
  expect(await outcome(await fetch(url.replace("=attachment", "=inline")))).toBe("403 SignatureDoesNotMatch");
  expect((await v.api.get(`/v4/workspaces/${workspaceId}/files?contentDisposition=inline`)).status).toBe(422);
});

test("a cursor of files that is none is 400, and a workspace that is none 404", async () => {
  const { v, workspaceId } = await v4();

  for (const cursor of ["", "x", "%00"]) {
    const { status, body } = await v.api.get<Refusal>(`/v4/workspaces/${workspaceId}/files?cursor=${cursor}`);
    expect([cursor, status, body.detail]).toEqual([cursor, 400, "Malformed pagination cursor"]);
  }
  expect((await v.api.get(`/v4/workspaces/${MISSING}/files`)).status).toBe(404);
});

test("attached files are those that have come, in the run's own workspace; the others are named", async () => {
  const { v, workspaceId } = await v4({ onTask: never });
  const other = (await v.api.post<{ id: string }>("/v4/workspaces", {})).body.id;
  const [one, two] = [await v.upload(workspaceId, "one.txt", "1"), await v.upload(workspaceId, "two.txt", "22")];
  const late = await v.invite(workspaceId, { name: "late.txt", size: 1 });
  const elsewhere = await v.upload(other, "one.txt", "1");
  const attachedFileIds = [two.id, MISSING, late.id, elsewhere.id, one.id, two.id];
  const { body } = await v.create({ workspaceId, attachedFileIds });

  expect(body.missingFileIds).toEqual([MISSING, late.id, elsewhere.id]);
  expect((await v.run(body.id)).attachedFileIds).toEqual([two.id, one.id]);
  expect((await v.api.get<Attachments>(`/v4/runs/${body.id}/attachments`)).body.attachments).toEqual([
    { id: two.id, name: "two.txt", contentType: "application/octet-stream", sizeBytes: 2, status: "uploaded" },
    { id: one.id, name: "one.txt", contentType: "application/octet-stream", sizeBytes: 1, status: "uploaded" },
  ]);
});

test("a file whose bytes have gone is pending among the attachments", async () => {
  const { v, workspaceId } = await v4({ onTask: never });
  const { id: fileId, path } = await v.upload(workspaceId, "a", "1");
  const { id } = (await v.create({ workspaceId, attachedFileIds: [fileId] })).body;
  await v.api.delete(`/v3/workspaces/${workspaceId}/files?path=${path}`);

  const { attachments } = (await v.api.get<Attachments>(`/v4/runs/${id}/attachments`)).body;
  expect(attachments.map(({ status }) => status)).toEqual(["pending"]);
});

test("a second invitation for a file that is there counts as come only when it has replaced it", async () => {
  const { v, workspaceId } = await v4({ onTask: never });
  await v.upload(workspaceId, "a", "1");
  const again = await v.invite(workspaceId, { name: "a", size: 1 });
  const missing = async () => (await v.create({ workspaceId, attachedFileIds: [again.id] })).body.missingFileIds;

  expect(await missing()).toEqual([again.id]);
  await put(again.uploadUrl, "2");
  expect(await missing()).toEqual([]);
  await v.api.delete(`/v3/workspaces/${workspaceId}/files?path=${again.path}`);
  expect(await missing()).toEqual([again.id]);
});

test("a run without attached files has none, and one whose files are all missing has an empty list", async () => {
  const { v } = await v4({ onTask: never });
  const [none, missing] = [(await v.create()).body, (await v.create({ attachedFileIds: [MISSING] })).body];

  expect([(await v.run(none.id)).attachedFileIds, (await v.run(missing.id)).attachedFileIds]).toEqual([null, []]);
  expect((await v.api.get<Attachments>(`/v4/runs/${none.id}/attachments`)).body.attachments).toEqual([]);
});

test("a message of the queue gives its files to the run it becomes", async () => {
  const { v, workspaceId } = await v4({ onTask: ({ task }) => (task === "first" ? "done" : never()) });
  const { id } = await v.upload(workspaceId, "a", "1");
  const { sessionId } = await v.ended({ task: "first", workspaceId });
  const { body } = await v.send(sessionId, "second", { attachedFileIds: [id, MISSING] });

  expect(body.attachedFileIds).toEqual([id, MISSING]);
  expect((await v.run(body.runId ?? "")).attachedFileIds).toEqual([id]);
});

test("what the agent writes is in the workspace, and not among the attachments", async () => {
  const { v, workspaceId } = await v4({ onTask: ({ write }) => write("out/a.csv", "x", "text/csv") });
  const { id } = await v.ended({ workspaceId });

  const { files: all } = await files(v, workspaceId, "includeUrls=true");
  expect(all.map(({ path }) => path)).toEqual(["out/a.csv"]);
  expect((await fetch(all[0]?.url ?? "")).headers.get("content-type")).toBe("text/csv");
  expect((await v.api.get<Attachments>(`/v4/runs/${id}/attachments`)).body.attachments).toEqual([]);
});
