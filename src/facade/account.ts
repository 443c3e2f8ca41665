import { complete } from "./call/answers.ts";
import type { Api } from "./call/api.ts";

/** The key's project, and how many sessions it may have at once. */
export interface ProjectAccount {
  readonly project: string;
  readonly maxSessions: number;
}

/**
 * Asks what locks and caps hold for: the project, whichever of its keys is used.
 *
 * @see `GET /v3/billing/account`
 */
export async function projectAccount(api: Api): Promise<ProjectAccount> {
  const answer = await api.GET("/v3/billing/account");
  const { projectId, rateLimit } = complete(answer, "GET /v3/billing/account", "projectId", "rateLimit");
  return { project: projectId, maxSessions: rateLimit };
}
