import { checkMs, checkSignal } from "../facade/call/check.ts";
import { orHandOver } from "../facade/call/wait.ts";
import { InvalidInputError, SessionNotStoppedError } from "../facade/errors.ts";
import { startAndWait, stopQuietly } from "../facade/runs/run-to-end.ts";
import type { CallOptions, WaitOptions } from "../facade/types.ts";
import { checkGiven } from "./check-body.ts";
import type { SkyvernContext } from "./context.ts";
import type { TaskRunView } from "./run-port.ts";
import { dispatch, dispatchInto, type TaskBody, type TaskRequest, taskBody } from "./task.ts";
import { resultBy, type TaskRun } from "./task-run.ts";

/** How a task is dispatched that is not waited for. */
export interface StartTaskOptions extends CallOptions {
  readonly waitForCompletion?: false | undefined;
}

/** How a task is dispatched and, with `waitForCompletion`, waited for. */
export interface RunTaskOptions extends CallOptions, WaitOptions {
  /** Whether to wait until the run is completed, here: the service is told nothing of it. Default: false, which gives the run at once. */
  readonly waitForCompletion: boolean;
}

/** Dispatches a task, into the session that it names or to a browser of its own, and waits for it when that is wanted. */
export async function runTask(
  context: SkyvernContext,
  request: TaskRequest,
  options: StartTaskOptions | RunTaskOptions,
): Promise<TaskRunView | TaskRun> {
  const { waitForCompletion, waitTimeoutMs, ...starting } = checkGiven(
    "The options of runTask",
    options as Partial<RunTaskOptions>, // whoever does not wait has one field less
  );
  if (waitForCompletion !== undefined && typeof waitForCompletion !== "boolean")
    throw new InvalidInputError("waitForCompletion must be true or false.");
  if (!waitForCompletion && waitTimeoutMs !== undefined)
    throw new InvalidInputError("waitTimeoutMs is for a run that is waited for: pass waitForCompletion: true, too.");
  checkMs("waitTimeoutMs", waitTimeoutMs, 1);
  checkSignal(starting.signal);
  const body = taskBody(request);
  if (!waitForCompletion) return startTask(context, body, starting);
  return runToEnd(context, (signal) => startTask(context, body, { ...starting, signal }), {
    signal: starting.signal,
    waitTimeoutMs,
  });
}

/** Starts a task and waits for it, as nobody else will: when the caller aborts, or the client is closed, it is cancelled. */
export function runToEnd(
  { living }: Pick<SkyvernContext, "living">,
  start: (signal: AbortSignal) => Promise<TaskRun>,
  waiting: WaitOptions,
): Promise<TaskRunView> {
  const begin = (signal: AbortSignal) => {
    const starting = start(signal);
    living.expect(starting.then(toClose));
    return starting;
  };
  return startAndWait(
    begin,
    async (run, deadline) => {
      const handle = toClose(run);
      living.add(handle);
      try {
        return await resultBy(run, deadline, waiting.signal);
      } finally {
        living.delete(handle);
      }
    },
    waiting,
  );
}

/** A run that is waited for, as what must end with its client. */
function toClose(run: TaskRun) {
  return {
    id: run.id,
    get isClosed() {
      return run.isDone;
    },
    stop: () =>
      run.stop().catch((cause) => {
        throw new SessionNotStoppedError(run.id, { cause });
      }),
  };
}

async function startTask(context: SkyvernContext, body: TaskBody, options: CallOptions): Promise<TaskRun> {
  const { lanes, living } = context;
  const { signal } = options;
  signal?.throwIfAborted();
  const { browser_session_id: id } = body;
  if (id != null) return lanes.of(id).enter(id, options, () => dispatchInto(context, id, body, options));
  if (living.isClosed) await living.refuseClosed();
  return orHandOver(dispatch(context, body, options), signal, stopQuietly);
}
