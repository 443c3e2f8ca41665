import type { Deadline } from "../call/wait.ts";
import { within } from "../call/within.ts";
import { TimeoutError } from "../errors.ts";
import type { CallOptions, WaitOptions } from "../types.ts";
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
    new TimeoutError(
      `The run was not started within ${timeoutMs} ms. It may be all the same: look before you repeat it. One that arrives is stopped.`,
      { operation: "start", timeoutMs, outcome: "unknown" },
    );
  return within(deadline.remainingMs, timeUp, signal, start);
}

/** What can be stopped on the way out. */
interface Stoppable {
  stop(options: CallOptions): Promise<void>;
}

/** Starts a run and waits for it, as nobody else will: when the caller aborts, or `isUnwanted`, its task is stopped first. */
export async function startAndWait<R extends Stoppable, T>(
  start: (signal: AbortSignal) => Promise<R>,
  wait: (run: R, deadline: Deadline) => Promise<T>,
  options: WaitOptions,
  isUnwanted: () => boolean = () => false,
): Promise<T> {
  const deadline = deadlineOf(options);
  const run = await startInTime(deadline, options.signal, start);
  try {
    return await wait(run, deadline);
  } catch (error) {
    if (options.signal?.aborted || isUnwanted()) await stopQuietly(run);
    throw error;
  }
}

/** The same with steps: the task is stopped also when `onStep` throws. */
export async function runToEnd<Output>(
  start: (signal: AbortSignal) => Promise<Run<Output>>,
  options: ResultOptions,
): Promise<RunResult<Output>> {
  let hasStepFailed = false;
  const onStep = async (step: Step) => {
    try {
      await options.onStep?.(step);
    } catch (error) {
      hasStepFailed = true;
      throw error;
    }
  };
  const waiting = options.onStep ? { ...options, onStep } : options;
  const wait = (run: Run<Output>, deadline: Deadline) => resultBy(run, deadline, waiting);
  return startAndWait(start, wait, options, () => hasStepFailed);
}

/** Stops a task on the way out of a failure, which must not be replaced by another one, nor be held up for long. */
export async function stopQuietly(run: Stoppable): Promise<void> {
  const timeUp = () => new Error("The task was not stopped in time.");
  const stop = (signal: AbortSignal) => run.stop({ signal, maxRetries: STOP_TASK_RETRIES });
  await within(STOP_TASK_TIMEOUT_MS, timeUp, undefined, stop).catch(() => {});
}
