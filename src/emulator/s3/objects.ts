import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { readExactly, readUpTo } from "../server/body.ts";
import type { Bucket, NewObject, StoredObject } from "./bucket.ts";
import { checkLink } from "./link.ts";
import { S3Problem } from "./problem.ts";
import { type ByteRange, rangeIn } from "./range.ts";

/** What one PUT may hold; S3 takes 5 GiB, some versions of Node have less in one piece. */
const MAX_PUT_BYTES = 4 * 1024 ** 3 - 1;
const CHUNK_BYTES = 256 * 1024;

/** Objects by link: who has one may put or get, as it was signed, until it expires. */
export class S3Objects {
  readonly #bucket: Bucket;
  readonly #clock: Clock;

  constructor(bucket: Bucket, clock: Clock) {
    this.#bucket = bucket;
    this.#clock = clock;
  }

  /** Hands out an object, or a part of it. A link for GET is good for HEAD as well, other than with S3. */
  get(request: Request, url: URL, key: string): Response {
    checkLink({ method: "GET", url, headers: request.headers, length: undefined }, this.#bucket, this.#clock.now());
    const object = this.#bucket.get(key);
    if (!object) throw new S3Problem(404, "NoSuchKey", "The specified key does not exist.");
    checkMatch(request.headers.get("if-match"), object);
    const range = wantsPart(request.headers.get("if-range"), object)
      ? rangeIn(request.headers.get("range"), object.bytes.length)
      : undefined;
    return part(object, range, url.searchParams.get("response-content-disposition"));
  }

  /** Stores an object. `chunked` tells that it came without a length. */
  async put(request: Request, url: URL, key: string, chunked: boolean): Promise<Response> {
    const announced = lengthIn(request.headers);
    // A request that came over no socket need not have that header: then its body tells.
    const whole = announced === undefined && !chunked ? await readUpTo(request.body, MAX_PUT_BYTES) : undefined;
    const length = announced ?? whole?.bytes.length;
    checkLink({ method: "PUT", url, headers: request.headers, length }, this.#bucket, this.#clock.now());
    if (length === undefined) throw withoutLength(request.headers);
    if (length > MAX_PUT_BYTES) {
      throw new S3Problem(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
        ProposedSize: length,
        MaxSizeAllowed: MAX_PUT_BYTES,
      });
    }
    const object = { type: request.headers.get("content-type") ?? "binary/octet-stream" };
    const stored = whole ?? (await received(request.body, length));
    this.#bucket.put(key, { ...object, ...stored });
    return new Response(null, { status: 200, headers: { ETag: this.#bucket.get(key)?.etag ?? "" } });
  }
}

/** Takes a body in as it comes: it is in memory once. */
async function received(
  body: ReadableStream<Uint8Array> | null,
  length: number,
): Promise<Pick<NewObject, "bytes" | "etag">> {
  const hash = createHash("md5");
  const bytes = await readExactly(body, length, (chunk) => hash.update(chunk));
  if (bytes) return { bytes, etag: `"${hash.digest("hex")}"` };
  throw new S3Problem(
    400,
    "IncompleteBody",
    "You did not provide the number of bytes specified by the Content-Length HTTP header",
  );
}

function lengthIn(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

function withoutLength(headers: Headers): S3Problem {
  return headers.has("transfer-encoding")
    ? new S3Problem(501, "NotImplemented", "A header you provided implies functionality that is not implemented.")
    : S3Problem.lengthMissing();
}

function checkMatch(header: string | null, { etag }: StoredObject): void {
  if (header === null || header === "*" || header.split(",").some((one) => one.trim() === etag)) return;
  throw new S3Problem(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    Condition: "If-Match",
  });
}

/** Whether a range is for the object as it is now; of one that has changed since, the whole is given. */
function wantsPart(ifRange: string | null, object: StoredObject): boolean {
  return ifRange === null || ifRange === object.etag || ifRange === httpDate(object.storedAt);
}

function part(object: StoredObject, range: ByteRange | undefined, disposition: string | null): Response {
  const size = object.bytes.length;
  const { start, end } = range ?? { start: 0, end: size };
  const headers = {
    "Accept-Ranges": "bytes",
    "Content-Length": String(end - start),
    "Content-Type": object.type,
    ETag: object.etag,
    "Last-Modified": httpDate(object.storedAt),
    ...(disposition !== null && { "Content-Disposition": disposition }),
    ...(range && { "Content-Range": `bytes ${start}-${end - 1}/${size}` }),
  };
  return new Response(streamed(object.bytes, start, end), { status: range ? 206 : 200, headers });
}

/** Sends bytes piece by piece: a large object is not copied as a whole. */
function streamed(bytes: Uint8Array, start: number, end: number): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream({
    pull(controller) {
      if (at >= end) return controller.close();
      // A copy: whoever gets it without a socket between must not be able to change what is stored.
      controller.enqueue(new Uint8Array(bytes.subarray(at, Math.min(end, at + CHUNK_BYTES))));
      at += CHUNK_BYTES;
    },
  });
}

function httpDate(at: number): string {
  return new Date(at).toUTCString();
}
