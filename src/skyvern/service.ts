import type { Refusal, Service } from "../facade/call/service.ts";
import { ApiError } from "../facade/errors.ts";
import { answers, repeatable } from "../generated/skyvern/limits.ts";

/** Operations on one session, and the dispatch into one: only there do a status and its words speak of a session. */
const OF_SESSIONS = [
  "POST /v1/run/tasks",
  "GET /v1/browser_sessions/{browser_session_id}",
  "PATCH /v1/browser_sessions/{browser_session_id}",
  "POST /v1/browser_sessions/{browser_session_id}/close",
];
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
    ...OF_SESSIONS.flatMap(ofSession),
    { statuses: [409], operation: "PATCH /v1/browser_sessions/{browser_session_id}", means: "stopped" },
  ],
  sessionField: "browser_session_id",
  secretFields: ["extra_http_headers", "cdp_connect_headers", "browser_address", "model"],
};

function ofSession(operation: string): Refusal[] {
  return [
    { statuses: [400], operation, text: /already occupied/i, means: "busy" },
    { statuses: [409], operation, text: /owned by another/i, means: "busy" },
    { statuses: [410], operation, means: "stopped" },
  ];
}

/** Whether a refusal to make a profile of a session will pass: what the session leaves behind is still being stored. */
export function isArchivePending(error: unknown): boolean {
  return error instanceof ApiError && error.status === 400 && ARCHIVE_PENDING.test(error.message);
}
