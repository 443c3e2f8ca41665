import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A request as it stood on the wire. */
export interface Tapped {
  readonly method: string;
  readonly target: string;
  /** In their order and as they were written; names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty when it is too large to be kept. */
  readonly body: Buffer;
}

/** Lies in front of a server: passes all bytes on, keeps what was sent, and breaks connections when it is told to. */
export interface Tap {
  readonly origin: string;
  /** Every whole request, in order. */
  readonly requests: readonly Tapped[];
  /** Called for each connection, from 1, before anything of it is passed on. */
  admits: (count: number) => unknown;
  /** Called with each piece of a request; `true` resets the connection. `count`: bytes of this connection's requests so far. */
  tears: (count: number) => boolean;
  /** Called with each piece of an answer; `true` ends the connection after it. `count`: bytes of this connection's answers so far. */
  breaks: (count: number) => boolean;
}

const LINE = "\r\n";
const LARGEST_KEPT = 32 * 1024 * 1024;

/** Listens on a free loopback port. Closed when the test ends. */
export async function startTap(origin: string): Promise<Tap> {
  const { hostname, port } = new URL(origin);
  const requests: Tapped[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const mind = (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    return socket;
  };
  const server = createServer(async (near) => {
    mind(near);
    await tap.admits(++connections);
    const far = mind(connect(Number(port), hostname));
    const conversation = new Conversation((request) => requests.push(request));
    let [asked, answered] = [0, 0];
    near.on("data", (bytes) => {
      conversation.hear(bytes);
      asked += bytes.length;
      if (tap.tears(asked)) near.resetAndDestroy();
    });
    near.pipe(far);
    far.on("data", (bytes) => {
      answered += bytes.length;
      if (!near.write(bytes)) far.pause();
      if (!tap.breaks(answered)) return;
      // Ended, not reset: what was passed on arrives.
      far.destroy();
      near.end();
    });
    near.on("drain", () => far.resume());
    far.on("end", () => near.end());
    far.on("close", () => near.destroySoon());
    near.on("close", () => far.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await once(server.close(), "close");
  });
  const tap: Tap = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // it listens on a port, not on a pipe
    requests,
    admits: () => {},
    tears: () => false,
    breaks: () => false,
  };
  return tap;
}

/** Takes the requests of one connection out of its bytes. */
class Conversation {
  readonly #tell: (request: Tapped) => void;
  #parts: Buffer[] = [];
  #length = 0;
  #head: Omit<Tapped, "body"> | undefined;
  #bodyBytes = 0;

  constructor(tell: (request: Tapped) => void) {
    this.#tell = tell;
  }

  hear(bytes: Buffer): void {
    this.#length += bytes.length;
    if (!this.#head || this.#bodyBytes <= LARGEST_KEPT) this.#parts.push(bytes);
    if (!this.#head) this.#readHead();
    if (!this.#head || this.#length < this.#bodyBytes) return;
    const all = Buffer.concat(this.#parts);
    this.#tell({ ...this.#head, body: all.subarray(0, this.#bodyBytes) });
    const rest = this.#length - this.#bodyBytes;
    this.#head = undefined;
    this.#begin(rest > 0 ? bytes.subarray(bytes.length - rest) : Buffer.alloc(0));
    if (rest > 0) this.hear(Buffer.alloc(0));
  }

  #begin(bytes: Buffer): void {
    this.#parts = [bytes];
    this.#length = bytes.length;
  }

  #readHead(): void {
    const all = Buffer.concat(this.#parts);
    const end = all.indexOf(LINE + LINE);
    if (end < 0) return;
    const [start = "", ...lines] = all.toString("latin1", 0, end).split(LINE);
    const [method = "", target = ""] = start.split(" ");
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    this.#head = { method, target, headers };
    this.#bodyBytes = Number(headers.find(([name]) => name === "content-length")?.[1] ?? 0);
    this.#begin(all.subarray(end + LINE.length * 2));
    if (this.#bodyBytes > LARGEST_KEPT) this.#parts = [];
  }
}
