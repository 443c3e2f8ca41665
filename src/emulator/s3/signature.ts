import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { byCodePoint } from "../code-points.ts";

const SIGNATURE = "X-Amz-Signature";

/** What is signed of a request: the rest of its headers and its body are not. */
export interface SignedRequest {
  readonly method: string;
  /** All of its query is signed, except for the signature. */
  readonly url: URL;
  /** By lower-case name, sorted; a header that is not there is signed as empty. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Puts the signature of a request into its URL. */
export function signLink(request: SignedRequest, secret: string): string {
  const { url } = request;
  url.searchParams.set(SIGNATURE, sign(secret, credentialOf(url), textOf(request)));
  return url.href;
}

/** Whether the URL of a request carries the signature of this very request. */
export function isSignedLink(request: SignedRequest, secret: string): boolean {
  const given = request.url.searchParams.get(SIGNATURE) ?? "";
  return isSignature(given, secret, credentialOf(request.url), textOf(request));
}

/** Whether a signature was made with a secret over this text. */
export function isSignature(given: string, secret: string, credential: string, text: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(sign(secret, credential, text))];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Signature version 4: the key is derived step by step from the parts of the credential. */
export function sign(secret: string, credential: string, text: string): string {
  const scope = credential.split("/").slice(1);
  const key = scope.reduce<string | Buffer>((derived, part) => hmac(derived, part), `AWS4${secret}`);
  return hmac(key, text).toString("hex");
}

/** `20260131T235959Z`, as S3 writes a time. */
export function basicDate(at: number): string {
  return new Date(at).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Reads what {@link basicDate} wrote. */
export function fromBasicDate(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

/** A path as it is signed and linked to: everything is escaped but slashes and what never needs to be. */
export function encodePath(path: string): string {
  return path.split("/").map(encode).join("/");
}

function textOf({ method, url, headers }: SignedRequest): string {
  const query = [...url.searchParams]
    .filter(([name]) => name !== SIGNATURE)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort(byCodePoint);
  const canonical = [
    method,
    encodePath(decodeURIComponent(url.pathname)),
    query.join("&"),
    ...[...headers].map(([name, value]) => `${name}:${value.trim().replace(/ +/g, " ")}`),
    "",
    [...headers.keys()].join(";"),
    "UNSIGNED-PAYLOAD",
  ].join("\n");
  const scope = credentialOf(url).split("/").slice(1).join("/");
  const date = url.searchParams.get("X-Amz-Date") ?? "";
  return ["AWS4-HMAC-SHA256", date, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
}

function credentialOf(url: URL): string {
  return url.searchParams.get("X-Amz-Credential") ?? "";
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
