import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { DownloadError } from "../../src/index.ts";
import { saveFile, saveFiles } from "../../src/node.ts";
import { rejection } from "../support/clients.ts";
import { digest, someBytes } from "../support/file-store.ts";
import { type Cloud, startCloud } from "./cloud.ts";

const MIB = 1024 * 1024;
const BIG = someBytes(12 * MIB);
const OTHER = someBytes(12 * MIB, 2);
const EXPIRED = { signedAgoS: 600, expiresInS: 300 };
const NAMES = [
  "a b.txt",
  "größe – 日本語 🧾.csv",
  "in/a+b.txt",
  "in/100%25.md",
  "in/deep/{x}&y=z;w.txt",
  "it's (one) [two] #3?.png",
];

/** A service with one file, or several, in a workspace. */
async function holding(files: Readonly<Record<string, Uint8Array>>): Promise<Cloud> {
  const cloud = await startCloud();
  await Promise.all(Object.entries(files).map(([path, bytes]) => cloud.store.put(keyOf(cloud, path), bytes)));
  return cloud;
}

const keyOf = ({ folder }: Cloud, path: string) => `${folder}/w1/${path}`;

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "browser-use-s3-download-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** What the store said, as the caller gets it. */
async function refusalOf(work: Promise<unknown>): Promise<DownloadError> {
  const error = await rejection(work);
  expect(error).toBeInstanceOf(DownloadError);
  return error as DownloadError;
}

const rangesOf = ({ tap }: Cloud) => tap.requests.map(({ headers }) => headers.find(([name]) => name === "range")?.[1]);

