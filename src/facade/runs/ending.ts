import type { Deadline } from "../call/wait.ts";
import { within } from "../call/within.ts";
import { TimeoutError } from "../errors.ts";
import type { ClientEvent } from "../events.ts";
import type { CallOptions } from "../types.ts";
import type { AnyReference, RunEnd, RunPort } from "./runs.ts";
import type { Watch } from "./watch.ts";
import type { Watcher } from "./watcher.ts";

type Ended = Extract<ClientEvent, { readonly type: "ended" }>;
type Outcome = Extract<ClientEvent, { readonly type: "waited" }>["outcome"];

/** What is known of a run's end, and how it is waited for, whichever service runs it. */
export class Ending<Result, Reference extends AnyReference> {
  readonly watcher: Watcher<Result, Reference>;
  readonly #summary: (end: RunEnd<Result>) => Pick<Ended, "status" | "success" | "costUsd">;
  readonly #own: RunPort<Result, Reference>;
  #port: RunPort<Result, Reference>;
  #end: RunEnd<Result> | undefined;

  /** `summary`: what is told of an end to the client's listener. */
  constructor(
    watcher: Watcher<Result, Reference>,
    port: RunPort<Result, Reference>,
    summary: (end: RunEnd<Result>) => Pick<Ended, "status" | "success" | "costUsd">,
  ) {
    this.watcher = watcher;
    this.#own = port;
    this.#port = port;
    this.#summary = summary;
  }

  /** What looks at the run: this handle's own, until it shares another's watch. */
  get port(): RunPort<Result, Reference> {
    return this.#port;
  }

  /** Which run it is. Whoever shares the watch may know the session, where this handle does not, or the other way round. */
  get reference(): Reference {
    const { reference } = this.#own;
    return reference.sessionId === undefined ? this.#port.reference : reference;
  }

  /** The end, once it was seen. */
  get seen(): RunEnd<Result> | undefined {
    return this.#end;
  }

  /** Takes note of an end. It stays what it was when it was first seen. */
  see(end: RunEnd<Result> | undefined): RunEnd<Result> | undefined {
    if (!end || this.#end) return this.#end;
    this.#end = end;
    this.watcher.emit?.({ type: "ended", ...this.#ids(), ...this.#summary(end) });
    return end;
  }

  /** Looks once whether it has come. */
  async hasCome(options: CallOptions): Promise<boolean> {
    if (!this.#end) this.see((await this.#port.glance(options)).end);
    return this.#end !== undefined;
  }

  /** Waits for it, together with all others who wait for this run. `timeUp` is given the fault of the last look. */
  async inTime(
    deadline: Deadline,
    signal: AbortSignal | undefined,
    timeUp: (fault: unknown) => TimeoutError,
  ): Promise<RunEnd<Result>> {
    signal?.throwIfAborted();
    if (this.#end) return this.#end;
    let watch: Watch<Result, Reference> | undefined;
    const wait = (own: AbortSignal) => {
      watch = this.watcher.shared(this.#port);
      this.#port = watch.port;
      return watch.end(own);
    };
    const end = await within(deadline.remainingMs, () => timeUp(watch?.fault), signal, wait);
    return this.see(end) ?? end;
  }

  /** Tells the client's listener how a wait goes, and hands the end on. */
  async told<T>(
    signal: AbortSignal | undefined,
    wait: () => Promise<RunEnd<Result>>,
    conclude: (end: RunEnd<Result>) => T | Promise<T>,
  ): Promise<T> {
    const begun = performance.now();
    const tell = (outcome: Outcome) =>
      this.watcher.emit?.({ type: "waited", ...this.#ids(), waitedMs: performance.now() - begun, outcome });
    const end = await wait().catch((error: unknown) => {
      tell(signal?.aborted ? "aborted" : error instanceof TimeoutError ? "timeout" : "failed");
      throw error;
    });
    tell(end.answered ? "answered" : "unanswered");
    return conclude(end);
  }

  #ids(): Pick<Ended, "apiVersion" | "runId" | "sessionId"> {
    const { apiVersion, id: runId, sessionId } = this.reference;
    return { apiVersion, runId, sessionId };
  }
}

/** What a wait rejects with whose time is over. A run that is not a one-shot's goes on, and can be waited for again. */
export function notInTime<R extends { readonly id: string }>(
  run: R,
  { timeoutMs }: Deadline,
  cause?: unknown,
): TimeoutError<R> {
  const message = `Run ${run.id} has not ended within ${timeoutMs} ms; it is on this error as run.`;
  return new TimeoutError<R>(message, { operation: "result", timeoutMs, run }, { cause });
}
