import { ApiError, BrowserUseError, ConcurrencyLimitError, ConnectionError, TimeoutError } from "../errors.ts";
import { hasUnknownOutcome } from "../live.ts";
import type { OpenFailure } from "../pool/session-port.ts";

/** Whatever is not surely refused may have been carried out. */
export function failureOf(error: unknown): OpenFailure {
  if (hasUnknownOutcome(error) || !(error instanceof BrowserUseError)) return "unknown";
  if (error instanceof ConcurrencyLimitError) return "full";
  if (error instanceof ConnectionError || error instanceof TimeoutError) return "later";
  if (!(error instanceof ApiError)) return "refused";
  const { status } = error;
  if (status === 429 || status === 503) return "later";
  return status === 408 || status >= 500 ? "unknown" : "refused";
}
