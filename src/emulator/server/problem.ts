/** One complaint about a request, as the service words it; `input` is what was sent. */
export interface Complaint {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
  readonly input?: unknown;
}

/** What a refusal says: a text, complaints about the request, or what a vendor puts in their place; undefined for nothing. */
export type Detail = string | readonly Complaint[] | Readonly<Record<string, unknown>> | undefined;

/** A request that is refused with a status and a `detail`. */
export class Problem extends Error {
  readonly status: number;
  readonly detail: Detail;

  constructor(status: number, detail: Detail) {
    super(typeof detail === "string" ? detail : "The request is not valid.");
    this.name = "Problem";
    this.status = status;
    this.detail = detail;
  }
}

/** 422 with one complaint. */
export function invalid(loc: Complaint["loc"], msg: string, type: string, input: unknown): Problem {
  return new Problem(422, [{ loc, msg, type, input }]);
}

/** The connection breaks instead of an answer. */
export class ConnectionDropped extends Error {
  override readonly name = "ConnectionDropped";
}

/** What Browser Use says in each case: the `detail` that the spec gives as default. A test compares them. */
export const problems = {
  accountNotFound: (): Problem => new Problem(404, "Account not found"),
  profileNotFound: (): Problem => new Problem(404, "Profile not found"),
  sessionNotFound: (): Problem => new Problem(404, "Session not found"),
  taskNotFound: (): Problem => new Problem(404, "Task not found"),
  shareNotFound: (): Problem => new Problem(404, "Public share not found"),
  outputFileNotFound: (): Problem => new Problem(404, "Output file not found"),
  workspaceNotFound: (): Problem => new Problem(404, "Workspace not found"),
  fileNotFound: (): Problem => new Problem(404, "File not found"),
  messageNotFound: (): Problem => new Problem(404, "Message not found"),
  busy: (status: 400 | 409): Problem =>
    new Problem(status, "Agent session already has a running task. Please wait for it to finish or stop it manually."),
  stopped: (status: 400 | 409): Problem =>
    new Problem(status, "Browser session is stopped. Please start a new session and try again."),
  notIdleYet: (): Problem => new Problem(409, "Session is still starting and cannot take a task yet."),
  tooManySessions: (): Problem =>
    new Problem(
      429,
      "Too many concurrent active sessions. Please wait for one to finish, kill one, or upgrade your plan.",
    ),
  timeoutLimit: (): Problem => new Problem(403, "Maximum session timeout is 4 hours (240 minutes)."),
  purgeForbidden: (): Problem => new Problem(403, "Purging is only allowed for projects with zero data retention."),
  invalid: (...complaint: Parameters<typeof invalid>): Problem => invalid(...complaint),
} as const;
