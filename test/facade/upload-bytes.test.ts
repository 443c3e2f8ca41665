import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { clientOf } from "../support/clients.ts";

interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A service that signs forms for a file store of its own, both on this machine. */
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
    const { fileName } = JSON.parse(Buffer.concat(chunks).toString());
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
