import { isRecord } from "../call/redact.ts";
import { InvalidInputError, WebhookVerificationError } from "../errors.ts";

/** Bytes that share no memory. Written like this, compilers before 5.7 take it too, which know no parameter of the type. */
type OwnBytes = ReturnType<typeof Uint8Array.from>;

/** Headers as fetch has them (`request.headers`), or as a plain object of names in any case, such as `request.headers` in Node. */
export type WebhookHeaders =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Checks what webhooks are signed with, one or several. `what`: as it is called. */
export function checkSecrets(secret: unknown, name: string, what: string): readonly string[] {
  const secrets = [secret].flat();
  if (secrets.length === 0 || !secrets.every((one): one is string => typeof one === "string" && one !== ""))
    throw new InvalidInputError(`${name} must be ${what}, or a list of such; none may be empty.`);
  if (secrets.some((one) => one.trim() !== one))
    throw new InvalidInputError(`${name} must not begin or end with a space or a line end.`);
  return secrets;
}

/** Checks that there are headers to read. */
export function checkHeaders(headers: unknown): WebhookHeaders {
  if (!isRecord(headers)) throw new InvalidInputError("headers must be Headers, or an object of names and values.");
  return headers as WebhookHeaders; // whatever else is in it is not read, or refused when it is
}

/**
 * The body as text. Texts are worked on from here, so that what is read is what was checked, even if the caller's bytes change meanwhile.
 * `largestBytes`: in characters for a text, which has no more of them than bytes.
 */
export function readBody(body: unknown, largestBytes: number): string {
  if (typeof body !== "string" && !ArrayBuffer.isView(body))
    throw new InvalidInputError(
      "body must be the raw body, a string or Uint8Array. A body that was parsed before, or not read yet, cannot be checked.",
    );
  if ((typeof body === "string" ? body.length : body.byteLength) > largestBytes)
    throw refusal(`its body is larger than ${largestBytes / 1024} KiB`);
  const text = typeof body === "string" ? body : decode(body);
  if (/\p{Cs}/u.test(text)) throw refusal("its body is not UTF-8"); // halves of characters, which HMAC would take for others
  return text;
}

function decode(bytes: ArrayBufferView): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refusal("its body is not UTF-8");
  }
}

/** The one value of a header; undefined when there is none. */
export function findHeader(headers: WebhookHeaders, name: string): string | undefined {
  const values = typeof headers.get === "function" ? [headers.get(name.toLowerCase())] : valuesOf(headers, name);
  const [value, ...others] = values.flat().filter((one) => one != null);
  if (value === undefined) return undefined;
  if (others.length > 0 || typeof value !== "string") throw refusal(`it has more than one ${name} header`);
  return value;
}

/** The one value of a header that must be there. */
export function readHeader(headers: WebhookHeaders, name: string): string {
  const value = findHeader(headers, name);
  if (value === undefined) throw refusal(`it has no ${name} header`);
  return value;
}

function valuesOf(headers: object, name: string): unknown[] {
  return Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name.toLowerCase() ? [value] : []));
}

/** The signature in a header, as bytes. */
export function readSignature(headers: WebhookHeaders, name: string): OwnBytes {
  const signature = readHeader(headers, name);
  if (!/^[\da-f]{64}$/i.test(signature)) throw refusal(`its ${name} is not 64 hexadecimal digits`);
  return Uint8Array.from(signature.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The form of the body whose `message` one of the secrets has signed. `verify` compares in constant time. */
export async function findSigned(
  forms: readonly string[],
  message: (form: string) => string,
  signature: OwnBytes,
  secrets: readonly string[],
): Promise<string> {
  for (const secret of secrets) {
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytesOf(secret), hmac, false, ["verify"]);
    for (const form of forms) {
      if (await crypto.subtle.verify("HMAC", key, signature, bytesOf(message(form)))) return form;
    }
  }
  throw refusal("its signature does not fit: another secret, or a changed body");
}

/** Without the mark that some put before UTF-8; it is no part of the JSON. */
export function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, "");
}

function bytesOf(text: string): OwnBytes {
  return new TextEncoder().encode(text);
}

/** What a sender hears. */
export function refusal(why: string): WebhookVerificationError {
  return new WebhookVerificationError(`The webhook is refused: ${why}.`);
}
