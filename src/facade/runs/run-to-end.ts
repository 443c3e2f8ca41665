import type { Deadline } from "../call/wait.ts";
import { within } from "../call/within.ts";
import { TimeoutError } from "../errors.ts";
import { deadlineOf, type ResultOptions, type Run, type RunResult, resultBy, type Step } from "./runs.ts";

const STOP_TASK_TIMEOUT_MS = 10_000;
const STOP_TASK_RETRIES = 5;

/** Starts what is then waited for, under the same deadline. What comes too late is the starter's to clean up. */
export function startInTime<T>(
  deadline: Deadline,
  signal: AbortSignal | undefined,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs } = deadline;
  const timeUp = () =>
    new TimeoutError(`The run was not started within ${timeoutMs} ms.`, { operation: "start", timeoutMs });
  return within(deadline.remainingMs, timeUp, signal, start);
}

/**
 * Starts a run and waits for it, as nobody else will: when the caller aborts, or `onStep` throws, its task is stopped first.
 */
export async function runToEnd<Output>(
  start: (signal: AbortSignal) => Promise<Run<Output>>,
  options: ResultOptions,
): Promise<RunResult<Output>> {
  const deadline = deadlineOf(options);
  const run = await startInTime(deadline, options.signal, start);
  let hasStepFailed = false;
  const onStep = async (step: Step) => {
    try {
      await options.onStep?.(step);
    } catch (error) {
      hasStepFailed = true;
      throw error;
    }
  };
  try {
    return await resultBy(run, deadline, options.onStep ? { ...options, onStep } : options);
  } catch (error) {
    if (options.signal?.aborted || hasStepFailed) await stopQuietly(run);
    throw error;
  }
}

/** Stops a task on the way out of a failure, which must not be replaced by another one, nor be held up for long. */
export async function stopQuietly(run: Run): Promise<void> {
  const timeUp = () => new Error("The task was not stopped in time.");
  const stop = (signal: AbortSignal) => run.stop({ signal, maxRetries: STOP_TASK_RETRIES });
  await within(STOP_TASK_TIMEOUT_MS, timeUp, undefined, stop).catch(() => {});
}
