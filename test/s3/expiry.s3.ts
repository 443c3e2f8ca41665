import { expect, onTestFinished, vi } from "vitest";
import { digest, someBytes } from "../support/file-store.ts";
import { type Cloud, s3test, startCloud } from "./cloud.ts";
import { refusedUpload } from "./refusal.ts";

const FILE = { name: "a.txt", data: someBytes(1000) };
const EXPIRED = { signedAgoS: 600, expiresInS: 300 };

s3test("A form that has expired is asked for again, and the file is stored", async () => {
  const cloud = await startCloud();
  cloud.signing.form = (file, count) => cloud.store.form(count === 1 ? { ...file, ...EXPIRED } : file);
  await cloud.client.files.upload({ sessionId: "s1" }, FILE);
  const [, second = "", ...more] = cloud.signed;
  expect(more).toEqual([]);
  expect(cloud.tap.requests).toHaveLength(2);
  expect((await cloud.store.list(cloud.folder)).files).toMatchObject([{ key: second }]);
  expect(digest((await cloud.store.get(second)).bytes)).toBe(digest(FILE.data));
});

s3test("A form that has expired twice is given up", async () => {
  const cloud = await startCloud();
  cloud.signing.form = (file) => cloud.store.form({ ...file, ...EXPIRED });
  const error = await refusedUpload(cloud.client.files.upload({ sessionId: "s1" }, FILE));
  expect(error).toMatchObject({ status: 403, storeCode: "AccessDenied" });
  expect(error.message).toMatch(/expired/i);
  expect(cloud.signed).toHaveLength(2);
  expect(cloud.tap.requests).toHaveLength(2);
});

/** Links that have expired when they arrive: five minutes and more go by on the way. This store does not say why it refuses them. */
function expireOnTheWay({ signing, store, tap }: Cloud, times: number): void {
  const now = performance.now.bind(performance);
  let passedMs = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + passedMs);
  onTestFinished(() => clock.mockRestore());
  signing.putLink = (file, count) => store.putLink(count <= times ? { ...file, ...EXPIRED } : file);
  tap.admits = () => {
    passedMs += 301_000;
  };
}

s3test("A link that has expired on the way is asked for again, and the file is stored", async () => {
  const cloud = await startCloud();
  expireOnTheWay(cloud, 1);
  await cloud.client.workspaces.upload("w1", FILE);
  expect(cloud.signed).toHaveLength(2);
  expect(cloud.tap.requests).toHaveLength(2);
  expect(digest((await cloud.store.get(cloud.signed[1] ?? "")).bytes)).toBe(digest(FILE.data));
});

s3test("A link that has expired twice is given up", async () => {
  const cloud = await startCloud();
  expireOnTheWay(cloud, 2);
  const error = await refusedUpload(cloud.client.workspaces.upload("w1", FILE));
  expect(error).toMatchObject({ status: 403, storeCode: "AccessDenied" });
  expect(cloud.signed).toHaveLength(2);
  expect(cloud.tap.requests).toHaveLength(2);
});
