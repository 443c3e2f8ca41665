import { complete } from "../facade/call/answers.ts";
import { InvalidInputError, SessionBusyError, SessionStoppedError } from "../facade/errors.ts";
import type { CallOptions } from "../facade/types.ts";
import { checkBody } from "./check-body.ts";
import type { SkyvernContext } from "./context.ts";
import { lookWhenFree } from "./free.ts";
import { API_VERSION, taskRunPort } from "./run-port.ts";
import { phaseOf, type SkyvernSessionView } from "./session-view.ts";
import { TaskRun } from "./task-run.ts";
import type { Body, Opened } from "./types.ts";

/** A task as it goes to the service. */
export type TaskBody = Body<"/v1/run/tasks", "post">;

/** A task, as the service takes it. */
export interface TaskRequest extends Readonly<Omit<TaskBody, "engine" | "proxy_location">> {
  /** The default, `skyvern-1.0`, goes to `url` first, and makes one up without; `skyvern-2.0` can go on from the open page. */
  readonly engine?: Opened<NonNullable<TaskBody["engine"]>> | undefined;
  /** Where requests come from. Default: `RESIDENTIAL`. In a session, its own counts. */
  readonly proxy_location?: Opened<TaskBody["proxy_location"]>;
}

const DEFAULT_ENGINE = "skyvern-1.0";
const INSTEAD = 'open a session with the profile, or pass engine: "skyvern-2.0"';

/**
 * Checks a task, also for what the service refuses in words that help nobody.
 *
 * @throws {@link InvalidInputError} naming the field and what it may be.
 */
export function taskBody(request: TaskRequest): TaskBody {
  const { engine = DEFAULT_ENGINE, start_fresh_browser, browser_profile_id, browser_session_id } = request;
  const body = checkBody("POST /v1/run/tasks", request);
  const isDefault = engine === DEFAULT_ENGINE;
  if (isDefault && browser_profile_id != null)
    throw new InvalidInputError(`browser_profile_id does not work with the default engine: ${INSTEAD}.`);
  if (start_fresh_browser) {
    if (isDefault) throw new InvalidInputError('start_fresh_browser needs another engine, such as "skyvern-2.0".');
    if ((browser_session_id ?? browser_profile_id ?? request.browser_address) != null)
      throw new InvalidInputError("start_fresh_browser goes with no session, no profile and no address.");
  }
  // Engines and places are open lists: the service may know more of them than its spec does.
  return body as TaskBody;
}

/** Dispatches a task. It is sent once, and to its end: a run that nobody knows of cannot be cancelled. */
export async function dispatch(context: SkyvernContext, body: TaskBody, limits: CallOptions): Promise<TaskRun> {
  const { api, watcher } = context;
  const answer = await api.POST("/v1/run/tasks", { body, ...limits });
  const { run_id: id, browser_session_id } = complete(answer, "POST /v1/run/tasks", "run_id");
  const sessionId = body.browser_session_id ?? browser_session_id ?? undefined;
  const reference = { apiVersion: API_VERSION, id, ...(sessionId !== undefined && { sessionId }) } as const;
  return new TaskRun(watcher, taskRunPort(api, reference, performance.now()));
}

/**
 * Dispatches a task into a session that is open and free. The service would take it in any case, and fail it later: so the session is
 * looked at first.
 */
export async function dispatchInto(
  context: SkyvernContext,
  sessionId: string,
  body: TaskBody,
  { signal, ...limits }: CallOptions,
  see: (view: SkyvernSessionView) => void = () => {},
): Promise<TaskRun> {
  signal?.throwIfAborted();
  const view = await lookWhenFree(context.api, sessionId, { signal, ...limits });
  see(view);
  const phase = phaseOf(view);
  if (phase === "closed") throw new SessionStoppedError(sessionId);
  if (phase === "busy") throw new SessionBusyError(sessionId);
  signal?.throwIfAborted();
  return dispatch(context, { ...body, browser_session_id: sessionId }, limits);
}
