import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { DownloadableFile } from "../../../src/facade/files/download.ts";
import { DownloadError, InvalidInputError } from "../../../src/index.ts";
import { API_KEY, rejection } from "../../support/clients.ts";
import { type Act, type FaultServer, raw, reply, startFaultServer } from "../../support/fault-server.ts";
import { digest, from, give, giveChunked, refuse, SECRET, someBytes } from "../../support/file-store.ts";

afterEach(() => vi.restoreAllMocks());

const DATA = someBytes(200_000);

/** The same, listed with an address. */
const fromListed = (acts: readonly Act[], file: Partial<DownloadableFile> = {}, signs: object = {}) =>
  from(acts, { url: "/listed", ...file }, signs);

const pathsOf = ({ requests }: FaultServer) => requests.map(({ path }) => path.replace(/\?.*/, ""));

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe("A file", () => {
  test("is read whole as bytes, as text and as a stream, each time from a fresh address", async () => {
    const { store, download, sign } = await from([give(DATA)]);
    expect(store.requests).toEqual([]);
    expect(digest(await download.bytes())).toBe(digest(DATA));
    expect(digest(await collect(download.stream()))).toBe(digest(DATA));
    expect(sign).toHaveBeenCalledTimes(2);
    expect(pathsOf(store)).toEqual(["/signed-1", "/signed-2"]);
    const text = await from([give(new TextEncoder().encode("Zoë\n"))]);
    expect(await text.download.text()).toBe("Zoë\n");
  });

  test("is asked for without the key, and uncompressed", async () => {
    const { store, download } = await from([give(DATA)]);
    await download.bytes();
    const [request] = store.requests;
    expect(JSON.stringify(request)).not.toContain(API_KEY);
    expect(request?.headers).not.toHaveProperty("x-browser-use-api-key");
    expect(request?.headers).toHaveProperty("accept-encoding", "identity");
  });

  test("begins with the address of its listing, which is used once", async () => {
    const { store, download, sign } = await fromListed([give(DATA)]);
    await download.bytes();
    expect(sign).not.toHaveBeenCalled();
    await download.bytes();
    expect(pathsOf(store)).toEqual(["/listed", "/signed-1"]);
  });

  test("of 0 bytes is a file", async () => {
    const { download } = await from([give(new Uint8Array())], { sizeBytes: 0 });
    expect(await download.bytes()).toEqual(new Uint8Array());
    expect(await download.text()).toBe("");
    expect(await collect(download.stream())).toEqual(new Uint8Array());
  });

  test("tells what the listing knew, and shows its address nowhere but in the raw row", async () => {
    const lastModifiedAt = new Date("2026-03-01T10:00:00Z");
    const row = { path: "out/report.csv", url: `https://files.test/?${SECRET}` };
    const { download } = await from([], { sizeBytes: 7, lastModifiedAt, url: row.url, raw: row });
    expect(download).toMatchObject({ path: "out/report.csv", sizeBytes: 7, lastModifiedAt });
    expect(download.raw).toBe(row);
    expect(inspect(download, { depth: 9 }) + JSON.stringify(download)).not.toContain(SECRET);
  });

  test("tells how far it has come", async () => {
    const { download } = await from([give(DATA)]);
    const told: object[] = [];
    await download.bytes({ onProgress: (progress) => told.push(progress) });
    expect(told.at(-1)).toEqual({ path: "out/report.csv", receivedBytes: DATA.length, totalBytes: DATA.length });
  });

  test("two of them one after the other need one connection", async () => {
    const { store, download } = await from([give(DATA)]);
    await download.bytes();
    // The connection is free again a moment after its last byte.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await download.bytes();
    expect(store.open.size).toBe(1);
  });
});

