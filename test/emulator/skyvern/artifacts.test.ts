import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { SkyvernEmulatorOptions } from "../../../src/emulator/index.ts";
import type { Schema } from "../../../src/emulator/skyvern/operations.ts";
import { type Api, emulated } from "./support.ts";

type Artifact = Schema<"V1Artifact">;

const BYTES = "0123456789";

/** An agent that leaves two artifacts and a download. */
const options: SkyvernEmulatorOptions = {
  onTask: async (task) => {
    await task.write("screenshot_final", "picture", "image/png");
    await task.write("html", BYTES, "text/html");
    await task.download("bill ä.pdf", Buffer.from(BYTES), "application/pdf");
  },
};

const list = async (api: Api, id: string, query = "") =>
  (await api.get<Artifact[]>(`/v1/runs/${id}/artifacts${query}`)).body;

/** The signed link of a ten-byte artifact. */
async function link(api: Api): Promise<string> {
  const [artifact] = await list(api, (await api.ended()).run_id, "?artifact_type=html");
  return artifact?.signed_url ?? "";
}

test("artifacts are listed by type, by as many as are named, and all when none is", async () => {
  const api = await emulated(options);
  const { run_id: id } = await api.ended();
  const types = async (query: string) => (await list(api, id, query)).map(({ artifact_type: type }) => type);

  expect(await types("")).toEqual(["screenshot_final", "html", "download"]);
  expect(await types("?artifact_type=html")).toEqual(["html"]);
  expect(await types("?artifact_type=html&artifact_type=download")).toEqual(["html", "download"]);
  expect(await types("?artifact_type=none")).toEqual([]);
});

test("a run that does not exist has no artifacts, which is no 404", async () => {
  const api = await emulated();
  expect(await api.get("/v1/runs/tsk_1/artifacts")).toMatchObject({ status: 200, body: [] });
});

test("a download is listed by its run and by its session, with its name, size and checksum", async () => {
  const api = await emulated(options);
  const { browser_session_id: id } = await api.session();
  const run = await api.ended({ browser_session_id: id });
  const file = {
    filename: "bill ä.pdf",
    file_size: 10,
    checksum: createHash("sha256").update(BYTES).digest("hex"),
    artifact_id: expect.any(String),
  };

  expect(run.downloaded_files).toMatchObject([file]);
  const { downloaded_files: files } = await api.readSession(id);
  expect(files).toMatchObject([file]);
  expect(await (await fetch(files?.[0]?.url ?? "")).text()).toBe(BYTES);
});

test("screenshots are linked from the run", async () => {
  const api = await emulated(options);
  const { screenshot_urls: urls } = await api.ended();

  expect(urls).toHaveLength(1);
  const response = await fetch(urls?.[0] ?? "");
  expect([response.headers.get("content-type"), await response.text()]).toEqual(["image/png", "picture"]);
});

test("a signed link gives the bytes without the key, and refuses the key", async () => {
  const api = await emulated(options);
  const url = await link(api);
  const response = await fetch(url);

  expect([response.status, await response.text()]).toEqual([200, BYTES]);
  expect([response.headers.get("content-length"), response.headers.get("accept-ranges")]).toEqual(["10", "bytes"]);
  for (const headers of [{ "x-api-key": api.emulator.apiKey }, { Authorization: `Bearer ${api.emulator.apiKey}` }]) {
    expect((await fetch(url, { headers: headers as Record<string, string> })).status).toBe(400);
  }
});

test.each([
  ["bytes=2-4", 206, "234", "bytes 2-4/10"],
  ["bytes=7-", 206, "789", "bytes 7-9/10"],
  ["bytes=-2", 206, "89", "bytes 8-9/10"],
  ["bytes=5-99", 206, "56789", "bytes 5-9/10"],
  ["lines=1-2", 200, BYTES, null],
])("the range %j is %i", async (range, status, text, contentRange) => {
  const api = await emulated(options);
  const response = await fetch(await link(api), { headers: { Range: range } });

  expect([response.status, await response.text(), response.headers.get("content-range")]).toEqual([
    status,
    text,
    contentRange,
  ]);
});

test("a range beyond the bytes is 416 with a detail, and says how many there are", async () => {
  const api = await emulated(options);
  const response = await fetch(await link(api), { headers: { Range: "bytes=10-" } });

  expect([response.status, response.headers.get("content-range")]).toEqual([416, "bytes */10"]);
  expect(await response.json()).toEqual({ detail: expect.any(String) });
});

test("a link that is not signed, signed for another, or too old is 403", async () => {
  const api = await emulated(options);
  const url = new URL(await link(api));
  const other = url.href.replace(/(?<=artifacts\/)\w+/, "a_1");
  const longer = new URL(url);
  longer.searchParams.set("expires", String(Number(url.searchParams.get("expires")) + 1));

  expect((await fetch(url.origin + url.pathname)).status).toBe(403);
  expect((await fetch(other)).status).toBe(403);
  expect((await fetch(longer)).status).toBe(403);
  api.emulator.advance(60 * 60_000 - 5_000);
  expect((await fetch(url)).status).toBe(200);
  api.emulator.advance(5_000);
  expect((await fetch(url)).status).toBe(403);
});

test("HEAD tells the size and sends no bytes", async () => {
  const api = await emulated(options);
  const response = await fetch(await link(api), { method: "HEAD" });

  expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "10", ""]);
  expect((await fetch(await link(api), { method: "POST" })).status).toBe(405);
});

test("what an agent does with its bytes afterwards does not change the artifact", async () => {
  const bytes = Buffer.from(BYTES);
  const api = await emulated({
    onTask: async ({ write }) => {
      await write("html", bytes);
      bytes.fill(0);
    },
  });

  expect(await (await fetch(await link(api))).text()).toBe(BYTES);
});
