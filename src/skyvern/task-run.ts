import { refuseUnknown } from "../facade/call/check.ts";
import type { Deadline } from "../facade/call/wait.ts";
import { within } from "../facade/call/within.ts";
import { ApiError, RunFailedError, TimeoutError } from "../facade/errors.ts";
import { deadlineOf, type RunEnd, type RunPort } from "../facade/runs/runs.ts";
import type { Watch } from "../facade/runs/watch.ts";
import type { Watcher } from "../facade/runs/watcher.ts";
import type { CallOptions, WaitOptions } from "../facade/types.ts";
import type { TaskReference, TaskRunView } from "./run-port.ts";

/** {@link TaskRun.result} under a deadline that is running already. */
export let resultBy: (run: TaskRun, deadline: Deadline, signal: AbortSignal | undefined) => Promise<TaskRunView>;

/** A task that was handed to Skyvern. Its id is known before anybody waits; it is no promise, so ask it for its `result()`. */
export class TaskRun {
  readonly id: string;
  /** The session it was dispatched into, remembered here: the service does not always tell. Undefined for a browser of its own. */
  readonly sessionId: string | undefined;
  readonly #watcher: Watcher<TaskRunView, TaskReference>;
  readonly #reference: TaskReference;
  #port: RunPort<TaskRunView, TaskReference>;
  #end: RunEnd<TaskRunView> | undefined;

  static {
    resultBy = (run, deadline, signal) => run.#resultBy(deadline, signal);
  }

  constructor(watcher: Watcher<TaskRunView, TaskReference>, port: RunPort<TaskRunView, TaskReference>) {
    this.#watcher = watcher;
    this.#port = port;
    this.#reference = port.reference;
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
    const { signal, waitTimeoutMs, ...unknown } = options;
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
      await this.#port.stop(options);
    } catch (error) {
      // It may have ended in the meantime.
      if (!(error instanceof ApiError && error.status === 400 && (await this.hasEnded(options)))) throw error;
    }
  }

  /** Whether the end was seen, by whoever waits for it here. Asks nothing. */
  get isDone(): boolean {
    return this.#end !== undefined;
  }

  /**
   * Looks once whether the run has ended.
   *
   * @see `GET /v1/runs/{run_id}`
   */
  async hasEnded(options: CallOptions = {}): Promise<boolean> {
    if (!this.#end) this.#see((await this.#port.glance(options)).end);
    return this.#end !== undefined;
  }

  /** What `skyvern.resume()` takes, here or in another process. */
  toJSON(): TaskReference {
    return this.#reference;
  }

  async #resultBy(deadline: Deadline, signal: AbortSignal | undefined): Promise<TaskRunView> {
    const begun = performance.now();
    const tell = (outcome: "answered" | "unanswered" | "timeout" | "aborted" | "failed") =>
      this.#watcher.emit?.({ type: "waited", ...this.#ids(), waitedMs: performance.now() - begun, outcome });
    let end: RunEnd<TaskRunView>;
    try {
      end = await this.#endInTime(deadline, signal);
    } catch (error) {
      tell(signal?.aborted ? "aborted" : error instanceof TimeoutError ? "timeout" : "failed");
      throw error;
    }
    const { answered, result } = end;
    tell(answered ? "answered" : "unanswered");
    if (answered) return result;
    throw new RunFailedError(`Run ${this.id} ended without an answer: ${result.status}.`, result);
  }

  async #endInTime(deadline: Deadline, signal: AbortSignal | undefined): Promise<RunEnd<TaskRunView>> {
    signal?.throwIfAborted();
    if (this.#end) return this.#end;
    let watch: Watch<TaskRunView, TaskReference> | undefined;
    const wait = (own: AbortSignal) => {
      watch = this.#watcher.shared(this.#port);
      this.#port = watch.port;
      return watch.end(own);
    };
    const timeUp = () => this.#notInTime(deadline.timeoutMs, watch?.fault);
    const end = await within(deadline.remainingMs, timeUp, signal, wait);
    return this.#see(end) ?? end;
  }

  /** The end stays what it was when it was first seen. */
  #see(end: RunEnd<TaskRunView> | undefined): RunEnd<TaskRunView> | undefined {
    if (!end || this.#end) return this.#end;
    this.#end = end;
    const { status } = end.result;
    this.#watcher.emit?.({ type: "ended", ...this.#ids(), status, success: end.answered, costUsd: null });
    return end;
  }

  #ids(): { readonly apiVersion: string; readonly runId: string; readonly sessionId: string | undefined } {
    return { apiVersion: this.#reference.apiVersion, runId: this.id, sessionId: this.sessionId };
  }

  #notInTime(timeoutMs: number, cause: unknown): TimeoutError<TaskRun> {
    const message = `Run ${this.id} has not ended within ${timeoutMs} ms; it goes on, and is on this error as run.`;
    return new TimeoutError<TaskRun>(message, { operation: "result", timeoutMs, run: this }, { cause });
  }
}
