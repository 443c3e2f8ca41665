import { complete } from "../facade/call/answers.ts";
import type { ApiAnswer } from "../facade/call/api.ts";
import { failureOf } from "../facade/call/outcome.ts";
import { isRecord } from "../facade/call/redact.ts";
import { InvalidInputError, SessionBusyError, SessionNotStoppedError, SessionStoppedError } from "../facade/errors.ts";
import { hasUnknownOutcome } from "../facade/live.ts";
import { UNKNOWN_ID } from "../facade/living.ts";
import type { CallOptions } from "../facade/types.ts";
import { checkBody, checkGiven } from "./check-body.ts";
import type { SkyvernContext } from "./context.ts";
import { lookWhenFree } from "./free.ts";
import { API_VERSION, type TaskRunView, taskRunPort } from "./run-port.ts";
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
  const given = checkGiven("The task", request);
  refuseLibrarySchema(given.data_extraction_schema);
  const body = checkBody("POST /v1/run/tasks", given);
  const { engine = DEFAULT_ENGINE, start_fresh_browser, browser_profile_id, browser_session_id } = given;
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

/** A library's schema would be sent with all that it has inside, and mean nothing. */
function refuseLibrarySchema(schema: unknown): void {
  if (!isRecord(Object(schema)["~standard"])) return;
  throw new InvalidInputError(
    "data_extraction_schema takes JSON Schema, as plain data: pass what your library writes, such as z.toJSONSchema(schema).",
  );
}

/** The handle by which a task comes into its session. */
export interface Entrance {
  /** Told of each look at the session. */
  readonly see: (view: SkyvernSessionView) => void;
  /** Whether the handle has seen the end, or is stopping. */
  readonly isOver: () => boolean;
}

const BY_ID: Entrance = { see: () => {}, isOver: () => false };

/**
 * Dispatches a task. It is sent once, and to its end, whoever leaves meanwhile: a run that nobody knows of cannot be cancelled.
 *
 * @throws {@link InvalidInputError} once the client is closed.
 */
export async function dispatch(
  context: SkyvernContext,
  body: TaskBody,
  { signal, ...limits }: CallOptions,
  { isOver }: Entrance = BY_ID,
): Promise<TaskRun> {
  // Not waited for: the closing may itself be waiting for this.
  if (context.living.isClosed) throw new InvalidInputError("This client is closed: it dispatches nothing more.");
  try {
    return runOf(context, body, await context.api.POST("/v1/run/tasks", { body, ...limits }));
  } catch (error) {
    const { browser_session_id: sessionId } = body;
    if (sessionId != null && failureOf(error) === "unknown") context.doubts.add(sessionId, error);
    // Who has left hears no rejection: what may live on without them is reported.
    const isUnheard = signal?.aborted || (sessionId == null && context.living.isClosed);
    if (isUnheard && hasUnknownOutcome(error) && !isOver())
      context.reportLeak(new SessionNotStoppedError(sessionId ?? UNKNOWN_ID, { cause: error }));
    throw error;
  }
}

function runOf({ api, watcher }: SkyvernContext, body: TaskBody, answer: ApiAnswer<TaskRunView>): TaskRun {
  const { run_id: id, browser_session_id } = complete(answer, "POST /v1/run/tasks", "run_id");
  const sessionId = body.browser_session_id ?? browser_session_id ?? undefined;
  const reference = { apiVersion: API_VERSION, id, ...(sessionId !== undefined && { sessionId }) } as const;
  return new TaskRun(watcher, taskRunPort(api, reference, performance.now()));
}

/**
 * Dispatches a task into a session that is open and free. The service would take it in any case, and fail it later: so the session is
 * looked at first. One that may have a task that nobody knows of takes none.
 */
export async function dispatchInto(
  context: SkyvernContext,
  sessionId: string,
  body: TaskBody,
  options: CallOptions,
  entrance: Entrance = BY_ID,
): Promise<TaskRun> {
  const { api, doubts } = context;
  options.signal?.throwIfAborted();
  const view = await lookWhenFree(api, sessionId, options, (seen) => {
    doubts.see(sessionId, seen);
    entrance.see(seen);
  });
  const phase = phaseOf(view);
  if (phase === "closed" || entrance.isOver()) throw new SessionStoppedError(sessionId);
  const cause = doubts.causeOf(sessionId);
  if (cause !== undefined) throw new SessionBusyError(sessionId, { cause });
  if (phase === "busy") throw new SessionBusyError(sessionId);
  options.signal?.throwIfAborted();
  return dispatch(context, { ...body, browser_session_id: sessionId }, options, entrance);
}
