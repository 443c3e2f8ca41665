import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "./clock.ts";

const NAME = "emulator-files";
const ACCESS_KEY = "EMULATORACCESSKEY";
const POST_EXPIRES_MS = 120_000;

/** A stored object. */
export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly type: string;
}

/** A form that may be posted once it carries a file. */
export interface PresignedPost {
  readonly url: string;
  readonly fields: Record<string, string>;
  readonly expiresIn: number;
}

/** Objects by key, and the signatures that let somebody without a key of ours put or get one. */
export class Bucket {
  readonly name: string = NAME;
  readonly #clock: Clock;
  readonly #objects = new Map<string, StoredObject>();
  readonly #secret = randomBytes(20).toString("hex");
  readonly #token = randomBytes(48).toString("base64");

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Stores an object, in place of one with the same key. */
  put(key: string, object: StoredObject): void {
    this.#objects.set(key, object);
  }

  /** The object with this key. */
  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** The objects below a folder, by the rest of their key. */
  list(folder: string): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    for (const [key, { bytes }] of this.#objects) {
      if (key.startsWith(`${folder}/`)) found.set(key.slice(folder.length + 1), bytes);
    }
    return found;
  }

  /** Deletes what {@link list} would give. */
  deleteFolder(folder: string): void {
    for (const key of this.list(folder).keys()) this.#objects.delete(`${folder}/${key}`);
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
      fields: { ...fields, policy, "x-amz-signature": this.#sign(policy, fields["x-amz-credential"] ?? "") },
      expiresIn: POST_EXPIRES_MS / 1000,
    };
  }

  /** A link under which anybody can get an object for a while. */
  presignGet(origin: string, key: string, expiresMs: number): string {
    const now = this.#clock.now();
    const url = new URL(`${origin}/s3/${NAME}/${key.split("/").map(encodeURIComponent).join("/")}`);
    const credential = this.#credential(now);
    url.searchParams.set("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
    url.searchParams.set("X-Amz-Credential", credential);
    url.searchParams.set("X-Amz-Date", basicDate(now));
    url.searchParams.set("X-Amz-Expires", String(expiresMs / 1000));
    url.searchParams.set("X-Amz-SignedHeaders", "host");
    url.searchParams.set("X-Amz-Signature", this.#sign(linkText(url), credential));
    return url.href;
  }

  /** Whether a signature was made by this bucket over this text. */
  verifies(signature: string, text: string, credential: string): boolean {
    const expected = Buffer.from(this.#sign(text, credential));
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  /** Whether a credential names this bucket's own access key. */
  knows(credential: string): boolean {
    return credential.startsWith(`${ACCESS_KEY}/`);
  }

  #credential(now: number): string {
    return `${ACCESS_KEY}/${basicDate(now).slice(0, 8)}/us-east-1/s3/aws4_request`;
  }

  /** Signature version 4: the key is derived step by step from the parts of the credential. */
  #sign(text: string, credential: string): string {
    const scope = credential.split("/").slice(1);
    const key = scope.reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${this.#secret}`);
    return hmac(key, text).toString("hex");
  }
}

/** What the signature of a link covers. */
export function linkText(url: URL): string {
  const query = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"];
  return [url.pathname, ...query.map((name) => url.searchParams.get(name) ?? "")].join("\n");
}

/** `20260131T235959Z`, as S3 writes a time. */
function basicDate(at: number): string {
  return new Date(at).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Reads what {@link basicDate} wrote. */
export function fromBasicDate(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
