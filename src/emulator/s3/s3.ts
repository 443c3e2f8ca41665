import type { Clock } from "../clock.ts";
import { readUpTo } from "../server/body.ts";
import { boundaryOf, type Part, parseMultipart } from "../server/multipart.ts";
import { type Bucket, etagOf } from "./bucket.ts";
import { S3Objects } from "./objects.ts";
import { checkPolicy, checkSize } from "./post-policy.ts";
import { S3Problem } from "./problem.ts";
import { encodePath } from "./signature.ts";

/** More than any form we sign may hold; what comes after it is not kept. */
const MAX_FORM_BYTES = 11 * 1024 * 1024;
const MAX_FIELD_BYTES = 20 * 1024;

/** The storage service: takes files by signed forms and links, and hands them out by links, as strictly as S3 does. */
export class S3Front {
  readonly #bucket: Bucket;
  readonly #clock: Clock;
  readonly #objects: S3Objects;

  constructor(bucket: Bucket, clock: Clock) {
    this.#bucket = bucket;
    this.#clock = clock;
    this.#objects = new S3Objects(bucket, clock);
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
    const [, , bucket, ...path] = url.pathname.split("/");
    const key = decoded(path);
    if (bucket !== this.#bucket.name) throw new S3Problem(404, "NoSuchBucket", "The specified bucket does not exist");
    if (key === "" && request.method === "POST") return this.#post(request, url, chunked);
    if (key !== "" && request.method === "PUT") return this.#objects.put(request, url, key, chunked);
    if (key !== "" && ["GET", "HEAD"].includes(request.method)) return this.#objects.get(request, url, key);
    throw new S3Problem(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
  }

  async #post(request: Request, url: URL, chunked: boolean): Promise<Response> {
    if (chunked) throw S3Problem.lengthMissing();
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
    const location = `${url.origin}${url.pathname}/${encodePath(key)}`;
    return new Response(null, { status: 204, headers: { ETag: etagOf(bytes), Location: location } });
  }
}

function decoded(path: readonly string[]): string {
  try {
    return path.map(decodeURIComponent).join("/");
  } catch {
    throw new S3Problem(400, "InvalidURI", "Couldn't parse the specified URI.");
  }
}
