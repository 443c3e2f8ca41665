import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A request as it came over the wire. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the server does once it has read a whole request. */
export type Act = (socket: Socket, request: Seen) => void;

/** A server that answers as it is told, rightly or wrongly. */
export interface FaultServer {
  /** Without a path, e.g. `http://127.0.0.1:40123`. */
  readonly origin: string;
  /** What to give a client as its `baseUrl`. */
  readonly url: string;
  /** Every request that came in whole, in order. */
  readonly requests: readonly Seen[];
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>;
}

/**
 * Listens on a free loopback port and plays the acts in turn, one per request; the last one is played again and again. Closed when
 * the test ends, however it ends.
 */
export async function startFaultServer(...acts: Act[]): Promise<FaultServer> {
  const requests: Seen[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    onRequest(socket, (request) => {
      requests.push(request);
      acts[Math.min(requests.length, acts.length) - 1]?.(socket, request);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => close());
  const close = () => {
    for (const socket of open) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  const origin = `http://127.0.0.1:${address.port}`;
  return { origin, url: `${origin}/api`, requests, open };
}

/** The URL of a port that nobody listens on. */
export async function refusedUrl(): Promise<string> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return `http://127.0.0.1:${address.port}`;
}

function onRequest(socket: Socket, take: (request: Seen) => void): void {
  let received = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const [start = "", ...lines] = received.subarray(0, headEnd).toString("latin1").split("\r\n");
      const headers = Object.fromEntries(lines.map(splitHeader));
      const end = headEnd + 4 + Number(headers["content-length"] ?? 0);
      if (received.length < end) return;
      const body = received.subarray(headEnd + 4, end).toString();
      received = received.subarray(end);
      const [method = "", path = ""] = start.split(" ");
      take({ method, path, headers, body });
    }
  });
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** What an answer is made of. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text as it is; anything else as JSON. */
  readonly body?: unknown;
}

/** A whole answer. */
export function reply({ status = 200, headers = {}, body }: Reply = {}): Act {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const length = status === 204 ? {} : { "Content-Length": String(Buffer.byteLength(text)) };
  const type = { "Content-Type": typeof body === "string" ? "text/html" : "application/json" };
  return (socket) => socket.write(head(status, { ...length, ...type, ...headers }) + text);
}

/** A success with this body. */
export function json(body: unknown, status = 200): Act {
  return reply({ status, body });
}

/** A failure with the service's usual body. */
export function fail(status: number, detail?: unknown, headers: Readonly<Record<string, string>> = {}): Act {
  return reply({ status, headers, body: detail === undefined ? "" : { detail } });
}

/** The start of an answer, up to and with the empty line. */
export function head(status: number, headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Text\r\n${lines.join("")}\r\n`;
}

/** Sends this and leaves the connection open. */
export function raw(bytes: string | Uint8Array): Act {
  return (socket) => socket.write(bytes);
}

/** Sends this and ends the connection in good order. */
export function rawThenFin(bytes: string | Uint8Array): Act {
  return (socket) => socket.end(bytes);
}

/** Sends this and resets the connection. */
export function rawThenRst(bytes: string): Act {
  return (socket) => socket.write(bytes, () => setTimeout(() => socket.resetAndDestroy(), 20));
}

/** Resets the connection without an answer. */
export const rst: Act = (socket) => socket.resetAndDestroy();

/** Ends the connection without an answer. */
export const fin: Act = (socket) => socket.end();

/** Says nothing, for ever. */
export const silence: Act = () => {};

/** Headers and half a body, and then nothing, for ever. */
export const stallInBody: Act = raw(
  `${head(200, { "Content-Type": "application/json", "Content-Length": "100" })}{"id":`,
);

/** JSON cut short by the end of the connection, with a length that tells. */
export const truncated: Act = rawThenFin(
  `${head(200, { "Content-Type": "application/json", "Content-Length": "100" })}{"id":"1","st`,
);

/** JSON cut short where node 20 does not notice: chunked, on a connection that was to be closed anyway. */
export const truncatedChunked: Act = rawThenFin(
  `${head(200, { "Content-Type": "application/json", "Transfer-Encoding": "chunked", Connection: "close" })}b\r\n{"id":"1","s\r\n`,
);

/** A byte every now and then, so that no idle timeout ever sees it. */
export function drip(text: string, everyMs: number): Act {
  return (socket) => {
    let sent = 0;
    const timer = setInterval(() => socket.write(text.charAt(sent++ % text.length)), everyMs);
    socket.on("close", () => clearInterval(timer));
  };
}
