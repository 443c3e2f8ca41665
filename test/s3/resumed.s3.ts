import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { saveFile, saveFiles } from "../../src/node.ts";
import { digest, someBytes } from "../support/file-store.ts";
import { type Cloud, holding, s3test } from "./cloud.ts";
import { temporaryFolder } from "./folder.ts";
import { refusedDownload } from "./refusal.ts";

const MIB = 1024 * 1024;
const BIG = someBytes(12 * MIB);
const OTHER = someBytes(12 * MIB, 2);

const rangesOf = ({ tap }: Cloud) => tap.requests.map(({ headers }) => headers.find(([name]) => name === "range")?.[1]);

s3test("A file that breaks off again and again goes on each time where it broke", async () => {
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

s3test("A file that breaks off goes on by a fresh link when the first has expired meanwhile", async () => {
  const cloud = await holding({ "a.bin": BIG });
  cloud.signing.getLink = (key, count) => cloud.store.getLink(key, count === 1 ? { expiresInS: 3 } : {});
  cloud.tap.breaks = (count) => count > 2.5 * MIB && cloud.tap.requests.length === 1;
  cloud.tap.admits = (count) => count === 2 && sleep(4100);
  expect(digest(await cloud.client.workspaces.download("w1", "a.bin").bytes())).toBe(digest(BIG));
  expect(cloud.signed).toHaveLength(2);
  const [, second, third, ...more] = rangesOf(cloud);
  expect(second).toMatch(/^bytes=\d+-$/);
  expect([third, more]).toEqual([second, []]);
});

s3test.each<[string, (cloud: Cloud) => Promise<void>, object]>([
  ["by one of equal length", ({ store, folder }) => store.put(`${folder}/w1/a.bin`, OTHER), { status: 206 }],
  ["by a longer one", ({ store, folder }) => store.put(`${folder}/w1/a.bin`, someBytes(13 * MIB)), { status: 206 }],
  [
    "by one that ends before",
    ({ store, folder }) => store.put(`${folder}/w1/a.bin`, someBytes(10)),
    { status: 416, storeCode: "InvalidRange" },
  ],
  ["by nothing", ({ store, folder }) => store.delete(`${folder}/w1/a.bin`), { status: 404, storeCode: "NoSuchKey" }],
])(
  "A file that is replaced %s while it comes is never mixed with it: the caller is told, and nothing is saved",
  async (_, replace, details) => {
    // This store does not know If-Range: it gives the rest of whatever is there now.
    const cloud = await holding({ "a.bin": BIG });
    cloud.tap.breaks = (count) => count > 2.5 * MIB && cloud.tap.requests.length === 1;
    cloud.tap.admits = (count) => count === 2 && replace(cloud);
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a.bin"), "of yesterday");
    const error = await refusedDownload(saveFiles(cloud.client.workspaces.downloadAll("w1"), folder));
    expect(error).toMatchObject({ fileName: "a.bin", saved: [], ...details });
    expect(await readdir(folder)).toEqual(["a.bin"]);
    expect(await readFile(join(folder, "a.bin"), "utf8")).toBe("of yesterday");
  },
);

s3test("A file that was replaced after it was listed comes as it is now", async () => {
  const cloud = await holding({ "a.bin": BIG });
  for await (const file of cloud.client.workspaces.downloadAll("w1")) {
    await cloud.store.put(`${cloud.folder}/w1/a.bin`, OTHER.subarray(0, 1000));
    expect(digest(await file.bytes())).toBe(digest(OTHER.subarray(0, 1000)));
  }
  // It is listed anew: what was known of it is of the old one.
  expect(cloud.signed).toHaveLength(2);
});
