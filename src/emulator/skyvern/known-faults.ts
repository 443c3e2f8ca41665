import type { FaultRule } from "../server/faults.ts";

type KnownFault = "downloadsUnavailable" | "unexpected" | "rateLimited";

/** Faults that the service is known for, in the shapes it gives them; spread one to add `path`, `times` and so on. */
export const skyvernFaults: Readonly<Record<KnownFault, FaultRule>> = {
  /** A session cannot be read while its downloads cannot be listed: 503, and the same request may succeed later. */
  downloadsUnavailable: {
    method: "GET",
    path: "/v1/browser_sessions/{browser_session_id}",
    status: 503,
    body: { detail: { code: "downloaded_files_unavailable", retryable: true } },
  },
  /** 500, with a body that has no `detail`. */
  unexpected: { status: 500, body: { error: "An unexpected fault of the emulator" } },
  /** 429, without `Retry-After`. */
  rateLimited: { status: 429, body: { detail: "Rate limit exceeded: a fault of the emulator" } },
};
