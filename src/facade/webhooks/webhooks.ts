import { checkMs, refuseUnknown } from "../call/check.ts";
import { isRecord } from "../call/redact.ts";
import { InvalidInputError, WebhookVerificationError } from "../errors.ts";
import { canonicalForms } from "./canonical-json.ts";
import { readEvent, type WebhookEvent } from "./webhook-event.ts";

const SIGNATURE_HEADER = "X-Browser-Use-Signature";
const TIMESTAMP_HEADER = "X-Browser-Use-Timestamp";
const DEFAULT_TOLERANCE_MS = 300_000;
/** In characters for a text, which has no more of them than bytes. Far above any event; a larger one would cost much time to refuse. */
const LARGEST_BODY_BYTES = 256 * 1024;

/** Headers as fetch has them (`request.headers`), or as a plain object of names in any case, such as `request.headers` in Node. */
export type WebhookHeaders =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** What came in, and what it is to be checked against. */
export interface WebhookRequest {
  /** The body as it came, at most 256 KiB. One that was parsed before cannot be checked: numbers may have changed. */
  readonly body: string | Uint8Array;
  /** All headers of the request; two of them are read. */
  readonly headers: WebhookHeaders;
  /** The webhook's secret from the dashboard; several while one replaces another. */
  readonly secret: string | readonly string[];
  /** How old a webhook may be, and how far ahead of this machine's clock, in milliseconds. Default: 300,000. */
  readonly toleranceMs?: number | undefined;
  /** What time it is, in milliseconds since the epoch. Default: `Date.now()`. */
  readonly nowMs?: number | undefined;
}

/**
 * Checks that a webhook is from the service and not older than five minutes, and reads it. The same webhook passes as often as it comes
 * within that time. The comparison takes the same time wherever a signature is wrong. Needs WebCrypto and nothing else of a runtime.
 *
 *     const event = await verifyWebhook({ body: await request.text(), headers: request.headers, secret });
 *
 * @throws {@link WebhookVerificationError} for whatever a sender can get wrong: answer 400. Its text shows neither secret, signature nor body.
 * @throws {@link InvalidInputError} for what the caller got wrong: no secret, or a body that was parsed before.
 */
export async function verifyWebhook(request: WebhookRequest): Promise<WebhookEvent> {
  if (!isRecord(request)) throw new InvalidInputError("verifyWebhook takes { body, headers, secret }.");
  const { body, headers, secret, toleranceMs, nowMs = Date.now(), ...unknown } = request;
  refuseUnknown(unknown, "verifyWebhook");
  const secrets = checkSecrets(secret);
  const ageLimitMs = checkMs("toleranceMs", toleranceMs, DEFAULT_TOLERANCE_MS);
  if (!Number.isFinite(nowMs)) throw new InvalidInputError("nowMs must be a time in milliseconds since the epoch.");
  const text = readBody(body);
  const timestamp = readTimestamp(checkHeaders(headers), nowMs, ageLimitMs);
  const signature = readSignature(headers);
  const signed = await findSigned(formsOf(text), timestamp, signature, secrets);
  const event = readEvent(JSON.parse(withoutMark(signed)));
  if (!event) throw refusal("it is signed, but is not an event");
  return event;
}

function checkSecrets(secret: unknown): readonly string[] {
  const secrets = [secret].flat();
  if (secrets.length === 0 || !secrets.every((one): one is string => typeof one === "string" && one !== ""))
    throw new InvalidInputError(
      "secret must be the webhook's secret from the dashboard, or a list of such; none may be empty.",
    );
  if (secrets.some((one) => one.trim() !== one))
    throw new InvalidInputError("secret must not begin or end with a space or a line end.");
  return secrets;
}

function checkHeaders(headers: unknown): WebhookHeaders {
  if (!isRecord(headers)) throw new InvalidInputError("headers must be Headers, or an object of names and values.");
  return headers as WebhookHeaders; // whatever else is in it is not read, or refused when it is
}

/** Texts are worked on from here, so that what is read is what was checked, even if the caller's bytes change meanwhile. */
function readBody(body: unknown): string {
  if (typeof body !== "string" && !ArrayBuffer.isView(body))
    throw new InvalidInputError(
      "body must be the raw body, a string or Uint8Array. A body that was parsed before, or not read yet, cannot be checked.",
    );
  if ((typeof body === "string" ? body.length : body.byteLength) > LARGEST_BODY_BYTES)
    throw refusal("its body is larger than 256 KiB");
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

function readHeader(headers: WebhookHeaders, name: string): string {
  const values = typeof headers.get === "function" ? [headers.get(name.toLowerCase())] : valuesOf(headers, name);
  const [value, ...others] = values.flat().filter((one) => one != null);
  if (value === undefined) throw refusal(`it has no ${name} header`);
  if (others.length > 0 || typeof value !== "string") throw refusal(`it has more than one ${name} header`);
  return value;
}

function valuesOf(headers: object, name: string): unknown[] {
  return Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name.toLowerCase() ? [value] : []));
}

/** Digits only: a timestamp that is no number passes no age check, and is none. */
function readTimestamp(headers: WebhookHeaders, nowMs: number, ageLimitMs: number): string {
  const timestamp = readHeader(headers, TIMESTAMP_HEADER);
  if (!/^[1-9]\d{0,11}$/.test(timestamp)) throw refusal(`its ${TIMESTAMP_HEADER} is not a time in whole seconds`);
  const ageMs = nowMs - Number(timestamp) * 1000;
  if (ageMs > ageLimitMs) throw refusal("it is too old, or this machine's clock is ahead");
  if (ageMs < -ageLimitMs) throw refusal("it is from the future, or this machine's clock is behind");
  return timestamp;
}

function readSignature(headers: WebhookHeaders): Uint8Array<ArrayBuffer> {
  const signature = readHeader(headers, SIGNATURE_HEADER);
  if (!/^[\da-f]{64}$/i.test(signature)) throw refusal(`its ${SIGNATURE_HEADER} is not 64 hexadecimal digits`);
  return Uint8Array.from(signature.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** What may have been signed: the body as it is, or a canonical form of it. All say the same. */
function formsOf(text: string): readonly string[] {
  try {
    return [...new Set([text, ...canonicalForms(withoutMark(text))])];
  } catch {
    throw refusal("its body is not JSON, or nested too deep");
  }
}

/** The text that was signed. `verify` compares in constant time. */
async function findSigned(
  forms: readonly string[],
  timestamp: string,
  signature: Uint8Array<ArrayBuffer>,
  secrets: readonly string[],
): Promise<string> {
  for (const secret of secrets) {
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytesOf(secret), hmac, false, ["verify"]);
    for (const form of forms) {
      if (await crypto.subtle.verify("HMAC", key, signature, bytesOf(`${timestamp}.${form}`))) return form;
    }
  }
  throw refusal("its signature does not fit: another secret, or a changed body");
}

/** The mark that some put before UTF-8; it is no part of the JSON. */
function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, "");
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function refusal(why: string): WebhookVerificationError {
  return new WebhookVerificationError(`The webhook is refused: ${why}.`);
}
