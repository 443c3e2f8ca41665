import { createHash } from "node:crypto";
import { readUpTo } from "./body.ts";
import { type Bucket, fromBasicDate, linkText } from "./bucket.ts";
import type { Clock } from "./clock.ts";
import { boundaryOf, type Part, parseMultipart } from "./multipart.ts";
import { checkPolicy, checkSize } from "./post-policy.ts";
import { S3Problem } from "./s3-problem.ts";

/** More than any form we sign may hold; what comes after it is not kept. */
const MAX_FORM_BYTES = 11 * 1024 * 1024;
const MAX_FIELD_BYTES = 20 * 1024;

/** The storage service: takes signed forms and hands out objects by signed links, as strictly as S3 does. */
export class S3Front {
  readonly #bucket: Bucket;
  readonly #clock: Clock;

  constructor(bucket: Bucket, clock: Clock) {
    this.#bucket = bucket;
    this.#clock = clock;
  }

  /** Answers a request below `/s3`. `chunked` tells that it came without a length. */
  async answer(request: Request, chunked: boolean): Promise<Response> {
    try {
      return await this.#route(request, chunked);
    } catch (error) {
      if (error instanceof S3Problem) return error.response(request.method === "HEAD");
      throw error;
    }
  }

  async #route(request: Request, chunked: boolean): Promise<Response> {
    const url = new URL(request.url);
    for (const header of ["x-browser-use-api-key", "authorization"]) {
      // S3 ignores the first: refusing it here shows a client that hands its key to the storage service.
      if (request.headers.has(header))
        throw new S3Problem(400, "InvalidArgument", `The header ${header} must not be sent here.`);
    }
    const [, , bucket, ...key] = url.pathname.split("/");
    if (bucket !== this.#bucket.name) throw new S3Problem(404, "NoSuchBucket", "The specified bucket does not exist");
    if (key.length === 0 && request.method === "POST") return this.#post(request, url, chunked);
    if (key.length > 0 && (request.method === "GET" || request.method === "HEAD")) return this.#get(request, url, key);
    throw new S3Problem(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
  }

  async #post(request: Request, url: URL, chunked: boolean): Promise<Response> {
    if (chunked) throw new S3Problem(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
    const boundary = boundaryOf(request.headers.get("content-type") ?? "");
    if (boundary === undefined) {
      throw new S3Problem(412, "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data");
    }
    const { bytes, truncated } = await readUpTo(request.body, MAX_FORM_BYTES);
    const { parts, complete } = parseMultipart(bytes, boundary);
    if (!complete && !truncated) {
      throw new S3Problem(
        400,
        "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.",
      );
    }
    const { fields, file } = this.#form(parts);
    checkPolicy(fields, this.#bucket, this.#clock.now());
    checkSize(fields, truncated ? Number.POSITIVE_INFINITY : file.bytes.length);
    return this.#store(fields, file, url);
  }

  /** The fields before the file; what follows it does not count, except for a second file. */
  #form(parts: readonly Part[]): { fields: Map<string, string>; file: Part } {
    const at = parts.findIndex(({ name }) => name === "file");
    const files = parts.filter(({ name }) => name === "file");
    const before = at < 0 ? parts : parts.slice(0, at);
    const fields = new Map<string, string>();
    for (const { name, bytes } of before) {
      if (fields.has(name.toLowerCase()))
        throw new S3Problem(400, "InvalidArgument", `The field ${name} is there twice.`);
      fields.set(name.toLowerCase(), bytes.toString("utf8"));
    }
    if ((parts[at]?.offset ?? 0) > MAX_FIELD_BYTES) {
      throw new S3Problem(
        400,
        "MaxPostPreDataLengthExceeded",
        "Your POST request fields preceding the upload file were too large.",
      );
    }
    if (!fields.has("key")) {
      throw new S3Problem(
        400,
        "InvalidArgument",
        "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields.",
      );
    }
    const [file, second] = files;
    if (!file || second)
      throw new S3Problem(400, "InvalidArgument", "POST requires exactly one file upload per request.");
    return { fields, file };
  }

  #store(fields: ReadonlyMap<string, string>, file: Part, url: URL): Response {
    const key = fields.get("key") ?? "";
    const bytes = Uint8Array.from(file.bytes);
    this.#bucket.put(key, { bytes, type: fields.get("content-type") ?? "application/octet-stream" });
    const location = `${url.origin}${url.pathname}/${key.split("/").map(encodeURIComponent).join("/")}`;
    return new Response(null, { status: 204, headers: { ETag: etag(bytes), Location: location } });
  }

  #get(request: Request, url: URL, path: readonly string[]): Response {
    const query = url.searchParams;
    const credential = query.get("X-Amz-Credential") ?? "";
    if (!this.#bucket.knows(credential)) throw new S3Problem(403, "AccessDenied", "Access Denied");
    if (!this.#bucket.verifies(query.get("X-Amz-Signature") ?? "", linkText(url), credential)) {
      throw S3Problem.signature();
    }
    const expiresAt = fromBasicDate(query.get("X-Amz-Date") ?? "") + Number(query.get("X-Amz-Expires")) * 1000;
    if (!(this.#clock.now() < expiresAt)) throw new S3Problem(403, "AccessDenied", "Request has expired");
    const object = this.#bucket.get(path.map(decodeURIComponent).join("/"));
    if (!object) throw new S3Problem(404, "NoSuchKey", "The specified key does not exist.");
    const headers = {
      "Content-Type": object.type,
      "Content-Length": String(object.bytes.length),
      ETag: etag(object.bytes),
    };
    return new Response(request.method === "HEAD" ? null : Uint8Array.from(object.bytes), { headers });
  }
}

function etag(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}
