import { Problem } from "../server/problem.ts";

/** What the service says in each case. Where a client has nothing but the text to go by, that part is as the service has it. */
export const problems = {
  badKey: (): Problem => new Problem(403, "Invalid credentials"),
  ended: (id: string): Problem => new Problem(409, `The browser session ${id} has ended.`),
  tooManySessions: (): Problem =>
    new Problem(429, "Rate limit exceeded: too many browser sessions are open. Close one first."),
  notArchived: (id: string): Problem =>
    new Problem(400, `The browser session ${id} does not have a persisted profile archive.`),
  makesNoProfile: (id: string): Problem =>
    new Problem(400, `The browser session ${id} was not configured to generate a browser profile.`),
  archiveGone: (id: string): Problem =>
    new Problem(400, `The browser session ${id} reused a browser profile whose archive is unavailable.`),
  nameTaken: (name: string): Problem => new Problem(409, `A browser profile named ${JSON.stringify(name)} exists.`),
  proxySession: (): Problem => new Problem(400, "proxy_session_id goes with proxy_location RESIDENTIAL_ISP only."),
  defaultEngine: (field: string): Problem => new Problem(400, `${field} is not supported by the engine skyvern-1.0.`),
  noTimeline: (type: string): Problem => new Problem(400, `Runs of the type ${type} have no timeline.`),
  noWebhook: (): Problem => new Problem(422, "The run has no webhook_url, and the request names none."),
  notEnded: (id: string): Problem => new Problem(422, `The run ${id} has not ended.`),
  tooLarge: (limit: number): Problem => new Problem(413, `The file is larger than ${limit} bytes.`),
} as const;
