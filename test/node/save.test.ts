import {
  lutimesSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { InvalidInputError } from "../../src/index.ts";
import { saveFile } from "../../src/node.ts";
import { rejection } from "../support/clients.ts";
import { type Act, rst } from "../support/fault-server.ts";
import { digest, from, give, refuse, someBytes } from "../support/file-store.ts";

const MIB = 1024 * 1024;
const DATA = someBytes(3 * MIB);
const OTHER = someBytes(4 * MIB, 2);
const AT = new Date("2026-03-01T10:00:00.123Z");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "save-"));
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.restoreAllMocks();
});

const inFolder = (name: string) => join(folder, name);
const saved = (name = "a.bin") => digest(readFileSync(inFolder(name)));

test("A file is saved whole, with the time of the download, and nothing beside it", async () => {
  const { download } = await from([give(DATA)], { lastModifiedAt: AT });
  const path = inFolder("a.bin");
  expect(await saveFile(download, path)).toEqual({ path, sizeBytes: DATA.length, wasThere: false });
  expect(saved()).toBe(digest(DATA));
  expect(Math.abs(statSync(path).mtimeMs - AT.getTime())).toBeLessThan(1);
  expect(readdirSync(folder)).toEqual(["a.bin"]);
});

test("A file of 0 bytes is saved", async () => {
  const { download } = await from([give(new Uint8Array())]);
  expect(await saveFile(download, inFolder("a.bin"))).toMatchObject({ sizeBytes: 0 });
  expect(statSync(inFolder("a.bin")).size).toBe(0);
});

test("What was there is replaced as a whole, also when it was longer", async () => {
  writeFileSync(inFolder("a.bin"), OTHER);
  const { download } = await from([give(DATA)]);
  await saveFile(download, inFolder("a.bin"));
  expect(saved()).toBe(digest(DATA));
});

test("What was there is there as it was until the last byte has come", async () => {
  writeFileSync(inFolder("a.bin"), OTHER);
  const seen = new Set<string>();
  const { download } = await from([give(DATA)]);
  await saveFile(download, inFolder("a.bin"), { onProgress: () => seen.add(saved()) });
  expect([...seen]).toEqual([digest(OTHER)]);
});

test("A link is replaced, and what it led to is left alone", async () => {
  writeFileSync(inFolder("elsewhere.bin"), OTHER);
  symlinkSync(inFolder("elsewhere.bin"), inFolder("a.bin"));
  const { download } = await from([give(DATA)]);
  await saveFile(download, inFolder("a.bin"));
  expect([saved(), saved("elsewhere.bin")]).toEqual([digest(DATA), digest(OTHER)]);
});

test("A download that breaks goes on in the same file", async () => {
  const { download, store } = await from([give(DATA, { etag: '"1"', breakAfter: MIB }), give(DATA, { etag: '"1"' })]);
  await saveFile(download, inFolder("a.bin"));
  expect(saved()).toBe(digest(DATA));
  expect(store.requests[1]?.headers).toHaveProperty("range");
});

test("A download that begins anew leaves nothing of before, also when it is shorter now", async () => {
  const { download } = await from([give(OTHER, { breakAfter: 3.5 * MIB, how: "fin" }), give(DATA)]);
  expect(await saveFile(download, inFolder("a.bin"))).toMatchObject({ sizeBytes: DATA.length });
  expect(saved()).toBe(digest(DATA));
});

