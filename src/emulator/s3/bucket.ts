import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import { basicDate, encodePath, isSignature, isSignedLink, type SignedRequest, sign, signLink } from "./signature.ts";

const NAME = "emulator-files";
const ACCESS_KEY = "EMULATORACCESSKEY";
const POST_EXPIRES_MS = 120_000;

/** What is to be stored. */
export interface NewObject {
  readonly bytes: Uint8Array;
  readonly type: string;
  /** When it is known already; it takes a while to find it for a large object. */
  readonly etag?: string;
}

/** A stored object. */
export interface StoredObject extends Required<NewObject> {
  readonly storedAt: number;
}

/** A form that may be posted once it carries a file. */
export interface PresignedPost {
  readonly url: string;
  readonly fields: Record<string, string>;
  readonly expiresIn: number;
}

/** Objects by key (`kind/id/name`), and the signatures that let somebody without a key of ours put or get one. */
export class Bucket {
  readonly name: string = NAME;
  readonly #clock: Clock;
  /** By `kind/id`, then by the rest of the key: what belongs to one session or workspace is found without the others. */
  readonly #folders = new Map<string, Map<string, StoredObject>>();
  readonly #secret = randomBytes(20).toString("hex");
  readonly #token = randomBytes(48).toString("base64");

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Stores an object, in place of one with the same key. */
  put(key: string, { bytes, type, etag = etagOf(bytes) }: NewObject): void {
    const [folder, name] = split(key);
    const objects = this.#folders.get(folder) ?? new Map<string, StoredObject>();
    this.#folders.set(folder, objects.set(name, { bytes, type, etag, storedAt: this.#clock.now() }));
  }

  /** The object with this key. */
  get(key: string): StoredObject | undefined {
    const [folder, name] = split(key);
    return this.#folders.get(folder)?.get(name);
  }

  /** Deletes an object; false when there is none. */
  delete(key: string): boolean {
    const [folder, name] = split(key);
    return this.#folders.get(folder)?.delete(name) ?? false;
  }

  /** The objects below a folder (`kind/id`), by the rest of their key. */
  folder(folder: string): ReadonlyMap<string, StoredObject> {
    return this.#folders.get(folder) ?? new Map();
  }

  /** What the objects below a folder hold now, by the rest of their key. */
  list(folder: string): Map<string, Uint8Array> {
    return new Map([...this.folder(folder)].map(([name, { bytes }]) => [name, bytes]));
  }

  /** Deletes what {@link list} would give. */
  deleteFolder(folder: string): void {
    this.#folders.delete(folder);
  }

  /** A form for exactly one file: its key, type and size are fixed by the signed policy. */
  presignPost(origin: string, file: { key: string; type: string; size: number }): PresignedPost {
    const now = this.#clock.now();
    const fields: Record<string, string> = {
      "Content-Type": file.type,
      key: file.key,
      "x-amz-algorithm": "AWS4-HMAC-SHA256",
      "x-amz-credential": this.#credential(now),
      "x-amz-date": basicDate(now),
      "x-amz-security-token": this.#token,
    };
    const conditions = [
      { bucket: NAME },
      ...Object.entries(fields).map(([name, value]) => ({ [name]: value })),
      ["content-length-range", file.size, file.size],
    ];
    const expiration = new Date(now + POST_EXPIRES_MS).toISOString();
    const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString("base64");
    return {
      url: `${origin}/s3/${NAME}`,
      fields: { ...fields, policy, "x-amz-signature": sign(this.#secret, this.#credential(now), policy) },
      expiresIn: POST_EXPIRES_MS / 1000,
    };
  }

  /** A link under which anybody can get an object for a while; `disposition` is the header of this name that the answer has. */
  presignGet(origin: string, key: string, expiresMs: number, disposition?: string): string {
    const query = disposition === undefined ? {} : { "response-content-disposition": disposition };
    return this.#presign("GET", origin, key, expiresMs, [], query);
  }

  /** A link under which anybody can put an object for a while: with this type, and this size when one is given. */
  presignPut(origin: string, file: { key: string; type: string; size: number | null }, expiresMs: number): string {
    const length: [string, string][] = file.size === null ? [] : [["content-length", String(file.size)]];
    return this.#presign("PUT", origin, file.key, expiresMs, [...length, ["content-type", file.type]]);
  }

  /** Whether a signature was made by this bucket over this text. */
  verifies(signature: string, text: string, credential: string): boolean {
    return isSignature(signature, this.#secret, credential, text);
  }

  /** Whether the URL of a request was signed by this bucket, for this very request. */
  verifiesLink(request: SignedRequest): boolean {
    return isSignedLink(request, this.#secret);
  }

  /** Whether a credential names this bucket's own access key. */
  knows(credential: string): boolean {
    return credential.startsWith(`${ACCESS_KEY}/`);
  }

  /** `headers` are what is signed beside the host, sorted. */
  #presign(
    method: string,
    origin: string,
    key: string,
    expiresMs: number,
    headers: [string, string][],
    more: Readonly<Record<string, string>> = {},
  ): string {
    const now = this.#clock.now();
    const url = new URL(`${origin}/s3/${NAME}/${encodePath(key)}`);
    const signed = new Map([...headers, ["host", url.host] as const]);
    const query = {
      ...more,
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-Credential": this.#credential(now),
      "X-Amz-Date": basicDate(now),
      "X-Amz-Expires": String(expiresMs / 1000),
      "X-Amz-Security-Token": this.#token,
      "X-Amz-SignedHeaders": [...signed.keys()].join(";"),
    };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return signLink({ method, url, headers: signed }, this.#secret);
  }

  #credential(now: number): string {
    return `${ACCESS_KEY}/${basicDate(now).slice(0, 8)}/us-east-1/s3/aws4_request`;
  }
}

/** The entity tag of an object, as S3 has it for one that was stored in one go. */
export function etagOf(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function split(key: string): [folder: string, name: string] {
  const at = key.indexOf("/", key.indexOf("/") + 1);
  return [key.slice(0, at), key.slice(at + 1)];
}