describe("What the store sends is never taken for the file when", () => {
  test.each(["http://files.test/a", "ftp://127.0.0.1/a", "file:///etc/passwd", "//files.test/a", ""])(
    "the address is %j, which nothing is sent to",
    async (url) => {
      const { store, download } = await from([give(DATA)], {}, { url });
      const error = await rejection(download.bytes());
      expect(error).toBeInstanceOf(DownloadError);
      expect(error).toHaveProperty("message", expect.stringContaining("not https"));
      expect(store.requests).toEqual([]);
    },
  );

  test("it redirects, which is not followed", async () => {
    const other = await startFaultServer(give(DATA));
    const redirect = reply({ status: 307, headers: { Location: `${other.origin}/elsewhere` }, body: "" });
    const { store, download } = await from([redirect]);
    expect(await rejection(download.bytes())).toMatchObject({ code: "download", status: 307 });
    expect(store.requests).toHaveLength(1);
    expect(other.requests).toEqual([]);
  });

  test("it refuses: the error has its status and its code, and no address", async () => {
    const message = `No key at http://files.test/a?${SECRET}`;
    const { store, download, sign } = await from([refuse(404, "NoSuchKey", message)]);
    const error = await rejection(download.bytes());
    expect(error).toMatchObject({
      name: "DownloadError",
      status: 404,
      storeCode: "NoSuchKey",
      fileName: "out/report.csv",
    });
    expect(error).toHaveProperty("message", expect.stringMatching(/^"out\/report.csv" .*404 \(NoSuchKey: No key at/));
    expect(inspect(error, { depth: 9 })).not.toContain("5ec4e75ec4e7");
    expect([store.requests.length, sign.mock.calls.length]).toEqual([1, 1]);
  });

  test("a refusal has no end: it is not read to it", async () => {
    const closed = vi.fn();
    const endless: Act = (socket) => {
      socket.write("HTTP/1.1 404 Not\r\nTransfer-Encoding: chunked\r\n\r\n");
      const timer = setInterval(() => socket.write(`1000\r\n${"x".repeat(4096)}\r\n`), 1);
      socket.on("close", () => clearInterval(timer)).on("close", closed);
    };
    const { download } = await from([endless]);
    expect(await rejection(download.bytes())).toMatchObject({ status: 404 });
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  test("it says a length and the listing another, even for a fresh address", async () => {
    const { store, download, sign } = await fromListed([give(DATA)], { sizeBytes: 7 }, { sizeBytes: 8 });
    const error = await rejection(download.bytes());
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toHaveProperty("message", expect.stringContaining("not as long as was listed"));
    expect([store.requests.length, sign.mock.calls.length]).toEqual([2, 1]);
  });

  test("it does not say how long the file is, and nobody else has", async () => {
    const { download } = await from([giveChunked(DATA, true)]);
    expect(await rejection(download.bytes())).toHaveProperty("message", expect.stringContaining("how long"));
  });

  test("it is cut short without a length, and the listing knows better", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { store, download } = await from([giveChunked(DATA.subarray(0, 5), false)], { sizeBytes: DATA.length });
    const error = await rejection(download.bytes());
    expect(error).toBeInstanceOf(DownloadError);
    expect(store.requests).toHaveLength(4);
  });

  test("it is longer than the listing says", async () => {
    const { store, download } = await from([giveChunked(DATA, true)], { sizeBytes: DATA.length - 1 });
    expect(await rejection(download.bytes())).toHaveProperty("message", expect.stringContaining("longer"));
    expect(store.requests).toHaveLength(1);
  });

  test("it answers a part of it, or something else than a file", async () => {
    for (const status of [202, 203, 206]) {
      const { download } = await from([reply({ status, body: "half" })]);
      expect(await rejection(download.bytes())).toMatchObject({ code: "download", status });
    }
  });
});

describe("An address that is too old", () => {
  test.each<[string, Act]>([
    ["S3 says", refuse(403, "AccessDenied", "Request has expired")],
    ["others say", refuse(400, "ExpiredToken", "The provided token has expired.")],
  ])("is replaced by a fresh one, as %s so", async (_, expired) => {
    const { store, download, sign } = await fromListed([expired, give(DATA)]);
    expect(digest(await download.bytes())).toBe(digest(DATA));
    expect(pathsOf(store)).toEqual(["/listed", "/signed-1"]);
    expect(sign).toHaveBeenCalledTimes(1);
  });

  test("is not the reason when a fresh one is refused as well", async () => {
    const { store, download, sign } = await fromListed([refuse(403, "AccessDenied")]);
    expect(await rejection(download.bytes())).toMatchObject({ status: 403, storeCode: "AccessDenied" });
    expect([store.requests.length, sign.mock.calls.length]).toEqual([2, 1]);
  });

  test("does not cost a second one where the first was fresh", async () => {
    const { store, download, sign } = await from([refuse(403, "AccessDenied")]);
    expect(await rejection(download.bytes())).toMatchObject({ status: 403 });
    expect([store.requests.length, sign.mock.calls.length]).toEqual([1, 1]);
  });

  test("and a file that was replaced since it was listed: the new one is read, whole", async () => {
    const { store, download } = await fromListed([give(DATA)], { sizeBytes: 7 }, { sizeBytes: DATA.length });
    expect(digest(await download.bytes())).toBe(digest(DATA));
    expect(pathsOf(store)).toEqual(["/listed", "/signed-1"]);
  });

  test("What the service says when it gives no new one is not hidden", async () => {
    const { download, sign } = await from([]);
    const refused = new Error("not allowed");
    sign.mockRejectedValue(refused);
    expect(await rejection(download.bytes())).toBe(refused);
    expect(sign).toHaveBeenCalledTimes(1);
  });
});

describe("A file that is stored compressed", () => {
  const packed = gzipSync(DATA);
  const headers = { "Content-Encoding": "gzip" };

  test("is unpacked, and counted as it is stored", async () => {
    const { download } = await from([give(packed, { headers, etag: '"a"' })], { sizeBytes: packed.length });
    const totals = new Set<number | undefined>();
    const bytes = await download.bytes({ onProgress: ({ totalBytes }) => totals.add(totalBytes) });
    expect(digest(bytes)).toBe(digest(DATA));
    expect([...totals]).toEqual([undefined]);
  });

  test("begins anew after a fault: a place in the unpacked file is none in the stored one", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const half = give(packed, { headers, etag: '"a"', breakAfter: packed.length / 2 });
    const { store, download } = await from([half, give(packed, { headers, etag: '"a"' })]);
    expect(digest(await download.bytes())).toBe(digest(DATA));
    expect(store.requests.map((request) => request.headers["range"])).toEqual([undefined, undefined]);
  });

  test("is refused when it is compressed on the way, and nobody says how long it is", async () => {
    const { download } = await from([giveChunked(packed, true, headers)]);
    expect(await rejection(download.bytes())).toHaveProperty("message", expect.stringContaining("how long"));
  });
});

test.each<[string, object]>([
  ["a misspelled option", { onprogress: () => {} }],
  ["a controller for its signal", { signal: new AbortController() }],
])("A download with %s is refused before anything is asked for", async (_, options) => {
  const { store, download, sign } = await from([raw("")]);
  expect(await rejection(download.bytes(options))).toBeInstanceOf(InvalidInputError);
  expect(() => download.stream(options)).toThrow(InvalidInputError);
  expect(store.requests).toEqual([]);
  expect(sign).not.toHaveBeenCalled();
});

test("What onProgress throws ends the download, and is not taken for a fault of the way", async () => {
  const { store, download } = await from([give(DATA)]);
  const mistake = new Error("mine");
  const onProgress = () => {
    throw mistake;
  };
  expect(await rejection(download.bytes({ onProgress }))).toBe(mistake);
  expect(store.requests).toHaveLength(1);
});
