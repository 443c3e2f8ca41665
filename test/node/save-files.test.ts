import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createTransport } from "../../src/facade/call/transport.ts";
import { Download } from "../../src/facade/files/download.ts";
import { browserUseService } from "../../src/facade/service.ts";
import { DownloadError, InvalidInputError } from "../../src/index.ts";
import { type SavedFile, saveFiles } from "../../src/node.ts";
import { rejection } from "../support/clients.ts";

let base: string;
let folder: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "save-files-"));
  folder = join(base, "in");
});
afterEach(() => rmSync(base, { recursive: true }));

/** Of a store whose every file says its own path; `fetch` may do it differently. */
function file(path: string, fetch?: () => Promise<Response>): Download {
  const own = async () => new Response(path, { headers: { "Content-Length": `${Buffer.byteLength(path)}` } });
  const transport = createTransport(browserUseService, {
    apiKey: "bu_key",
    baseUrl: "https://cloud.test/api",
    fetch: fetch ?? own,
  });
  return new Download(transport, { path }, async () => ({ url: "https://files.test/a" }));
}

const missing = (path: string) => file(path, async () => new Response("<Code>NoSuchKey</Code>", { status: 404 }));
const there = (path: string) => readFileSync(join(folder, path), "utf8");
const savedPaths = (error: unknown) =>
  error instanceof DownloadError
    ? (error.saved as SavedFile[]).map(({ path }) => path.slice(folder.length + 1))
    : error;

test("Files are saved under their own paths, and given back in the order given", async () => {
  const paths = ["a.txt", "deep/er/b.txt", "deep/c d.txt", ".hidden", "Zoë/ü.txt", "deep/er/..b"];
  const saved = await saveFiles(
    paths.map((path) => file(path)),
    folder,
  );
  expect(saved).toEqual(
    paths.map((path) => ({ path: join(folder, path), sizeBytes: Buffer.byteLength(path), wasThere: false })),
  );
  expect(paths.map(there)).toEqual(paths);
  expect(readdirSync(folder).sort()).toEqual([".hidden", "Zoë", "a.txt", "deep"]);
});

test("Files may come one after the other, and no more are taken than are worked on", async () => {
  let given = 0;
  let done = 0;
  async function* listing() {
    for (; given < 20; given++) {
      expect(given - done).toBeLessThanOrEqual(4);
      yield file(`${given}.txt`, async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        done += 1;
        return new Response("abc", { headers: { "Content-Length": "3" } });
      });
    }
  }
  expect(await saveFiles(listing(), folder)).toHaveLength(20);
});

test("No files are no error, and the folder is made", async () => {
  expect(await saveFiles([], folder)).toEqual([]);
  expect(existsSync(folder)).toBe(true);
});

describe("No file gets out of the folder", () => {
  test.each([
    "../out.txt",
    "..",
    ".",
    "",
    "a/../../out.txt",
    "a/..",
    "./a.txt",
    "a//b.txt",
    "/etc/out.txt",
    "a/",
    "..\\out.txt",
    "a\\..\\..\\out.txt",
    "\\\\server\\share\\out.txt",
    "C:/out.txt",
    "c:out.txt",
    ".. /out.txt",
    "... /out.txt",
    " /out.txt",
    "a\0.txt",
    "a\n.txt",
    "a\ud800.txt",
  ])("by the path %j", async (path) => {
    const error = await rejection(saveFiles([file("good.txt"), file(path), file("better.txt")], folder));
    expect(error).toMatchObject({ name: "DownloadError", fileName: path });
    expect(savedPaths(error)).toEqual(["good.txt", "better.txt"]);
    expect(readdirSync(base)).toEqual(["in"]);
    expect(readdirSync(folder).sort()).toEqual(["better.txt", "good.txt"]);
  });

  test.each<[string, string, string]>([
    ["a link to a folder outside", "link", "../out"],
    ["a link to a folder outside, one level deeper", "sub/link", "../../out"],
    ["a link to nowhere", "link", "../nowhere"],
  ])("by %s, and nothing is made there", async (_, link, target) => {
    mkdirSync(join(folder, "sub"), { recursive: true });
    mkdirSync(join(base, "out"));
    symlinkSync(target, join(folder, link));
    const error = await rejection(saveFiles([file(`${link}/a.txt`), file(`${link}/new/b.txt`)], folder));
    expect(error).toMatchObject({ name: "DownloadError", saved: [] });
    expect(readdirSync(join(base, "out"))).toEqual([]);
    expect(existsSync(join(base, "nowhere"))).toBe(false);
  });

  test("by a link in the place of the file: it is replaced", async () => {
    mkdirSync(folder);
    writeFileSync(join(base, "out.txt"), "mine");
    symlinkSync("../out.txt", join(folder, "a.txt"));
    await saveFiles([file("a.txt")], folder);
    expect(there("a.txt")).toBe("a.txt");
    expect(readFileSync(join(base, "out.txt"), "utf8")).toBe("mine");
  });

  test("but a link that stays inside is followed, and so is one that is the folder itself", async () => {
    mkdirSync(join(base, "real/sub"), { recursive: true });
    symlinkSync("real", folder);
    symlinkSync("sub", join(base, "real/link"));
    const [saved] = await saveFiles([file("link/a.txt")], folder);
    expect(saved?.path).toBe(join(folder, "link/a.txt"));
    expect(readFileSync(join(base, "real/sub/a.txt"), "utf8")).toBe("link/a.txt");
  });
});

