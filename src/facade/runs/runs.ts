import { checkMs, refuseUnknown } from "../call/check.ts";
import { Deadline, untilAborted } from "../call/wait.ts";
import { within } from "../call/within.ts";
import { OutputValidationError, RunFailedError } from "../errors.ts";
import type { CallOptions, Open, WaitOptions } from "../types.ts";
import type { ApiVersion, RunView, StepView, VersionReference } from "../versions.ts";
import { Ending, notInTime } from "./ending.ts";
import type { Reader } from "./schema.ts";
import type { Watcher } from "./watcher.ts";

/** No session lives longer than 4 hours, so no run does. */
const LONGEST_RUN_MS = 4 * 60 * 60_000;

/** How a run ended, in the service's words; `superseded` is ours: another task was dispatched before the answer was read. */
export type RunStatus = Open<RunView["status"] | "superseded">;

/** What came of a run. */
export interface RunResult<Output = unknown> {
  readonly status: RunStatus;
  /** Whether the agent says that it reached the goal; null when it does not say. */
  readonly success: boolean | null;
  /** The answer: typed by the schema if there was one; else text (v2, v4), or text or object (v3); null for none. */
  readonly output: Output;
  /** What this run has cost, in USD (v3: what the session's cost grew by); null when unknown. */
  readonly costUsd: number | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** The whole view behind it, as the service gave it. */
  readonly raw: RunView;
}

/** One step of the agent. */
export interface Step {
  /** Counts from 1 within the run. */
  readonly number: number;
  /** What the agent is about to do, in a sentence. v4: what the event says, or its type; no document lists those. */
  readonly summary: string;
  readonly url?: string | undefined;
  /** Good for five minutes. */
  readonly screenshotUrl?: string | undefined;
  readonly raw: StepView;
}

/** How a run may end: with an answer, or without. */
export interface RunEnd<Result = RunResult> {
  readonly answered: boolean;
  readonly result: Result;
}

/** What one look at a run shows: steps that are new to this watch, and the end if it has come. */
export interface Look<Result = RunResult> {
  readonly steps: readonly Step[];
  readonly end?: RunEnd<Result> | undefined;
}

/** What a reference to a run has in any case. */
export interface AnyReference {
  readonly apiVersion: string;
  readonly id: string;
  /** Undefined while it is not known. */
  readonly sessionId?: string | undefined;
}

/** What a version of the API must offer for its runs to be watched. */
export interface RunPort<Result = RunResult, Reference extends AnyReference = VersionReference> {
  /** Starts a watch of its own: each call is one look. `isNews`: there is reason to believe that the run has come on. */
  readonly watch: (
    withSteps: boolean | "with hidden",
  ) => (options: CallOptions, isNews?: boolean) => Promise<Look<Result>>;
  /** Whether the status that a list shows (undefined: the list does not have the run) is a reason to look. */
  readonly isNews: (status: string | undefined) => boolean;
  /** One look that also notices what ended the run without its session's help, such as a later dispatch. */
  readonly glance: (options: CallOptions) => Promise<Look<Result>>;
  /** Asks for the task to be stopped; the session lives on. */
  readonly stop: (options: CallOptions) => Promise<unknown>;
  readonly reference: Reference;
  /** When this process has dispatched it, on the clock of `performance`; undefined: another one did. */
  readonly dispatchedMs: number | undefined;
}

/** Which steps are given, and how they are waited for. */
export interface StepsOptions extends WaitOptions {
  /** Whether messages that v3 hides from people are given, too. Default: false. */
  readonly hidden?: boolean | undefined;
}

/** How a result is waited for. */
export interface ResultOptions extends WaitOptions {
  /** Called with each step, once and in order, before the result is given. A promise is waited for; what it throws ends the wait. */
  readonly onStep?: ((step: Step) => unknown) | undefined;
}

/** {@link Run.result} under a deadline that is running already. */
export let resultBy: <Output>(
  run: Run<Output, string | undefined>,
  deadline: Deadline,
  options: ResultOptions,
) => Promise<RunResult<Output>>;

/**
 * A task that was handed to an agent. Its id is known before anybody waits; it is no promise, so ask it for its `result()`.
 * `SessionId`: may be undefined where the run is known by its id alone.
 */
export class Run<Output = unknown, SessionId extends string | undefined = string> {
  /** v2: the task's id. v3: the session's id. v4: the run's own id. */
  readonly id: string;
  readonly apiVersion: ApiVersion;
  readonly #ending: Ending<RunResult, VersionReference>;
  readonly #reader: Reader<Output> | undefined;

  static {
    resultBy = (run, deadline, options) => run.#resultBy(deadline, options);
  }