describe("What was there is as it was, and nothing is left beside it, after", () => {
  beforeEach(() => writeFileSync(inFolder("a.bin"), OTHER));
  afterEach(() => {
    expect(saved()).toBe(digest(OTHER));
    expect(readdirSync(folder)).toEqual(["a.bin"]);
  });

  test.each<[string, Act]>([
    ["a refusal", refuse(404, "NoSuchKey")],
    ["a store that cannot be reached", rst],
    ["a file that breaks each time", give(DATA, { breakAfter: MIB })],
  ])("%s", async (_, act) => {
    const { download } = await from([act]);
    expect(await rejection(saveFile(download, inFolder("a.bin")))).toMatchObject({ code: "download" });
  });

  test("an abort in the middle, which rejects with its own reason", async () => {
    const { download } = await from([give(DATA, { breakAfter: MIB, how: "stall" })]);
    const control = new AbortController();
    const { signal } = control;
    const onProgress = () => setTimeout(() => control.abort("left"), 20);
    expect(await rejection(saveFile(download, inFolder("a.bin"), { signal, onProgress }))).toBe("left");
  });

  test("an abort at the last byte", async () => {
    const { download } = await from([give(DATA)]);
    const control = new AbortController();
    const { signal } = control;
    const onProgress = ({ receivedBytes }: { receivedBytes: number }) =>
      receivedBytes === DATA.length && control.abort("left");
    expect(await rejection(saveFile(download, inFolder("a.bin"), { signal, onProgress }))).toBe("left");
  });

  test("a mistake in onProgress", async () => {
    const { download } = await from([give(DATA)]);
    const onProgress = () => {
      throw new Error("mine");
    };
    expect(await rejection(saveFile(download, inFolder("a.bin"), { onProgress }))).toHaveProperty("message", "mine");
  });

  test.each<[string, (download: never) => Promise<unknown>]>([
    ["no path", (download) => saveFile(download, "")],
    ["a path that is none", (download) => saveFile(download, 7 as never)],
    ["a path with a NUL", (download) => saveFile(download, inFolder("a\0.bin"))],
    ["a folder", (download) => saveFile(download, folder)],
    ["a misspelled option", (download) => saveFile(download, inFolder("b"), { force: true } as never)],
    ["what is no download", () => saveFile({ path: "a", bytes: () => {} } as never, inFolder("b"))],
    ["nothing to download", () => saveFile(undefined as never, inFolder("b"))],
  ])("%s, before anything is asked for", async (_, save) => {
    const { download, store } = await from([give(DATA)]);
    expect(await rejection(save(download as never))).toBeInstanceOf(InvalidInputError);
    expect(store.requests).toEqual([]);
  });

  test("a folder that is not there, before anything is asked for", async () => {
    const { download, store } = await from([give(DATA)]);
    expect(await rejection(saveFile(download, inFolder("no/a.bin")))).toMatchObject({ code: "ENOENT" });
    expect(store.requests).toEqual([]);
  });
});

describe("With `resume`", () => {
  const path = () => inFolder("a.bin");

  test("a file that was saved is not asked for again", async () => {
    const { download, store } = await from([give(DATA)], { lastModifiedAt: AT, sizeBytes: DATA.length });
    await saveFile(download, path(), { resume: true });
    expect(await saveFile(download, path(), { resume: true })).toEqual({
      path: path(),
      sizeBytes: DATA.length,
      wasThere: true,
    });
    expect(store.requests).toHaveLength(1);
    await saveFile(download, path());
    expect(store.requests).toHaveLength(2);
  });

  test("a link is no such file, whatever its own size and time are", async () => {
    const data = DATA.subarray(0, "elsewhere.bin".length);
    symlinkSync("elsewhere.bin", path());
    lutimesSync(path(), AT, AT);
    const { download } = await from([give(data)], { lastModifiedAt: AT, sizeBytes: data.length });
    expect(await saveFile(download, path(), { resume: true })).toMatchObject({ wasThere: false });
    expect(saved()).toBe(digest(data));
  });

  test.each<[string, (path: string) => void, object]>([
    ["of another size", (path) => writeFileSync(path, OTHER), {}],
    ["of another time", (path) => writeFileSync(path, DATA), { utimes: false }],
    ["of which the service does not say the size", (path) => writeFileSync(path, DATA), { sizeBytes: undefined }],
    ["of which the service does not say the time", (path) => writeFileSync(path, DATA), { lastModifiedAt: undefined }],
  ])("a file %s is saved anew", async (_, make, { utimes = true, ...file }: { utimes?: boolean }) => {
    make(path());
    if (utimes) utimesSync(path(), AT, AT);
    const { download, store } = await from([give(DATA)], { lastModifiedAt: AT, sizeBytes: DATA.length, ...file });
    expect(await saveFile(download, path(), { resume: true })).toMatchObject({ wasThere: false });
    expect(store.requests).toHaveLength(1);
    expect(saved()).toBe(digest(DATA));
  });
});
