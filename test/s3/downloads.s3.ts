import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { saveFile, saveFiles } from "../../src/node.ts";
import { digest, someBytes } from "../support/file-store.ts";
import { holding, s3test, startCloud } from "./cloud.ts";
import { temporaryFolder } from "./folder.ts";
import { refusedDownload } from "./refusal.ts";

const MIB = 1024 * 1024;
const BIG = someBytes(12 * MIB);
const EXPIRED = { signedAgoS: 600, expiresInS: 300 };
const NAMES = [
  "a b.txt",
  "größe – 日本語 🧾.csv",
  "in/a+b.txt",
  "in/100%25.md",
  "in/deep/{x}&y=z;w.txt",
  "it's (one) [two] #3?.png",
];

s3test.each([0, 1, BIG.length])(
  "A file of %i bytes comes as it is: as bytes, as a stream, and on the disk",
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

s3test("All files of a workspace come over all pages, under their own names and folders", async () => {
  const many = Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`m/${index}.txt`, someBytes(100, index)]));
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

s3test("The files that a task has written come as they are", async () => {
  const cloud = await startCloud();
  const names = NAMES.map((name) => name.split("/").at(-1) ?? "");
  await Promise.all(names.map((name, index) => cloud.store.put(`${cloud.folder}/t1/${name}`, someBytes(1000, index))));
  const found = new Map<string, string>();
  for await (const file of cloud.client.files.downloads({ taskId: "t1" }))
    found.set(file.path, digest(await file.bytes()));
  expect(found).toEqual(new Map(names.map((name, index) => [name, digest(someBytes(1000, index))])));
});

s3test("A file whose link has expired comes by a fresh one", async () => {
  const cloud = await holding({ "a.bin": BIG });
  cloud.signing.getLink = (key, count) => cloud.store.getLink(key, count === 1 ? EXPIRED : {});
  for await (const file of cloud.client.workspaces.downloadAll("w1"))
    expect(digest(await file.bytes())).toBe(digest(BIG));
  expect(cloud.signed).toHaveLength(2);
});

s3test("A file whose links all have expired is refused, and the caller is told so", async () => {
  const cloud = await holding({ "a.bin": BIG });
  cloud.signing.getLink = (key) => cloud.store.getLink(key, EXPIRED);
  for await (const file of cloud.client.workspaces.downloadAll("w1")) {
    const error = await refusedDownload(file.bytes());
    expect(error).toMatchObject({ status: 403, storeCode: "AccessDenied", fileName: "a.bin" });
  }
  expect(cloud.signed).toHaveLength(2);
});

s3test.each<[string, (link: string) => string, readonly [number, string]]>([
  [
    "with a wrong signature",
    (link) => link.replace(/X-Amz-Signature=\w{8}/, "X-Amz-Signature=00000000"),
    [403, "SignatureDoesNotMatch"],
  ],
  ["to another file", (link) => link.replace("a.bin?", "b.bin?"), [403, "SignatureDoesNotMatch"]],
  ["with nothing signed", (link) => link.replace(/\?.*/, ""), [403, "AccessDenied"]],
])("A link %s is refused, and the caller is told so", async (_, change, [status, storeCode]) => {
  const cloud = await holding({ "a.bin": BIG });
  cloud.signing.getLink = async (key) => change(await cloud.store.getLink(key));
  const error = await refusedDownload(cloud.client.workspaces.download("w1", "a.bin").bytes());
  expect(error).toMatchObject({ status, storeCode, fileName: "a.bin" });
});

s3test("A file that is listed and not there is a 404 of the store, one that is not even listed is ours", async () => {
  const cloud = await holding({ "a.bin": BIG });
  cloud.signing.getLink = (key) => cloud.store.getLink(`${key}-gone`);
  const { workspaces } = cloud.client;
  expect(await refusedDownload(workspaces.download("w1", "a.bin").bytes())).toMatchObject({
    status: 404,
    storeCode: "NoSuchKey",
  });
  expect(await refusedDownload(workspaces.download("w1", "b.bin").bytes())).toMatchObject({
    status: 404,
    storeCode: undefined,
  });
  expect(cloud.tap.requests).toHaveLength(1);
});

s3test("Of many files the caller is told which one was refused and which are saved", async () => {
  const cloud = await holding(
    Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index}.txt`, someBytes(1000, index)])),
  );
  cloud.signing.getLink = (key) => cloud.store.getLink(key.replace(/5\.txt$/, "gone.txt"));
  const folder = await temporaryFolder();
  const error = await refusedDownload(saveFiles(cloud.client.workspaces.downloadAll("w1"), folder));
  expect(error).toMatchObject({ fileName: "5.txt", status: 404, storeCode: "NoSuchKey" });
  const others = [0, 1, 2, 3, 4, 6, 7, 8].map((index) => `${index}.txt`);
  expect(error.saved.map((file) => (file as { path: string }).path)).toEqual(others.map((name) => join(folder, name)));
  expect((await readdir(folder)).sort()).toEqual(others);
});
