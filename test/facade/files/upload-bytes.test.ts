import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { UploadFile } from "../../../src/index.ts";
import { clientOf, rejection } from "../../support/clients.ts";

interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A service that signs for a file store of its own, both on this machine. */
async function cloud(): Promise<{ readonly url: string; readonly posted: Posted[] }> {
  const posted: Posted[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.url === "/store") {
      posted.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(204).end();
      return;
    }
    const { fileName, files } = JSON.parse(Buffer.concat(chunks).toString());
    if (files) {
      const signed = files.map(({ name }: { name: string }) => ({ name, path: name, uploadUrl: `${url}/store` }));
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ files: signed }));
      return;
    }
    const fields = { key: `uploads/${fileName}`, policy: "UE9MSUNZ" };
    const form = { url: `${url}/store`, method: "POST", fields, fileName, expiresIn: 120 };
    response.writeHead(201, { "Content-Type": "application/json" }).end(JSON.stringify(form));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, posted };
}

test("The file store is told the length of what it gets, and gets every byte as it was", async () => {
  const { url, posted } = await cloud();
  const data = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));
  await clientOf({ url }).files.upload({ sessionId: "s1" }, { name: 'Größe "1".pdf', data });
  const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = posted;
  expect(Number(headers["content-length"])).toBe(body.length);
  expect(headers["transfer-encoding"]).toBe(undefined);
  expect(headers["x-browser-use-api-key"]).toBe(undefined);
  const parsed = await new Response(new Uint8Array(body), {
    headers: { "Content-Type": headers["content-type"] ?? "" },
  }).formData();
  expect([...parsed.keys()]).toEqual(["key", "policy", "file"]);
  const file = parsed.get("file") as File;
  const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  expect(hash(new Uint8Array(await file.arrayBuffer()))).toBe(hash(data));
});

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 11) % 256));
const quiet = () => {};

test.each<[string, UploadFile, (() => void)?]>([
  ["bytes", { name: "a.csv", data: BYTES, type: "text/csv" }],
  [
    "a part of bytes",
    { name: "a.csv", data: Buffer.concat([BYTES, BYTES]).subarray(0, BYTES.length), type: "text/csv" },
  ],
  ["an ArrayBuffer", { name: "a.csv", data: Uint8Array.from(BYTES).buffer, type: "text/csv" }],
  [
    "a Blob of many parts",
    {
      name: "a.csv",
      data: new Blob([BYTES.subarray(0, 999), BYTES.subarray(999, 70_000), BYTES.subarray(70_000)]),
      type: "text/csv",
    },
  ],
  ["a File of another type", new File([BYTES], "a.csv", { type: "text/csv" })],
  ["bytes that are watched", { name: "a.csv", data: BYTES, type: "text/csv" }, quiet],
  ["a File that is watched", new File([BYTES], "a.csv", { type: "text/csv" }), quiet],
])("A workspace file made of %s is put whole, with its length and exactly its type", async (_, file, onProgress) => {
  const { url, posted } = await cloud();
  const uploaded = await clientOf({ url }).workspaces.upload("w1", file, onProgress && { onProgress });
  expect(uploaded).toEqual([{ fileName: "a.csv", sizeBytes: BYTES.length, type: "text/csv" }]);
  expect(posted).toHaveLength(1);
  const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = posted;
  expect(headers["content-type"]).toBe("text/csv");
  expect(headers["content-length"]).toBe(String(BYTES.length));
  expect(headers["transfer-encoding"]).toBe(undefined);
  expect(headers["x-browser-use-api-key"]).toBe(undefined);
  expect(body.equals(BYTES)).toBe(true);
});

test("A file store that redirects gets nothing elsewhere", async () => {
  const { url, posted } = await cloud();
  const elsewhere = createServer((_, response) => response.writeHead(307, { Location: `${url}/store` }).end());
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void elsewhere.close());
  const store = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
  const fetch = async (request: Request) =>
    request.method === "POST"
      ? Response.json({ files: [{ name: "a", path: "a", uploadUrl: store }] })
      : globalThis.fetch(request);
  const error = await rejection(clientOf({ url }, { fetch }).workspaces.upload("w1", { name: "a", data: BYTES }));
  expect(error).toMatchObject({ code: "upload", fileName: "a" });
  expect(posted).toEqual([]);
});
