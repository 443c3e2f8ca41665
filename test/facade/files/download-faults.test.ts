import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DownloadError, type DownloadOptions } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { type Act, type FaultServer, fail, fin, head, rst, silence } from "../../support/fault-server.ts";
import { digest, from, give, refuse, SECRET, type Setup, someBytes } from "../../support/file-store.ts";

const MIB = 1024 * 1024;
const DATA = someBytes(3 * MIB);
const OTHER = someBytes(3 * MIB, 2);
const ETAG = '"5d41402abc4b2a76b9719d911017c592"';

// Between two attempts nobody waits.
beforeEach(() => void vi.spyOn(Math, "random").mockReturnValue(0));
afterEach(() => vi.restoreAllMocks());

const rangesOf = ({ requests }: FaultServer) => requests.map(({ headers }) => headers["range"]);

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Reads both ways. */
const READERS = {
  bytes: ({ download }: Setup, options?: DownloadOptions) => download.bytes(options),
  stream: ({ download }: Setup, options?: DownloadOptions) => collect(download.stream(options)),
};

describe.each(["bytes", "stream"] as const)("A connection that breaks in the middle (read as %s)", (how) => {
  const read = READERS[how];

  test.each<[string, "rst" | "fin"]>([
    ["is reset", "rst"],
    ["ends too early", "fin"],
  ])("and %s: the download goes on where it broke", async (_, breaks) => {
    const broken = give(DATA, { etag: ETAG, breakAfter: MIB + 7, how: breaks });
    const setup = await from([broken, give(DATA, { etag: ETAG })]);
    expect(digest(await read(setup))).toBe(digest(DATA));
    const [first, second, ...more] = setup.store.requests;
    expect(first?.headers).not.toHaveProperty("range");
    expect(second?.headers).toMatchObject({ "if-range": ETAG });
    const from1 = Number(/^bytes=(\d+)-$/.exec(second?.headers["range"] ?? "")?.[1]);
    expect(from1).toBeGreaterThan(0);
    expect(from1).toBeLessThanOrEqual(MIB + 7);
    expect(more).toEqual([]);
  });

  test("and whose address has expired meanwhile goes on at a fresh one", async () => {
    const broken = give(DATA, { etag: ETAG, breakAfter: MIB });
    const setup = await from([broken, refuse(403, "AccessDenied"), give(DATA, { etag: ETAG })], { url: "/listed" });
    expect(digest(await read(setup))).toBe(digest(DATA));
    expect(setup.store.requests.map(({ path }) => path.replace(/\?.*/, ""))).toEqual([
      "/listed",
      "/listed",
      "/signed-1",
    ]);
    expect(rangesOf(setup.store)[2]).toBe(rangesOf(setup.store)[1]);
  });

  test("as often as it likes does not end the download, as long as it brings much each time", async () => {
    const big = someBytes(12 * MIB);
    const setup = await from([give(big, { etag: ETAG, breakAfter: MIB + 100_000, how: "fin" })]);
    expect(digest(await read(setup))).toBe(digest(big));
    expect(setup.store.requests.length).toBeGreaterThan(8);
  });

  test("each time after a few bytes is given up", async () => {
    const setup = await from([give(DATA, { etag: ETAG, breakAfter: 1000, how: "fin" })]);
    const error = await rejection(read(setup));
    expect(error).toHaveProperty("message", expect.stringContaining("broke after 4000 bytes"));
    expect(setup.store.requests).toHaveLength(4);
  });

  test.each<[string, Act]>([
    ["with all of the new state", give(OTHER, { etag: '"other"' })],
    ["with all of what may be anything", give(DATA)],
    ["with a part under another tag", part({ ETag: '"other"' })],
    ["with a part that has no tag", part({}, { withoutTag: true })],
    ["with a part from somewhere else", part({ "Content-Range": `bytes 1-${DATA.length - 1}/${DATA.length}` })],
    ["with a part of something longer", part({}, { total: DATA.length + 1 })],
    ["with a part that ends too early", part({}, { end: DATA.length - 2 })],
    ["with a part that says nothing of its place", part({ "Content-Range": "" })],
    ["that its part is the whole", part({}, { status: 200 })],
    ["with a part that is compressed", part({ "Content-Encoding": "gzip" })],
    ["that there is no such part", refuse(416, "InvalidRange")],
    ["that it is another file by now", refuse(412, "PreconditionFailed")],
  ])("is no reason to mix two files: the store answers %s", async (_, answer) => {
    const setup = await from([give(DATA, { etag: ETAG, breakAfter: MIB }), answer]);
    const error = await rejection(read(setup));
    expect(error).toBeInstanceOf(DownloadError);
    expect(setup.store.requests).toHaveLength(2);
  });
});

