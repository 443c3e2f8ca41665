import { refuseUnknown } from "../facade/call/check.ts";
import { isRecord } from "../facade/call/redact.ts";
import { InvalidInputError } from "../facade/errors.ts";
import {
  checkHeaders,
  checkSecrets,
  findHeader,
  findSigned,
  readBody,
  readSignature,
  refusal,
  type WebhookHeaders,
  withoutMark,
} from "../facade/webhooks/incoming.ts";
import type { Ok } from "./types.ts";

const SIGNATURE_HEADER = "x-skyvern-signature";
const TIMESTAMP_HEADER = "x-skyvern-timestamp";
/** A run brings its whole output along. */
const LARGEST_BODY_BYTES = 16 * 1024 * 1024;

/** A request that claims to be a webhook of Skyvern's. */
export interface SkyvernWebhookRequest {
  /** The body as it came, at most 16 MiB. One that was parsed before cannot be checked. */
  readonly body: string | Uint8Array;
  /** All headers of the request; two of them are read. */
  readonly headers: WebhookHeaders;
}

/** A run as webhooks bring it: of a task or of a workflow. It is plain data, as the service sent it. */
export type SkyvernWebhookRun = Readonly<Ok<"/v1/runs/{run_id}", "get">>;

/** What a verified webhook tells. */
export interface SkyvernWebhook {
  /** The run, which has ended. */
  readonly run: SkyvernWebhookRun;
  /** When it was sent, as the sender says: the signature does not cover it. Null when it is missing or no time. */
  readonly timestamp: Date | null;
}

/**
 * Checks that a webhook was signed with the API key, and reads it. The comparison takes the same time wherever a signature is wrong. The
 * signature does not cover the time, so that a webhook that was overheard passes for ever: whatever you do for it, do once per `run_id`.
 *
 *     const { run } = await verifySkyvernWebhook({ body: await request.text(), headers: request.headers }, apiKey);
 *
 * `apiKey`: the key that the run was started with; several while one replaces another.
 *
 * @throws {@link WebhookVerificationError} for whatever a sender can get wrong: answer 400. Its text shows neither key, signature nor body.
 * @throws {@link InvalidInputError} for what the caller got wrong: no key, or a body that was parsed before.
 */
export async function verifySkyvernWebhook(
  request: SkyvernWebhookRequest,
  apiKey: string | readonly string[],
): Promise<SkyvernWebhook> {
  if (!isRecord(request)) throw new InvalidInputError("verifySkyvernWebhook takes { body, headers } and the API key.");
  const { body, headers, ...unknown } = request;
  refuseUnknown(unknown, "verifySkyvernWebhook");
  const keys = checkSecrets(apiKey, "apiKey", "the API key");
  const text = readBody(body, LARGEST_BODY_BYTES);
  const signature = readSignature(checkHeaders(headers), SIGNATURE_HEADER);
  const signed = await findSigned([text], (form) => form, signature, keys);
  const run = runIn(withoutMark(signed));
  if (!run) throw refusal("it is signed, but is not a run");
  return { run, timestamp: timestampIn(headers) };
}

function runIn(text: string): SkyvernWebhookRun | undefined {
  try {
    const run: unknown = JSON.parse(text);
    const isRun = isRecord(run) && typeof run["run_id"] === "string" && typeof run["status"] === "string";
    return isRun ? (run as SkyvernWebhookRun) : undefined; // what the service has signed is taken as it describes it
  } catch {
    return undefined;
  }
}

function timestampIn(headers: WebhookHeaders): Date | null {
  const seconds = findHeader(headers, TIMESTAMP_HEADER) ?? "";
  return /^[1-9]\d{0,11}$/.test(seconds) ? new Date(Number(seconds) * 1000) : null;
}
