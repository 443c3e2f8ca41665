import { createHash } from "node:crypto";
import { type Mock, vi } from "vitest";
import { createTransport } from "../../src/facade/call/transport.ts";
import { Download, type DownloadableFile, type SignDownload } from "../../src/facade/files/download.ts";
import { browserUseService } from "../../src/facade/service.ts";
import { API_KEY } from "./clients.ts";
import { type Act, type FaultServer, head, type Seen, startFaultServer } from "./fault-server.ts";

/** What makes an address good; no error may show it. */
export const SECRET = "X-Amz-Signature=5ec4e75ec4e7";

/** Bytes that are nowhere alike, so that a piece in the wrong place shows. */
export function someBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** What tells bytes apart without printing them. */
export function digest(bytes: Uint8Array): string {
  return `${bytes.length}:${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`;
}

/** How a store gives a file. */
export interface Giving {
  readonly etag?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Break the connection after so many bytes of this answer. */
  readonly breakAfter?: number;
  readonly how?: "rst" | "fin" | "stall";
}

/** Gives the file as S3 does: ranges too, and all of it when `If-Range` names another state. */
export function give(bytes: Uint8Array, { etag, headers = {}, breakAfter, how = "rst" }: Giving = {}): Act {
  return (socket, request) => {
    const from = rangeOf(request, etag);
    const part = bytes.subarray(from ?? 0);
    const range = { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    const own = {
      "Content-Length": String(part.length),
      ...(etag && { ETag: etag }),
      ...(from !== undefined && range),
    };
    socket.write(head(from === undefined ? 200 : 206, { ...own, ...headers }));
    if (breakAfter === undefined) socket.write(part);
    else socket.write(part.subarray(0, breakAfter), () => setTimeout(() => end[how](), 30));
    const end = {
      rst: () => socket.resetAndDestroy(),
      fin: () => socket.end(),
      stall: () => {},
    };
  };
}

function rangeOf({ headers }: Seen, etag: string | undefined): number | undefined {
  const [, from] = /^bytes=(\d+)-$/.exec(headers["range"] ?? "") ?? [];
  if (from === undefined || (headers["if-range"] ?? etag) !== etag) return undefined;
  return Number(from);
}

/** A refusal in S3's words. */
export function refuse(status: number, code: string, message = "No."): Act {
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return (socket) => socket.write(head(status, { "Content-Length": String(xml.length) }) + xml);
}

/** A body in chunks, without a length. `ends`: with the mark that says so; else the connection just ends. */
export function giveChunked(bytes: Uint8Array, ends: boolean, headers: Readonly<Record<string, string>> = {}): Act {
  return (socket) => {
    socket.write(head(200, { "Transfer-Encoding": "chunked", Connection: "close", ...headers }));
    socket.write(`${bytes.length.toString(16)}\r\n`);
    socket.write(bytes);
    socket.end(ends ? "\r\n0\r\n\r\n" : "\r\n");
  };
}

/** A download, and what stands behind it. */
export interface Setup {
  readonly store: FaultServer;
  readonly download: Download;
  readonly sign: Mock<SignDownload>;
}

/** A download from a store that acts like this; every address that is signed for it is another one. */
export async function from(
  acts: readonly Act[],
  file: Partial<DownloadableFile> = {},
  signs: object = {},
): Promise<Setup> {
  const store = await startFaultServer(...acts);
  let count = 0;
  const sign = vi.fn<SignDownload>(async () => ({ url: `${store.origin}/signed-${++count}?${SECRET}`, ...signs }));
  // The store is on the origin of the API itself: not even there does the key go.
  const transport = createTransport(browserUseService, { apiKey: API_KEY, baseUrl: store.url });
  // A path alone stands for an address at this store.
  const url = file.url?.startsWith("/") ? `${store.origin}${file.url}?${SECRET}` : file.url;
  const download = new Download(transport, { path: "out/report.csv", ...file, url }, sign);
  return { store, download, sign };
}