/** The rest of the file, with something wrong about it. */
function part(
  headers: Readonly<Record<string, string>>,
  wrong: { total?: number; end?: number; withoutTag?: true; status?: number } = {},
): Act {
  return (socket, request) => {
    const start = Number(/\d+/.exec(request.headers["range"] ?? "")?.[0]);
    const { total = DATA.length, end = DATA.length - 1, status = 206 } = wrong;
    const bytes = DATA.subarray(start);
    const range = `bytes ${start}-${end}/${total}`;
    const tag = wrong.withoutTag ? {} : { ETag: ETAG };
    socket.write(head(status, { "Content-Length": String(bytes.length), "Content-Range": range, ...tag, ...headers }));
    socket.write(bytes);
  };
}

describe("Where the store has no tag that can be relied on", () => {
  test.each<[string, string | undefined]>([
    ["none at all", undefined],
    ["a weak one", `W/${ETAG}`],
  ])("(%s) a file that is read into memory begins anew, and nothing of before is in it", async (_, etag) => {
    const { store, download } = await from([give(OTHER, { etag, breakAfter: MIB }), give(DATA, { etag })]);
    const received: number[] = [];
    const bytes = await download.bytes({ onProgress: ({ receivedBytes }) => received.push(receivedBytes) });
    expect(digest(bytes)).toBe(digest(DATA));
    expect(rangesOf(store)).toEqual([undefined, undefined]);
    expect(received).toContain(0);
  });

  test("what is new may be shorter, even empty", async () => {
    const { download } = await from([give(OTHER, { breakAfter: MIB }), give(new Uint8Array())]);
    expect(await download.bytes()).toEqual(new Uint8Array());
  });

  test("a stream that has given bytes ends with an error; what came is the beginning of the file", async () => {
    const { store, download } = await from([give(DATA, { breakAfter: MIB }), give(DATA)]);
    const chunks: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of download.stream()) chunks.push(chunk);
    })();
    expect(await rejection(reading)).toBeInstanceOf(DownloadError);
    const came = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
    expect(digest(came)).toBe(digest(DATA.subarray(0, came.length)));
    expect(store.requests).toHaveLength(1);
  });

  test("a stream that has given none begins anew", async () => {
    const { download } = await from([give(DATA, { breakAfter: 0 }), give(DATA)]);
    expect(digest(await collect(download.stream()))).toBe(digest(DATA));
  });

  test("a file that breaks each time is given up, however much came", async () => {
    const breaks = [1, 2.2].map((part) => give(DATA, { breakAfter: part * MIB, how: "fin" }));
    const { store, download } = await from(breaks);
    expect(await rejection(download.bytes())).toBeInstanceOf(DownloadError);
    expect(store.requests).toHaveLength(4);
  });
});

describe("A store that fails for a while", () => {
  test.each<[string, Act]>([
    ["a reset before any answer", rst],
    ["an end before any answer", fin],
    ["500", refuse(500, "InternalError")],
    ["503, to be asked again at once", fail(503, "Slow down", { "Retry-After": "0" })],
    ["429", fail(429)],
    ["408", fail(408)],
  ])("is asked again after %s", async (_, fault) => {
    const { store, download, sign } = await from([fault, fault, fault, give(DATA)]);
    expect(digest(await download.bytes())).toBe(digest(DATA));
    expect(store.requests).toHaveLength(4);
    expect(sign).toHaveBeenCalledTimes(1);
  });

  test("is given up after four attempts; the error says what it said last, and shows no address", async () => {
    const { store, download } = await from([rst, refuse(503, "SlowDown", `Reduce http://x.test/?${SECRET}`)]);
    const error = await rejection(download.bytes());
    expect(error).toMatchObject({ name: "DownloadError", status: 503, storeCode: "SlowDown" });
    expect(store.requests).toHaveLength(4);
    expect(inspect(error, { depth: 9 })).not.toContain("5ec4e75ec4e7");
  });

  test("and cannot be reached: the cause says why, and shows no address", async () => {
    const { download } = await from([rst]);
    const error = await rejection(download.bytes());
    expect(error).toHaveProperty("message", expect.stringContaining("broke after 0 bytes"));
    expect(error).toHaveProperty("cause.message", "fetch failed");
    expect(inspect(error, { depth: 9 })).not.toContain("5ec4e75ec4e7");
  });

  test("and asks to be left alone for an hour is not waited for", async () => {
    const { store, download } = await from([fail(503, "Later", { "Retry-After": "3600" })]);
    expect(await rejection(download.bytes())).toMatchObject({ status: 503 });
    expect(store.requests).toHaveLength(1);
  });

  test("A file whose last byte has come is whole, whatever becomes of the connection", async () => {
    const noEnd: Act = (socket) => {
      socket.write(head(200, { "Transfer-Encoding": "chunked", ETag: ETAG }));
      socket.write(`${DATA.length.toString(16)}\r\n`);
      socket.end(DATA);
    };
    const { store, download } = await from([noEnd], { sizeBytes: DATA.length });
    expect(digest(await download.bytes())).toBe(digest(DATA));
    expect(store.requests).toHaveLength(1);
  });
});

