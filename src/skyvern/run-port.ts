import { viewBy } from "../facade/call/answers.ts";
import type { Api } from "../facade/call/api.ts";
import { checkId } from "../facade/call/check.ts";
import { isRecord } from "../facade/call/redact.ts";
import { InvalidInputError } from "../facade/errors.ts";
import type { Look, RunPort } from "../facade/runs/runs.ts";
import type { CallOptions } from "../facade/types.ts";
import type { paths } from "../generated/skyvern/api.ts";
import type { Ok } from "./types.ts";

/** A task run as the service shows it. */
export interface TaskRunView extends Readonly<Ok<"/v1/run/tasks", "post">> {}

/** What another process needs to wait for a task run. It holds no secret. */
export interface TaskReference {
  readonly apiVersion: typeof API_VERSION;
  readonly id: string;
  /** The session it was dispatched into. Undefined for a run with a browser of its own. */
  readonly sessionId?: string | undefined;
}

/** By which references and events tell Skyvern's runs from those of others. */
export const API_VERSION = "skyvern";
const PATH = "/v1/runs/{run_id}";
const FINAL: ReadonlySet<string> = new Set(["completed", "failed", "terminated", "timed_out", "canceled"]);
/** The statuses of runs that have yet to end. What is none of these is looked at. */
export const AT_WORK = ["created", "queued", "running", "paused"] as const;

/** Whether a run with this status has ended. One that is not known today is waited for. */
export function isFinal(status: string): boolean {
  return FINAL.has(status);
}

/** A task run, as it is watched and cancelled. */
export function taskRunPort(
  api: Api<paths>,
  reference: TaskReference,
  dispatchedMs?: number,
): RunPort<TaskRunView, TaskReference> {
  const { id } = reference;
  const params = { path: { run_id: id } };
  const look = async (options: CallOptions): Promise<Look<TaskRunView>> => {
    const answer = await api.GET(PATH, { params, ...options });
    const view = viewBy(answer, `GET ${PATH}`, "run_id", id, "status");
    // A reference names a task; whoever made one of a workflow run gets what the service gives.
    const end = { answered: view.status === "completed", result: view as TaskRunView };
    return { steps: [], ...(isFinal(view.status) && { end }) };
  };
  return {
    reference,
    watch: () => look,
    glance: look,
    isNews: (status) => !AT_WORK.some((atWork) => atWork === status),
    stop: (options) => api.POST("/v1/runs/{run_id}/cancel", { params, ...options }),
    dispatchedMs,
  };
}

/**
 * Reads what `run.toJSON()` gave, perhaps from storage.
 *
 * @throws {@link InvalidInputError} when it is something else.
 */
export function taskReferenceOf(given: unknown): TaskReference {
  const { apiVersion, id, sessionId } = isRecord(given) ? given : {};
  if (apiVersion !== API_VERSION) throw new InvalidInputError("resume takes what run.toJSON() of a task run gave.");
  const known = { apiVersion: API_VERSION, id: checkId("id", id) } as const;
  return sessionId == null ? known : { ...known, sessionId: checkId("sessionId", sessionId) };
}
