import { expect } from "vitest";
import { parseMultipart } from "../../src/emulator/server/multipart.ts";
import { API_KEY } from "../support/clients.ts";
import { digest, someBytes } from "../support/file-store.ts";
import { type Cloud, s3test, startCloud } from "./cloud.ts";
import type { SignedForm } from "./store.ts";
import type { Tapped } from "./tap.ts";

// What the store does not ask for, and S3 does: seen on what our client really sends.

/** All that may be in a request to the store. Nothing in these says who we are to the service, and the store does nothing on them. */
const HARMLESS = [
  ...["host", "connection", "content-type", "content-length", "range", "if-range"],
  ...["accept", "accept-encoding", "accept-language", "sec-fetch-mode", "user-agent", "cache-control", "pragma"],
];
const FILE = { name: "größe 1+1 %25.txt", data: someBytes(5000) };

const valuesOf = ({ headers }: Tapped, name: string) =>
  headers.flatMap(([key, value]) => (key === name ? [value] : []));

/** Right in itself, whatever was signed. */
function expectHarmless(cloud: Cloud, request: Tapped): void {
  const names = request.headers.map(([name]) => name);
  expect(names.filter((name) => !HARMLESS.includes(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
  expect(valuesOf(request, "host")).toEqual([new URL(cloud.tap.origin).host]);
  expect(JSON.stringify([request.target, request.headers])).not.toContain(API_KEY);
  expect(request.body.includes(API_KEY)).toBe(false);
}

/** The forms that were handed out, in their order. */
function formsOf(cloud: Cloud, sign = cloud.signing.form): SignedForm[] {
  const forms: SignedForm[] = [];
  cloud.signing.form = async (file, count) => {
    const form = await sign(file, count);
    forms.push(form);
    return form;
  };
  return forms;
}

function partsOf(request: Tapped | undefined) {
  const [type = ""] = request ? valuesOf(request, "content-type") : [];
  const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(type)?.[1] ?? "";
  return parseMultipart(request?.body ?? Buffer.alloc(0), boundary);
}

s3test.each<[string, (cloud: Cloud) => SignedForm[]]>([
  ["AWS's SDK for JavaScript", (cloud) => formsOf(cloud)],
  ["AWS's SDK for Python", (cloud) => formsOf(cloud, (file) => cloud.store.lowerCaseForm(file))],
])(
  "A form signed like %s is sent with every field unchanged and in order, and with one file, last",
  async (_, capture) => {
    const cloud = await startCloud();
    const forms = capture(cloud);
    await cloud.client.files.upload({ sessionId: "s1" }, FILE);
    const [form, request] = [forms[0], cloud.tap.requests[0]];
    expect(cloud.tap.requests).toHaveLength(1);
    expect(request).toMatchObject({ method: "POST", target: new URL(form?.url ?? "").pathname });
    const { parts, complete } = partsOf(request);
    const last = parts.at(-1);
    expect(complete).toBe(true);
    expect(parts.slice(0, -1).map(({ name, bytes }) => [name, bytes.toString()])).toEqual(
      Object.entries(form?.fields ?? {}),
    );
    expect([last?.name, digest(last?.bytes ?? Buffer.alloc(0))]).toEqual(["file", digest(FILE.data)]);
    // S3 reads no more than this before the file.
    expect(last?.offset).toBeLessThan(20_000);
  },
);

s3test(
  "A form says how long it is, and carries nothing that the store would act on, our key least of all",
  async () => {
    const cloud = await startCloud();
    await cloud.client.files.upload({ browserId: "b1" }, [FILE, { ...FILE, name: "b.txt" }]);
    expect(cloud.tap.requests).toHaveLength(2);
    for (const request of cloud.tap.requests) {
      expectHarmless(cloud, request);
      expect(valuesOf(request, "content-length")).toEqual([String(request.body.length)]);
    }
  },
);

s3test(
  "A link gets the bytes, their number and the type that were signed, and nothing else that the store would act on",
  async () => {
    const cloud = await startCloud();
    const type = "text/plain; charset=latin1";
    const onProgress = () => {};
    await cloud.client.workspaces.upload("w1", [FILE, { ...FILE, name: "b.txt", type }], { onProgress });
    expect(cloud.tap.requests).toHaveLength(2);
    for (const request of cloud.tap.requests) {
      expectHarmless(cloud, request);
      expect(request.method).toBe("PUT");
      expect(valuesOf(request, "content-length")).toEqual([String(FILE.data.length)]);
      expect(valuesOf(request, "content-type")).toEqual([request.target.includes("b.txt") ? type : "text/plain"]);
      expect(digest(request.body)).toBe(digest(FILE.data));
      expect(request.target).toContain("X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&");
    }
  },
);

s3test("A file is asked for by its link alone, and so is the rest of it", async () => {
  const cloud = await startCloud();
  const data = someBytes(4_000_000);
  await cloud.store.put(`${cloud.folder}/w1/a.bin`, data);
  cloud.tap.breaks = (count) => count > 1_500_000 && cloud.tap.requests.length === 1;
  expect(digest(await cloud.client.workspaces.download("w1", "a.bin").bytes())).toBe(digest(data));
  expect(cloud.tap.requests).toHaveLength(2);
  for (const request of cloud.tap.requests) {
    expectHarmless(cloud, request);
    expect([request.method, request.body.length]).toEqual(["GET", 0]);
    // The runtime may say it once more.
    expect(valuesOf(request, "accept-encoding").join()).toMatch(/^identity(, identity)?$/);
  }
});
