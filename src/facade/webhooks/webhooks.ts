import { checkMs, refuseUnknown } from "../call/check.ts";
import { isRecord } from "../call/redact.ts";
import { InvalidInputError } from "../errors.ts";
import { canonicalForms } from "./canonical-json.ts";
import {
  checkHeaders,
  checkSecrets,
  findSigned,
  readBody,
  readHeader,
  readSignature,
  refusal,
  type WebhookHeaders,
  withoutMark,
} from "./incoming.ts";
import { readEvent, type WebhookEvent } from "./webhook-event.ts";

export type { WebhookHeaders } from "./incoming.ts";

const SIGNATURE_HEADER = "X-Browser-Use-Signature";
const TIMESTAMP_HEADER = "X-Browser-Use-Timestamp";
const DEFAULT_TOLERANCE_MS = 300_000;
/** Far above any event; a larger one would cost much time to refuse. */
const LARGEST_BODY_BYTES = 256 * 1024;

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
  const secrets = checkSecrets(secret, "secret", "the webhook's secret from the dashboard");
  const ageLimitMs = checkMs("toleranceMs", toleranceMs, DEFAULT_TOLERANCE_MS);
  if (!Number.isFinite(nowMs)) throw new InvalidInputError("nowMs must be a time in milliseconds since the epoch.");
  const text = readBody(body, LARGEST_BODY_BYTES);
  const timestamp = readTimestamp(checkHeaders(headers), nowMs, ageLimitMs);
  const signature = readSignature(headers, SIGNATURE_HEADER);
  const message = (form: string) => `${timestamp}.${form}`;
  const signed = await findSigned(formsOf(text), message, signature, secrets);
  const event = readEvent(JSON.parse(withoutMark(signed)));
  if (!event) throw refusal("it is signed, but is not an event");
  return event;
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

/** What may have been signed: the body as it is, or a canonical form of it. All say the same. */
function formsOf(text: string): readonly string[] {
  try {
    return [...new Set([text, ...canonicalForms(withoutMark(text))])];
  } catch {
    throw refusal("its body is not JSON, or nested too deep");
  }
}
