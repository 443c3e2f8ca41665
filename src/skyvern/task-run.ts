import { refuseUnknown } from "../facade/call/check.ts";
import type { Deadline } from "../facade/call/wait.ts";
import { ApiError, RunFailedError } from "../facade/errors.ts";
import { Ending, notInTime } from "../facade/runs/ending.ts";
import { deadlineOf, type RunPort } from "../facade/runs/runs.ts";
import type { Watcher } from "../facade/runs/watcher.ts";
import type { CallOptions, WaitOptions } from "../facade/types.ts";
import { checkGiven } from "./check-body.ts";
import type { TaskReference, TaskRunView } from "./run-port.ts";

/** {@link TaskRun.result} under a deadline that is running already. */
export let resultBy: (run: TaskRun, deadline: Deadline, signal: AbortSignal | undefined) => Promise<TaskRunView>;

/** A task that was handed to Skyvern. Its id is known before anybody waits; it is no promise, so ask it for its `result()`. */
export class TaskRun {
  readonly id: string;
  /** The session it was dispatched into, remembered here: the service does not always tell. Undefined for a browser of its own. */
  readonly sessionId: string | undefined;
  readonly #ending: Ending<TaskRunView, TaskReference>;

  static {
    resultBy = (run, deadline, signal) => run.#resultBy(deadline, signal);
  }

  constructor(watcher: Watcher<TaskRunView, TaskReference>, port: RunPort<TaskRunView, TaskReference>) {
    this.#ending = new Ending(watcher, port, ({ answered: success, result: { status } }) => ({
      status,
      success,
      costUsd: null,
    }));
    this.id = port.reference.id;
    this.sessionId = port.reference.sessionId;
  }

  /**
   * Waits until the run is `completed`, and gives it as the service shows it. However many runs a client waits for, it asks for them
   * together, and who waits for the same one shares its answer. A `paused` run is waited for, too.
   *
   * @throws {@link RunFailedError} for `failed`, `terminated`, `timed_out` and `canceled`; its `result` is the run as the service shows it.
   * @throws {@link TimeoutError} after `waitTimeoutMs`; the run goes on, and is on the error.
   * @throws `options.signal.reason` when aborted; the run goes on.
   * @see `GET /v1/runs/{run_id}`
   * @see `GET /v1/runs`
   */
  async result(options: WaitOptions = {}): Promise<TaskRunView> {
    const { signal, waitTimeoutMs, ...unknown } = checkGiven("The options of result", options);
    refuseUnknown(unknown, "result");
    return this.#resultBy(deadlineOf(options), signal);
  }

  /**
   * Cancels the run; its session lives on. On a run that has ended it does nothing.
   *
   * @see `POST /v1/runs/{run_id}/cancel`
   */
  async stop(options: CallOptions = {}): Promise<void> {
    if (await this.hasEnded(options)) return;
    try {
      await this.#ending.port.stop(options);
    } catch (error) {
      // It may have ended in the meantime.
      if (!(error instanceof ApiError && error.status === 400 && (await this.hasEnded(options)))) throw error;
    }
  }

  /** Whether the end was seen, by whoever waits for it here. Asks nothing. */
  get isDone(): boolean {
    return this.#ending.seen !== undefined;
  }

  /**
   * Looks once whether the run has ended.
   *
   * @see `GET /v1/runs/{run_id}`
   */
  async hasEnded(options: CallOptions = {}): Promise<boolean> {
    return this.#ending.hasCome(options);
  }

  /** What `skyvern.resume()` takes, here or in another process. */
  toJSON(): TaskReference {
    return this.#ending.reference;
  }

  #resultBy(deadline: Deadline, signal: AbortSignal | undefined): Promise<TaskRunView> {
    const timeUp = (fault: unknown) => notInTime(this, deadline, fault);
    return this.#ending.told(
      signal,
      () => this.#ending.inTime(deadline, signal, timeUp),
      ({ answered, result }) => {
        if (answered) return result;
        throw new RunFailedError(`Run ${this.id} ended without an answer: ${result.status}.`, result);
      },
    );
  }
}
