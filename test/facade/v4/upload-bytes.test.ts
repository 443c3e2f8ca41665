import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { clientOf } from "../../support/clients.ts";
import { started } from "./views.ts";

interface Put {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A service that signs for a file store of its own, both on this machine. */
async function cloud(): Promise<{ readonly url: string; readonly puts: Put[]; readonly runs: unknown[] }> {
  const puts: Put[] = [];
  const runs: unknown[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const answer = (data: object) =>
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(data));
    if (request.method === "PUT") {
      puts.push({ headers: request.headers, body });
      return response.writeHead(200).end();
    }
    if (request.url === "/v4/workspaces") return answer({ id: "w1" });
    if (request.url === "/v4/runs") {
      runs.push(JSON.parse(body.toString()));
      return answer(started());
    }
    const { files } = JSON.parse(body.toString());
    return answer({
      files: files.map(({ name }: { name: string }) => ({
        id: `id of ${name}`,
        name,
        path: name,
        uploadUrl: `${url}/store/${name}`,
      })),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, puts, runs };
}

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("The file store gets every byte of a run's file, with exactly its length and type, and no key", async () => {
  const { url, puts, runs } = await cloud();
  const data = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 11) % 256));
  await clientOf({ url }).v4.runs.start("Read it", { files: { name: "a.pdf", data } });
  const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = puts;
  expect(headers["content-length"]).toBe("300000");
  expect(headers["content-type"]).toBe("application/pdf");
  expect(headers["transfer-encoding"]).toBe(undefined);
  expect(headers["x-browser-use-api-key"]).toBe(undefined);
  expect(hash(body)).toBe(hash(data));
  expect(runs).toEqual([{ task: "Read it", workspaceId: "w1", attachedFileIds: ["id of a.pdf"] }]);
});