  constructor(watcher: Watcher, port: RunPort, reader?: Reader<Output>) {
    this.#ending = new Ending(watcher, port, ({ result: { status, success, costUsd } }) => ({
      status,
      success,
      costUsd,
    }));
    this.#reader = reader;
    this.id = port.reference.id;
    this.apiVersion = port.reference.apiVersion;
  }

  /** The session it runs in. Of a v4 run that is known by its id alone: undefined until it was looked at. */
  get sessionId(): SessionId {
    // Whoever makes a run of a reference without a session says so in its type.
    return this.#ending.reference.sessionId as SessionId;
  }

  /**
   * Waits for the answer. `success: false` is an answer too. However many runs a client waits for, it asks for them together, and who
   * waits for the same one shares its answer.
   *
   * @throws {@link RunFailedError} for an end without one: failed, stopped, timed out, superseded.
   * @throws {@link OutputValidationError} for an answer that does not fit the schema.
   * @throws {@link TimeoutError} after `waitTimeoutMs`; the run goes on, and is on the error.
   * @throws `options.signal.reason` when aborted; the run goes on.
   */
  async result(options: ResultOptions = {}): Promise<RunResult<Output>> {
    const { onStep, signal, waitTimeoutMs, ...unknown } = options;
    refuseUnknown(unknown, "result");
    return this.#resultBy(deadlineOf(options), options);
  }

  /**
   * The agent's steps, each once and in order, from the first, until the run has ended: also for who comes late, or in another process.
   *
   * @throws {@link TimeoutError} after `waitTimeoutMs`; the run goes on.
   * @throws `options.signal.reason` when aborted; the run goes on.
   */
  async *steps(options: StepsOptions = {}): AsyncGenerator<Step, void, undefined> {
    const { signal, waitTimeoutMs, hidden, ...unknown } = options;
    refuseUnknown(unknown, "steps");
    yield* this.#watch(deadlineOf(options), signal, hidden);
  }

  /**
   * Stops the task; its session lives on. On a run that has ended it does nothing.
   */
  async stop(options: CallOptions = {}): Promise<void> {
    if (await this.hasEnded(options)) return;
    await this.#ending.port.stop(options);
  }

  /** Whether the end was seen, by whoever waits for it here. Asks nothing. */
  get isDone(): boolean {
    return this.#ending.seen !== undefined;
  }

  /** Looks once whether the run has ended. */
  async hasEnded(options: CallOptions = {}): Promise<boolean> {
    return this.#ending.hasCome(options);
  }

  /** What `browserUse.resume()` takes, here or in another process. */
  toJSON(): VersionReference & { readonly sessionId: SessionId } {
    // As sessionId above.
    return this.#ending.reference as VersionReference & { readonly sessionId: SessionId };
  }

  async #resultBy(deadline: Deadline, options: ResultOptions): Promise<RunResult<Output>> {
    const { signal } = options;
    const timeUp = () => notInTime(this, deadline);
    return this.#ending.told(
      signal,
      () => this.#endBy(deadline, options),
      // A validator may take its time, too.
      (end) =>
        within(Math.max(1, deadline.remainingMs), timeUp, signal, (own) => untilAborted(this.#conclude(end), own)),
    );
  }

  async #endBy(deadline: Deadline, { onStep, signal }: ResultOptions): Promise<RunEnd> {
    if (!onStep) return this.#ending.inTime(deadline, signal, (fault) => notInTime(this, deadline, fault));
    const watch = this.#watch(deadline, signal);
    for (let next = await watch.next(); ; next = await watch.next()) {
      if (next.done) return next.value;
      const step = next.value;
      const told = (own: AbortSignal) => untilAborted(Promise.resolve(onStep(step)), own);
      await within(deadline.remainingMs, () => notInTime(this, deadline), signal, told);
    }
  }

  /** Looks until the end, which stays what it was when it was first seen. */
  async *#watch(
    deadline: Deadline,
    signal: AbortSignal | undefined,
    withHidden = false,
  ): AsyncGenerator<Step, RunEnd, undefined> {
    signal?.throwIfAborted();
    const { watcher, port } = this.#ending;
    const watch = watcher.ofSteps(port, withHidden);
    const timeUp = () => notInTime(this, deadline, watch.fault);
    try {
      for (;;) {
        const known = this.#ending.seen;
        const seen = await within(deadline.remainingMs, timeUp, signal, (own) => watch.look(own));
        yield* seen.steps;
        const end = this.#ending.see(seen.end);
        // An end that another wait saw in the meantime may be newer than the steps of this look, and a look that failed has none.
        if (end && (seen.end || (known && !watch.fault))) return end;
      }
    } finally {
      watch.close();
    }
  }

  async #conclude({ answered, result }: RunEnd): Promise<RunResult<Output>> {
    if (!answered) throw new RunFailedError(`Run ${this.id} ended without an answer: ${result.status}.`, result);
    // Without a schema, Output is what the service gives: unknown to callers, or v2's text.
    if (!this.#reader) return result as RunResult<Output>;
    const reading = await this.#reader.read(result.output);
    if (!reading.issues) return { ...result, output: reading.output };
    const why = reading.issues
      .map(({ path, message }) => (path.length ? `${path.join(".")}: ${message}` : message))
      .join("; ");
    const options = "cause" in reading ? { cause: reading.cause } : undefined;
    throw new OutputValidationError(
      `Run ${this.id} answered what does not fit the schema: ${why}`,
      result,
      reading.issues,
      options,
    );
  }
}

/** When a wait with these options is over. */
export function deadlineOf({ waitTimeoutMs }: WaitOptions): Deadline {
  return new Deadline(checkMs("waitTimeoutMs", waitTimeoutMs, LONGEST_RUN_MS));
}
