import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { fileFromPath } from "../../src/node.ts";
import { digest, someBytes } from "../support/file-store.ts";
import { type Cloud, s3test, startCloud } from "./cloud.ts";
import { temporaryFolder } from "./folder.ts";
import { refusedUpload } from "./refusal.ts";

const MIB = 1024 * 1024;
const NAMES = [
  "invoice 2026.pdf",
  "größe – 日本語 🧾.csv",
  "a+b.txt",
  "100%25 of it.md",
  "{key}&x=y;z.txt",
  "it's (one) [two] #3?.png",
  'quote"d.txt',
];

/** What the store has under a key, in a form that a failed test can print. */
async function stored({ store }: Cloud, key: string | undefined): Promise<readonly [string, string | undefined]> {
  const { bytes, type } = await store.get(key ?? "");
  return [digest(bytes), type];
}

s3test.each([1, 10 * MIB])("A form stores a file of %i bytes as it is, with its type", async (sizeBytes) => {
  const cloud = await startCloud();
  const data = someBytes(sizeBytes);
  const [file] = await cloud.client.files.upload({ sessionId: "s1" }, { name: "a.pdf", data });
  expect(file).toMatchObject({ sizeBytes, type: "application/pdf" });
  expect(cloud.signed[0]).toBe(`${cloud.folder}/s1/${file?.fileName}`);
  expect(await stored(cloud, cloud.signed[0])).toEqual([digest(data), "application/pdf"]);
});

s3test.each(NAMES)("A form stores a file that is called %s", async (name) => {
  const cloud = await startCloud();
  const data = someBytes(1000);
  const [file] = await cloud.client.files.upload({ browserId: "b1" }, { name, data, type: "text/plain" });
  expect(file?.fileName).toMatch(/^[0-9a-f]{8}-/);
  expect(file?.fileName.slice(9)).toBe(name);
  expect(await stored(cloud, cloud.signed[0])).toEqual([digest(data), "text/plain"]);
});

s3test("Forty files at once are all stored, those of equal names too, and none as another", async () => {
  const cloud = await startCloud();
  const data = Array.from({ length: 40 }, (_, index) => someBytes(10_000 + index, index));
  const files = data.map((bytes, index) => ({ name: `same-${index % 3}.txt`, data: bytes }));
  const uploaded = await cloud.client.files.upload({ sessionId: "s1" }, files);
  const found = uploaded.map(({ fileName }) => stored(cloud, `${cloud.folder}/s1/${fileName}`));
  expect(await Promise.all(found)).toEqual(data.map((bytes) => [digest(bytes), "text/plain"]));
});

s3test(
  "A form whose fields are in lower case and in another order, as other SDKs sign it, is taken as it is",
  async () => {
    const cloud = await startCloud();
    cloud.signing.form = (file) => cloud.store.lowerCaseForm(file);
    const data = someBytes(5000);
    await cloud.client.files.upload({ sessionId: "s1" }, { name: "a.csv", data });
    expect(await stored(cloud, cloud.signed[0])).toEqual([digest(data), "text/csv"]);
  },
);

s3test.each(NAMES)("A link stores a workspace file that is called %s", async (name) => {
  const cloud = await startCloud();
  const data = someBytes(1000);
  const [file] = await cloud.client.workspaces.upload("w1", { name, data, type: "text/plain" });
  expect(file?.fileName).toBe(`uploads/${name}`);
  expect(await stored(cloud, `${cloud.folder}/w1/uploads/${name}`)).toEqual([digest(data), "text/plain"]);
});

s3test("A workspace takes a type with parameters, and its bytes are not called something else", async () => {
  const cloud = await startCloud();
  const data = new TextEncoder().encode("größe");
  await cloud.client.workspaces.upload("w1", { name: "a.txt", data, type: "Text/Plain; charset=latin1" });
  expect(await stored(cloud, cloud.signed[0])).toEqual([digest(data), "Text/Plain; charset=latin1"]);
});

s3test("Forty workspace files in several folders are all stored, those of equal names too", async () => {
  const cloud = await startCloud();
  const data = Array.from({ length: 40 }, (_, index) => someBytes(10_000 + index, index));
  const files = data.map((bytes, index) => ({
    name: `${index % 4 ? "odd" : "even"}/same-${index % 3}.txt`,
    data: bytes,
  }));
  const uploaded = await cloud.client.workspaces.upload("w1", files, { prefix: "in" });
  expect(new Set(uploaded.map(({ fileName }) => fileName)).size).toBe(40);
  const found = uploaded.map(({ fileName }) => stored(cloud, `${cloud.folder}/w1/${fileName}`));
  expect(await Promise.all(found)).toEqual(data.map((bytes) => [digest(bytes), "text/plain"]));
});

s3test("A workspace file of 200 MiB comes from the disk as it is, and its progress is told", async () => {
  const cloud = await startCloud();
  const folder = await temporaryFolder();
  const data = someBytes(200 * MIB);
  await writeFile(join(folder, "large.bin"), data);
  const sent: number[] = [];
  const file = await fileFromPath(join(folder, "large.bin"));
  const onProgress = ({ sentBytes }: { sentBytes: number }) => sent.push(sentBytes);
  const [uploaded] = await cloud.client.workspaces.upload("w1", file, { onProgress });
  expect(uploaded).toMatchObject({ fileName: "uploads/large.bin", sizeBytes: data.length });
  expect(sent.at(-1)).toBe(data.length);
  expect(sent.length).toBeGreaterThan(10);
  const [key = ""] = cloud.signed;
  expect((await stored(cloud, key))[0]).toBe(digest(data));
  await cloud.store.delete(key);
});

const UPLOADS = {
  form: ({ client }: Cloud, data: Uint8Array) => client.files.upload({ sessionId: "s1" }, { name: "a.txt", data }),
  link: ({ client }: Cloud, data: Uint8Array) => client.workspaces.upload("w1", { name: "a.txt", data }),
} as const;

s3test.each(["form", "link"] as const)(
  "A file whose way to a %s breaks off is sent once more, and is whole",
  async (kind) => {
    const cloud = await startCloud();
    let torn = 0;
    cloud.tap.tears = (count) => count > MIB && torn++ === 0;
    const data = someBytes(5 * MIB);
    await UPLOADS[kind](cloud, data);
    expect(torn).toBeGreaterThan(0);
    expect(cloud.signed).toHaveLength(1);
    expect(await stored(cloud, cloud.signed[0])).toEqual([digest(data), "text/plain"]);
  },
);

s3test.each(["form", "link"] as const)(
  "Nothing is stored of a file whose way to a %s breaks off each time",
  async (kind) => {
    const cloud = await startCloud();
    cloud.tap.tears = (count) => count > MIB;
    const error = await refusedUpload(UPLOADS[kind](cloud, someBytes(5 * MIB)));
    expect(error).toMatchObject({ fileName: "a.txt", status: undefined, storeCode: undefined, uploaded: [] });
    expect((await cloud.store.list(cloud.folder)).files).toEqual([]);
  },
);