describe("One that fails does not lose the others:", () => {
  test("all are tried, and the error names what was saved and why the first was not", async () => {
    const files = [file("1.txt"), missing("2.txt"), file("3.txt"), missing("4.txt"), file("5.txt")];
    const error = await rejection(saveFiles(files, folder));
    expect(error).toMatchObject({ name: "DownloadError", fileName: "2.txt", status: 404, storeCode: "NoSuchKey" });
    expect(error).toHaveProperty(
      "message",
      expect.stringMatching(/^"2.txt" was not downloaded: .*404.* 1 more failed\.$/),
    );
    expect(savedPaths(error)).toEqual(["1.txt", "3.txt", "5.txt"]);
    expect(error).toHaveProperty("cause.name", "DownloadError");
  });

  test("a path that another one has", async () => {
    const error = await rejection(saveFiles([file("a.txt"), file("b.txt"), file("a.txt")], folder));
    expect(error).toMatchObject({ fileName: "a.txt", message: expect.stringContaining("the same path") });
    expect(savedPaths(error)).toEqual(["a.txt", "b.txt"]);
  });

  test("a file in the place of a folder, and a folder in the place of a file", async () => {
    mkdirSync(join(folder, "folder"), { recursive: true });
    writeFileSync(join(folder, "file"), "mine");
    const error = await rejection(saveFiles([file("file/a.txt"), file("folder"), file("c.txt")], folder));
    expect(savedPaths(error)).toEqual(["c.txt"]);
    expect(there("file")).toBe("mine");
    expect(readdirSync(folder).sort()).toEqual(["c.txt", "file", "folder"]);
  });

  test("a list that breaks off", async () => {
    async function* listing() {
      yield file("1.txt");
      yield file("2.txt");
      throw new Error("page 2 is not to be had at https://files.test/?X-Amz-Signature=5ec4e7");
    }
    const error = await rejection(saveFiles(listing(), folder));
    expect(error).toHaveProperty(
      "message",
      expect.stringMatching(/^The list of the files broke off: page 2.*\[redacted\]$/),
    );
    expect(savedPaths(error)).toEqual(["1.txt", "2.txt"]);
  });

  test("what is no download", async () => {
    const error = await rejection(saveFiles([file("1.txt"), undefined, { path: "a" }] as never, folder));
    expect(savedPaths(error)).toEqual(["1.txt"]);
  });
});

describe("A caller who leaves", () => {
  const hanging = (path: string) => file(path, () => new Promise(() => {}));

  test("gets his own reason when all have ended, what was saved stays, and nothing is left half", async () => {
    const control = new AbortController();
    const { signal } = control;
    const wait = saveFiles([file("1.txt"), hanging("2.txt"), hanging("3.txt")], folder, { signal });
    await vi.waitFor(() => expect(existsSync(join(folder, "1.txt"))).toBe(true));
    control.abort("left");
    expect(await rejection(wait)).toBe("left");
    expect(readdirSync(folder)).toEqual(["1.txt"]);
  });

  test("is not kept by a list that hangs", async () => {
    const control = new AbortController();
    const { signal } = control;
    async function* listing() {
      yield file("1.txt");
      await new Promise(() => {});
    }
    const wait = saveFiles(listing(), folder, { signal });
    await vi.waitFor(() => expect(existsSync(join(folder, "1.txt"))).toBe(true));
    control.abort("left");
    expect(await rejection(wait)).toBe("left");
  });

  test("before it begins has changed nothing", async () => {
    const signal = AbortSignal.abort("left");
    expect(await rejection(saveFiles([file("1.txt")], folder, { signal }))).toBe("left");
    expect(existsSync(folder)).toBe(false);
  });

  test("while files come has the list told", async () => {
    const control = new AbortController();
    let isTold = false;
    async function* listing() {
      try {
        for (let i = 0; ; i++) yield file(`${i}.txt`);
      } finally {
        isTold = true;
      }
    }
    setTimeout(() => control.abort("left"), 50);
    expect(await rejection(saveFiles(listing(), folder, { signal: control.signal }))).toBe("left");
    await vi.waitFor(() => expect(isTold).toBe(true));
  });
});

test.each<[string, (list: Download[]) => Promise<unknown>]>([
  ["no list", () => saveFiles(undefined as never, folder)],
  ["a single download in place of a list", ([one]) => saveFiles(one as never, folder)],
  ["no folder", (list) => saveFiles(list, "")],
  ["a misspelled option", (list) => saveFiles(list, folder, { parallel: 1 } as never)],
  ["a controller for its signal", (list) => saveFiles(list, folder, { signal: new AbortController() as never })],
])("With %s, nothing is done", async (_, save) => {
  expect(await rejection(save([file("a.txt")]))).toBeInstanceOf(InvalidInputError);
  expect(readdirSync(base)).toEqual([]);
});
