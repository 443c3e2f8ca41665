import { connect } from "node:net";

/** A request that is sent as it stands, right or wrong. */
export interface RawRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  /** Beside `Host`, `Connection`, and what tells how long the body is. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array;
  /** Send the body in chunks, without a length. */
  readonly chunked?: boolean;
  /** The length to announce, where it is not that of the body. */
  readonly announced?: number | undefined;
}

/** A form as it stands: parts in their order. A part of bytes is a file. */
export type Part = readonly [name: string, content: string | Uint8Array];

const BOUNDARY = "----3a8f0cdb57";
const LINE = "\r\n";

/** The request that posts a form. */
export function posting(url: string, parts: readonly Part[], ending = `--${BOUNDARY}--${LINE}`): RawRequest {
  const body = Buffer.concat([...parts.map(partOf), Buffer.from(ending)]);
  return { method: "POST", url, headers: [["Content-Type", `multipart/form-data; boundary=${BOUNDARY}`]], body };
}

function partOf([name, content]: Part): Buffer {
  const isText = typeof content === "string";
  const about = isText ? "" : `; filename="any"${LINE}Content-Type: image/x-any`;
  const head = `--${BOUNDARY}${LINE}Content-Disposition: form-data; name="${name}"${about}${LINE}${LINE}`;
  return Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from(LINE)]);
}

/** Sends a request, closes its own half of the connection, and gives the status and the code of a refusal: `403 AccessDenied`. */
export async function send(request: RawRequest): Promise<string> {
  const { hostname, port } = new URL(request.url);
  const socket = connect(Number(port), hostname);
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  // One that has made up its mind need not read on.
  socket.on("error", () => {});
  socket.end(Buffer.concat(bytesOf(request)));
  await closed;
  const answer = Buffer.concat(parts).toString();
  const status = /^HTTP\/1\.1 (?!100)(\d+)/m.exec(answer)?.[1] ?? "no answer";
  const code = /<Code>(\w+)<\/Code>/.exec(answer)?.[1];
  return code === undefined ? status : `${status} ${code}`;
}

function bytesOf({ method, url, headers = [], body, chunked = false, announced }: RawRequest): Buffer[] {
  const { host, pathname, search } = new URL(url);
  const length = announced ?? body?.length;
  const size: [string, string][] = chunked
    ? [["Transfer-Encoding", "chunked"]]
    : length === undefined
      ? []
      : [["Content-Length", String(length)]];
  const all = [["Host", host], ["Connection", "close"], ...headers, ...size].map((header) => header.join(": "));
  const head = Buffer.from([`${method} ${pathname}${search} HTTP/1.1`, ...all, "", ""].join(LINE));
  const bytes = Buffer.from(body ?? []);
  if (!chunked) return [head, bytes];
  return [head, Buffer.from(bytes.length.toString(16) + LINE), bytes, Buffer.from(`${LINE}0${LINE}${LINE}`)];
}