describe("A caller who leaves", () => {
  const reason = new Error("The caller has left.");

  test("before it begins asks for nothing", async () => {
    const { download, sign, store } = await from([give(DATA)]);
    const signal = AbortSignal.abort(reason);
    expect(await rejection(download.bytes({ signal }))).toBe(reason);
    expect(await rejection(collect(download.stream({ signal })))).toBe(reason);
    expect(sign).not.toHaveBeenCalled();
    expect(store.requests).toEqual([]);
  });

  test.each<[string, Act]>([
    ["before an answer", silence],
    ["in the middle of the file", give(DATA, { breakAfter: MIB, how: "stall" })],
  ])("%s gets his own reason, and the connection is closed", async (_, act) => {
    for (const how of ["bytes", "stream"] as const) {
      const closed = vi.fn();
      const watched: Act = (socket, request) => act(socket.on("close", closed), request);
      const control = new AbortController();
      const setup = await from([watched]);
      const reading = rejection(READERS[how](setup, { signal: control.signal }));
      await vi.waitFor(() => expect(setup.store.requests).toHaveLength(1));
      await new Promise((resolve) => setTimeout(resolve, 50));
      control.abort(reason);
      expect(await reading).toBe(reason);
      await vi.waitFor(() => expect(closed).toHaveBeenCalled());
    }
  });

  test("while nothing happens between two attempts is not kept waiting", async () => {
    const { download } = await from([fail(503, "Later", { "Retry-After": "59" })]);
    const control = new AbortController();
    setTimeout(() => control.abort(reason), 100);
    expect(await rejection(download.bytes({ signal: control.signal }))).toBe(reason);
  });

  test("by cancelling the stream closes the connection, also in the middle of a read", async () => {
    const closed = vi.fn();
    const { download } = await from([
      (socket, request) => {
        socket.on("close", closed);
        give(DATA, { breakAfter: MIB, how: "stall" })(socket, request);
      },
    ]);
    const reader = download.stream().getReader();
    for (let received = 0; received < MIB; ) received += (await reader.read()).value?.length ?? 0;
    const pending = reader.read();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await reader.cancel();
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
    expect(await pending).toMatchObject({ done: true });
  });

  test("by breaking out of the loop closes the connection", async () => {
    const closed = vi.fn();
    const { download } = await from([
      (socket, request) => {
        socket.on("close", closed);
        give(DATA, { breakAfter: MIB, how: "stall" })(socket, request);
      },
    ]);
    for await (const _ of download.stream()) break;
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });
});

test("A stream that nobody reads asks for nothing, and one that is read slowly is not run ahead of", async () => {
  let given = 0;
  const big = someBytes(64 * 1024);
  const endless: Act = (socket) => {
    socket.write(head(200, { "Content-Length": String(1024 * MIB) }));
    const more = () => {
      while (given < 512 * MIB && !socket.destroyed && socket.write(big)) given += big.length;
      given += big.length;
    };
    socket.on("drain", more);
    more();
  };
  const { store, download } = await from([endless]);
  const reader = download.stream().getReader();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(store.requests).toEqual([]);
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(given).toBeLessThan(64 * MIB);
  await reader.cancel();
});
