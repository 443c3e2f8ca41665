/** A file store in a process of its own that throws away what it is given, and the parts of the service that hand out its addresses. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { member } from "./crew.ts";

/** What it has seen since it was asked last. */
export interface SinkAnswer {
  readonly url: string;
  readonly takenBytes: number;
  readonly files: number;
}

const PIECE = Buffer.alloc(256 * 1024, "x");

await member(async () => {
  let url = "";
  let [takenBytes, files] = [0, 0];
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    for await (const piece of request) takenBytes += piece.length;
    files += 1;
    response.writeHead(200).end();
  };
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", url);
    if (pathname.startsWith("/store/")) {
      return request.method === "GET" ? give(pathname, response) : take(request, response);
    }
    const answer = serviceAnswer(url, pathname, searchParams, await textOf(request));
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async (): Promise<SinkAnswer> => {
    const seen = { url, takenBytes, files };
    [takenBytes, files] = [0, 0];
    return seen;
  };
});

/** A file is named after its size. */
async function give(pathname: string, response: ServerResponse): Promise<void> {
  const sizeBytes = Number(/\d+$/.exec(pathname)?.[0]);
  response.writeHead(200, { "Content-Length": sizeBytes, ETag: '"one"', "Accept-Ranges": "bytes" });
  for (let left = sizeBytes; left > 0 && !response.destroyed; left -= PIECE.length) {
    const isTaken = response.write(left < PIECE.length ? PIECE.subarray(0, left) : PIECE);
    if (!isTaken) await once(response, "drain");
  }
  response.end();
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}

interface Asked {
  readonly files?: readonly { readonly name: string }[];
  readonly fileName?: string;
}

function serviceAnswer(url: string, pathname: string, query: URLSearchParams, text: string): object {
  const { files, fileName }: Asked = text === "" ? {} : JSON.parse(text);
  if (files) return { files: files.map(({ name }) => ({ name, path: name, uploadUrl: `${url}/store/${name}` })) };
  if (pathname.endsWith("/presigned-url")) return formFor(url, fileName ?? "");
  const path = query.get("prefix") ?? "";
  const lastModified = new Date(0).toISOString();
  const file = { path, size: Number(/\d+$/.exec(path)?.[0]), lastModified, url: `${url}/store/${path}` };
  return { files: [file], folders: [], hasMore: false, nextCursor: null };
}

/** As long as a real one. */
function formFor(url: string, fileName: string): object {
  const fields = {
    key: `uploads/${fileName}`,
    "Content-Type": "application/pdf",
    policy: "p".repeat(600),
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": "credential/20260102/us-west-2/s3/aws4_request",
    "x-amz-date": "20260102T030405Z",
    "x-amz-signature": "0".repeat(64),
  };
  return { url: `${url}/store/form`, method: "POST", fields, fileName, expiresIn: 120 };
}
