import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";

/** What answers requests; `chunked` tells that a body came without a length. Rejects when the connection is to break. */
export interface Front {
  answer(request: Request, chunked: boolean): Promise<Response>;
}

/** A socket in front of a {@link Front}. */
export interface Listener {
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1.
 *
 * @throws the system's error when the port cannot be had.
 */
export async function listen(server: Front, port: number): Promise<Listener> {
  const http = createServer((request, response) => void answer(server, request, response));
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, "127.0.0.1", resolve);
  });
  const address = http.address() as AddressInfo; // it listens on a port, not on a pipe
  return { origin: `http://127.0.0.1:${address.port}`, close: () => close(http) };
}

async function answer(server: Front, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  try {
    const request = requestOf(incoming);
    await send(await server.answer(request, incoming.headers["content-length"] === undefined), outgoing);
    // A body that nobody wanted would else stay in the way of the next request on this connection.
    if (!request.bodyUsed) await request.body?.cancel();
  } catch {
    // A dropped connection, or one that broke on its own: either way there is nobody to answer.
    incoming.socket.resetAndDestroy();
  }
}

function requestOf(incoming: IncomingMessage): Request {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] ?? "", incoming.rawHeaders[i + 1] ?? "");
  }
  const method = incoming.method ?? "GET";
  const url = `http://${incoming.headers.host ?? "127.0.0.1"}${incoming.url}`;
  if (method === "GET" || method === "HEAD") return new Request(url, { method, headers });
  return new Request(url, { method, headers, body: bodyOf(incoming), duplex: "half" } as RequestInit);
}

/** Like `Readable.toWeb`, but who stops reading does not break the connection: the rest is thrown away. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return?.();
      // A stream does not flow before the iterator's listeners are gone, which takes it a tick.
      setImmediate(() => incoming.resume());
    },
  });
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (!response.body) return void outgoing.end();
  await pipeline(Readable.fromWeb(response.body as NodeStream), outgoing);
}

async function close(http: HttpServer): Promise<void> {
  if (!http.listening) return;
  await new Promise<void>((resolve) => {
    http.close(() => resolve());
    http.closeAllConnections();
  });
}