describe.skipIf(inject("gateway") === null)("From a store that nobody here wrote", () => {
  test.each([0, 1, BIG.length])(
    "a file of %i bytes comes as it is: as bytes, as a stream, and on the disk",
    async (size) => {
      const data = BIG.subarray(0, size);
      const { client } = await holding({ "a.bin": data });
      const download = client.workspaces.download("w1", "a.bin");
      expect(digest(await download.bytes())).toBe(digest(data));
      expect(digest(new Uint8Array(await new Response(download.stream()).arrayBuffer()))).toBe(digest(data));
      const path = join(await temporaryFolder(), "a.bin");
      expect(await saveFile(download, path)).toMatchObject({ sizeBytes: size });
      expect(digest(await readFile(path))).toBe(digest(data));
    },
  );

  test("all files of a workspace come over all pages, under their own names and folders", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 130 }, (_, index) => [`m/${index}.txt`, someBytes(100, index)]),
    );
    const files = {
      ...many,
      ...Object.fromEntries(NAMES.map((name, index) => [name, someBytes(5000 + index, index)])),
    };
    const { client } = await holding(files);
    const folder = await temporaryFolder();
    const saved = await saveFiles(client.workspaces.downloadAll("w1"), folder);
    expect(saved.map(({ path }) => path).sort()).toEqual(
      Object.keys(files)
        .map((path) => join(folder, path))
        .sort(),
    );
    for (const [path, bytes] of Object.entries(files))
      expect(digest(await readFile(join(folder, path)))).toBe(digest(bytes));
    const listed: string[] = [];
    for await (const { path } of client.workspaces.downloadAll("w1", { prefix: "in/" })) listed.push(path);
    expect(listed.sort()).toEqual(NAMES.filter((name) => name.startsWith("in/")).sort());
  });

  test("the files that a task has written come as they are", async () => {
    const cloud = await startCloud();
    const names = NAMES.map((name) => name.split("/").at(-1) ?? "");
    await Promise.all(
      names.map((name, index) => cloud.store.put(`${cloud.folder}/t1/${name}`, someBytes(1000, index))),
    );
    const found = new Map<string, string>();
    for await (const file of cloud.client.files.downloads({ taskId: "t1" }))
      found.set(file.path, digest(await file.bytes()));
    expect(found).toEqual(new Map(names.map((name, index) => [name, digest(someBytes(1000, index))])));
  });

  test("a file whose link has expired comes by a fresh one", async () => {
    const cloud = await holding({ "a.bin": BIG });
    cloud.signing.getLink = (key, count) => cloud.store.getLink(key, count === 1 ? EXPIRED : {});
    for await (const file of cloud.client.workspaces.downloadAll("w1"))
      expect(digest(await file.bytes())).toBe(digest(BIG));
    expect(cloud.signed).toHaveLength(2);
  });

  test("a file whose links all have expired is refused, and the caller is told so", async () => {
    const cloud = await holding({ "a.bin": BIG });
    cloud.signing.getLink = (key) => cloud.store.getLink(key, EXPIRED);
    for await (const file of cloud.client.workspaces.downloadAll("w1")) {
      const error = await refusalOf(file.bytes());
      expect(error).toMatchObject({ status: 403, storeCode: "AccessDenied", fileName: "a.bin" });
    }
    expect(cloud.signed).toHaveLength(2);
  });

  test.each<[string, (link: string) => string, readonly [number, string]]>([
    [
      "with a wrong signature",
      (link) => link.replace(/X-Amz-Signature=\w{8}/, "X-Amz-Signature=00000000"),
      [403, "SignatureDoesNotMatch"],
    ],
    ["to another file", (link) => link.replace("a.bin?", "b.bin?"), [403, "SignatureDoesNotMatch"]],
    ["with nothing signed", (link) => link.replace(/\?.*/, ""), [403, "AccessDenied"]],
  ])("a link %s is refused, and the caller is told so", async (_, change, [status, storeCode]) => {
    const cloud = await holding({ "a.bin": BIG });
    cloud.signing.getLink = async (key) => change(await cloud.store.getLink(key));
    const error = await refusalOf(cloud.client.workspaces.download("w1", "a.bin").bytes());
    expect(error).toMatchObject({ status, storeCode, fileName: "a.bin" });
  });

  test("a file that is listed and not there is a 404 of the store, one that is not even listed is ours", async () => {
    const cloud = await holding({ "a.bin": BIG });
    cloud.signing.getLink = (key) => cloud.store.getLink(`${key}-gone`);
    const { workspaces } = cloud.client;
    expect(await refusalOf(workspaces.download("w1", "a.bin").bytes())).toMatchObject({
      status: 404,
      storeCode: "NoSuchKey",
    });
    expect(await refusalOf(workspaces.download("w1", "b.bin").bytes())).toMatchObject({
      status: 404,
      storeCode: undefined,
    });
    expect(cloud.tap.requests).toHaveLength(1);
  });

  test("a file that breaks off again and again goes on each time where it broke", async () => {
    const cloud = await holding({ "a.bin": BIG });
    cloud.tap.breaks = (count) => count > 2.5 * MIB;
    const path = join(await temporaryFolder(), "a.bin");
    await saveFile(cloud.client.workspaces.download("w1", "a.bin"), path);
    expect(digest(await readFile(path))).toBe(digest(BIG));
    const [first, ...more] = rangesOf(cloud);
    expect(first).toBeUndefined();
    expect(more.length).toBeGreaterThanOrEqual(3);
    const starts = more.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1]));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(starts[0]).toBeGreaterThan(MIB);
  });

  test("a file that breaks off goes on by a fresh link when the first has expired meanwhile", async () => {
    const cloud = await holding({ "a.bin": BIG });
    cloud.signing.getLink = (key, count) => cloud.store.getLink(key, count === 1 ? { expiresInS: 1 } : {});
    cloud.tap.breaks = (count) => count > 2.5 * MIB && cloud.tap.requests.length === 1;
    cloud.tap.admits = (count) => count === 2 && sleep(2100);
    expect(digest(await cloud.client.workspaces.download("w1", "a.bin").bytes())).toBe(digest(BIG));
    expect(cloud.signed).toHaveLength(2);
    const [, second, third, ...more] = rangesOf(cloud);
    expect(second).toMatch(/^bytes=\d+-$/);
    expect([third, more]).toEqual([second, []]);
  });

  test.each<[string, (cloud: Cloud) => Promise<void>, object]>([
    ["by one of equal length", ({ store, folder }) => store.put(`${folder}/w1/a.bin`, OTHER), { status: 206 }],
    ["by a longer one", ({ store, folder }) => store.put(`${folder}/w1/a.bin`, someBytes(13 * MIB)), { status: 206 }],
    [
      "by one that ends before",
      ({ store, folder }) => store.put(`${folder}/w1/a.bin`, someBytes(10)),
      { status: 416, storeCode: "InvalidRange" },
    ],
    ["by nothing", ({ store, folder }) => store.delete(`${folder}/w1/a.bin`), { status: 404, storeCode: "NoSuchKey" }],
  ])(
    "a file that is replaced %s while it comes is never mixed with it: the caller is told, and nothing is saved",
    async (_, replace, details) => {
      // This store does not know If-Range: it gives the rest of whatever is there now.
      const cloud = await holding({ "a.bin": BIG });
      cloud.tap.breaks = (count) => count > 2.5 * MIB && cloud.tap.requests.length === 1;
      cloud.tap.admits = (count) => count === 2 && replace(cloud);
      const folder = await temporaryFolder();
      await writeFile(join(folder, "a.bin"), "of yesterday");
      const error = await refusalOf(saveFiles(cloud.client.workspaces.downloadAll("w1"), folder));
      expect(error).toMatchObject({ fileName: "a.bin", saved: [], ...details });
      expect(await readdir(folder)).toEqual(["a.bin"]);
      expect(await readFile(join(folder, "a.bin"), "utf8")).toBe("of yesterday");
    },
  );

  test("a file that was replaced after it was listed comes as it is now", async () => {
    const cloud = await holding({ "a.bin": BIG });
    for await (const file of cloud.client.workspaces.downloadAll("w1")) {
      await cloud.store.put(keyOf(cloud, "a.bin"), OTHER.subarray(0, 1000));
      expect(digest(await file.bytes())).toBe(digest(OTHER.subarray(0, 1000)));
    }
    // It is listed anew: what was known of it is of the old one.
    expect(cloud.signed).toHaveLength(2);
  });

  test("of many files the caller is told which one was refused and which are saved", async () => {
    const cloud = await holding(
      Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index}.txt`, someBytes(1000, index)])),
    );
    cloud.signing.getLink = (key) => cloud.store.getLink(key.replace(/5\.txt$/, "gone.txt"));
    const folder = await temporaryFolder();
    const error = await refusalOf(saveFiles(cloud.client.workspaces.downloadAll("w1"), folder));
    expect(error).toMatchObject({ fileName: "5.txt", status: 404, storeCode: "NoSuchKey" });
    const others = [0, 1, 2, 3, 4, 6, 7, 8].map((index) => `${index}.txt`);
    expect(error.saved.map((file) => (file as { path: string }).path)).toEqual(
      others.map((name) => join(folder, name)),
    );
    expect((await readdir(folder)).sort()).toEqual(others);
  });
});
