import { complete, viewBy } from "../facade/call/answers.ts";
import type { Api } from "../facade/call/api.ts";
import type { LivePort } from "../facade/live.ts";
import type { Phase } from "../facade/pool/session-port.ts";
import type { CallOptions } from "../facade/types.ts";
import type { paths } from "../generated/skyvern/api.ts";
import type { SessionBody } from "./open-request.ts";
import type { Ok } from "./types.ts";

/** Names Skyvern's sessions in stores and events. */
export const KIND = "skyvern.session";

/** A session as the service shows it. Times without an offset are UTC. */
export interface SkyvernSessionView extends Readonly<Ok<"/v1/browser_sessions", "post">> {}

const PATH = "/v1/browser_sessions/{browser_session_id}";
/** The vendor's guide has `closed`, its service the others. */
const FINAL: ReadonlySet<string> = new Set(["completed", "failed", "timeout", "closed"]);

/** What a session is doing. The browser of one that was just opened may start with its first task, so that it is idle until then. */
export function phaseOf({ completed_at, status, runnable_id }: SkyvernSessionView): Phase {
  if (completed_at || FINAL.has(status ?? "")) return "closed";
  return runnable_id ? "busy" : "idle";
}

/** How sessions are asked for, and stopped. */
export function skyvernPort(api: Api<paths>): LivePort<SkyvernSessionView> {
  const params = (id: string) => ({ path: { browser_session_id: id } });
  return {
    idOf: ({ browser_session_id }) => browser_session_id,
    get: async (id, options) => {
      const answer = await api.GET(PATH, { params: params(id), ...options });
      return viewBy(answer, `GET ${PATH}`, "browser_session_id", id);
    },
    stop: async (id, options) => {
      // It answers with a sentence; the view is what confirms the end.
      await api.POST(`${PATH}/close`, { params: params(id), ...options });
      return undefined;
    },
    isClosed: (view) => phaseOf(view) === "closed",
  };
}

/** Opens a session. */
export async function createSession(
  api: Api<paths>,
  body: SessionBody,
  limits: CallOptions,
): Promise<SkyvernSessionView> {
  const answer = await api.POST("/v1/browser_sessions", { body, ...limits });
  return complete(answer, "POST /v1/browser_sessions", "browser_session_id");
}
