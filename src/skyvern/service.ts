import type { Service } from "../facade/call/service.ts";
import { ApiError } from "../facade/errors.ts";
import { answers, repeatable } from "../generated/skyvern/limits.ts";

const ARCHIVE_PENDING = /does not have a persisted profile archive/i;

/** Skyvern, as far as calls are concerned. Its texts are read in this file and nowhere else. */
export const skyvernService: Service = {
  baseUrl: "https://api.skyvern.com",
  variables: { baseUrl: "SKYVERN_BASE_URL", apiKey: "SKYVERN_API_KEY" },
  keyHeader: "x-api-key",
  repeatable,
  answers,
  refusals: [
    { statuses: [403], text: /invalid credentials/i, means: "authentication" },
    { statuses: [400], text: /already occupied/i, means: "busy" },
    { statuses: [409], text: /owned by another/i, means: "busy" },
    { statuses: [409], operation: "PATCH /v1/browser_sessions/{browser_session_id}", means: "stopped" },
    { statuses: [410], means: "stopped" },
  ],
  sessionField: "browser_session_id",
  secretFields: ["extra_http_headers", "cdp_connect_headers", "browser_address"],
};

/** Whether a refusal to make a profile of a session will pass: what the session leaves behind is still being stored. */
export function isArchivePending(error: unknown): boolean {
  return error instanceof ApiError && error.status === 400 && ARCHIVE_PENDING.test(error.message);
}
