import { expect } from "vitest";
import { someBytes } from "../support/file-store.ts";
import { type Cloud, type Signing, s3test, startCloud } from "./cloud.ts";
import { refusedUpload } from "./refusal.ts";
import type { SignedForm } from "./store.ts";

// A service that signs for something else than it was asked for is how a right client comes to send what the store refuses.

const MIB = 1024 * 1024;
const FILE = { name: "a.txt", data: someBytes(1000) };
const NO_MATCH = [403, "SignatureDoesNotMatch"] as const;
const DENIED = [403, "AccessDenied"] as const;

function altered(change: (fields: Record<string, string>) => Record<string, string>) {
  return ({ store }: Cloud): Signing["form"] =>
    async (file): Promise<SignedForm> => {
      const { url, fields } = await store.form(file);
      return { url, fields: change({ ...fields }) };
    };
}

const without = (name: string) =>
  altered((fields) => Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name)));
const flipped = (text = "") => (text.startsWith("0") ? "1" : "0") + text.slice(1);

s3test.each<[string, (cloud: Cloud) => Signing["form"], readonly [number, string]]>([
  ["of another type", altered((fields) => ({ ...fields, "Content-Type": "text/csv" })), DENIED],
  ["of a type that the form does not name", without("Content-Type"), DENIED],
  [
    "that is larger",
    ({ store }) =>
      (file) =>
        store.form({ ...file, sizeBytes: file.sizeBytes + 1 }),
    [400, "EntityTooSmall"],
  ],
  [
    "that is smaller",
    ({ store }) =>
      (file) =>
        store.form({ ...file, sizeBytes: file.sizeBytes - 1 }),
    [400, "EntityTooLarge"],
  ],
  ["under another key", altered((fields) => ({ ...fields, key: `${fields["key"]}x` })), DENIED],
  ["under no key", without("key"), [400, "InvalidArgument"]],
  [
    "by a policy that is another one now",
    altered((fields) => ({ ...fields, Policy: `${fields["Policy"]}AAAA` })),
    DENIED,
  ],
  [
    "with a signature that is wrong",
    altered((fields) => ({ ...fields, "X-Amz-Signature": flipped(fields["X-Amz-Signature"]) })),
    DENIED,
  ],
  ["with a field that was not signed", altered((fields) => ({ ...fields, acl: "public-read" })), DENIED],
  [
    "in a bucket that is not there",
    ({ store }) =>
      async (file) => ({ ...(await store.form(file)), url: `${store.origin}/none` }),
    [404, "NoSuchBucket"],
  ],
])("A form for a file %s is refused, and the caller is told so, once", async (_, lie, [status, storeCode]) => {
  const cloud = await startCloud();
  cloud.signing.form = lie(cloud);
  const error = await refusedUpload(cloud.client.files.upload({ sessionId: "s1" }, FILE));
  expect(error).toMatchObject({ status, storeCode, fileName: "a.txt", uploaded: [] });
  expect(cloud.signed).toHaveLength(1);
  expect(cloud.tap.requests).toHaveLength(1);
  expect((await cloud.store.list(cloud.folder)).files).toEqual([]);
});

s3test("A store that refuses a large file before it has come in is heard", async () => {
  const cloud = await startCloud();
  cloud.signing.form = (file) => cloud.store.form({ ...file, sizeBytes: 1000 });
  const file = { name: "a.txt", data: someBytes(10 * MIB) };
  const error = await refusedUpload(cloud.client.files.upload({ sessionId: "s1" }, file));
  expect(error).toMatchObject({ status: 400, storeCode: "EntityTooLarge" });
});

s3test.each<[string, (cloud: Cloud) => Signing["putLink"], readonly [number, string]]>([
  [
    "of another type",
    ({ store }) =>
      (file) =>
        store.putLink({ ...file, type: "text/csv" }),
    NO_MATCH,
  ],
  [
    "of the same type with a charset",
    ({ store }) =>
      (file) =>
        store.putLink({ ...file, type: "text/plain;charset=UTF-8" }),
    NO_MATCH,
  ],
  [
    "that is larger",
    ({ store }) =>
      (file) =>
        store.putLink({ ...file, sizeBytes: file.sizeBytes + 1 }),
    NO_MATCH,
  ],
  [
    "that is smaller",
    ({ store }) =>
      (file) =>
        store.putLink({ ...file, sizeBytes: file.sizeBytes - 1 }),
    NO_MATCH,
  ],
  [
    "with a signature that is wrong",
    ({ store }) =>
      async (file) =>
        (await store.putLink(file)).replace(/X-Amz-Signature=./, (text) => text.slice(0, -1) + flipped(text.at(-1))),
    NO_MATCH,
  ],
  [
    "under another key",
    ({ store }) =>
      async (file) =>
        (await store.putLink(file)).replace("a.txt?", "b.txt?"),
    NO_MATCH,
  ],
  [
    "that is to be read",
    ({ store }) =>
      ({ key }) =>
        store.getLink(key),
    NO_MATCH,
  ],
  [
    "with nothing signed",
    ({ store }) =>
      async (file) =>
        (await store.putLink(file)).replace(/\?.*/, ""),
    DENIED,
  ],
])("A link for a file %s is refused, and the caller is told so, once", async (_, lie, [status, storeCode]) => {
  const cloud = await startCloud();
  cloud.signing.putLink = lie(cloud);
  const error = await refusedUpload(cloud.client.workspaces.upload("w1", FILE));
  expect(error).toMatchObject({ status, storeCode, fileName: "a.txt", uploaded: [] });
  expect(cloud.signed).toHaveLength(1);
  expect(cloud.tap.requests).toHaveLength(1);
  expect((await cloud.store.list(cloud.folder)).files).toEqual([]);
});

s3test("Of many files the caller is told which one was refused and which are stored", async () => {
  const cloud = await startCloud();
  const data = Array.from({ length: 12 }, (_, index) => ({
    name: `${index}.txt`,
    data: someBytes(1000 + index, index),
  }));
  const lie = 7;
  cloud.signing.putLink = (file) =>
    cloud.store.putLink(file.key.endsWith(`/${lie}.txt`) ? { ...file, type: "a/b" } : file);
  const error = await refusedUpload(cloud.client.workspaces.upload("w1", data));
  expect(error).toMatchObject({ fileName: `${lie}.txt`, status: 403, storeCode: "SignatureDoesNotMatch" });
  const stored = data.filter((_, index) => index !== lie).map(({ name }) => `uploads/${name}`);
  expect(error.uploaded).toEqual(stored.map((fileName) => expect.objectContaining({ fileName })));
  const { files } = await cloud.store.list(`${cloud.folder}/w1/`);
  expect(files.map(({ key }) => key).sort()).toEqual(stored.map((path) => `${cloud.folder}/w1/${path}`).sort());
});
