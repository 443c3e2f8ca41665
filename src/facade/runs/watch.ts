import { plainId } from "../call/answers.ts";
import { isLag, isPassing } from "../call/passing.ts";
import { untilAborted } from "../call/wait.ts";
import type { VersionReference } from "../versions.ts";
import { FIRST_MS } from "./pace.ts";
import type { Polled, Poller } from "./poller.ts";
import type { ListPlace } from "./run-list.ts";
import type { AnyReference, Look, RunEnd, RunPort, RunResult } from "./runs.ts";

/** How a run is watched. */
export interface WatchParts<Result = RunResult, Reference extends AnyReference = VersionReference> {
  readonly port: RunPort<Result, Reference>;
  readonly poller: Poller;
  /** Whether its steps are asked for. */
  readonly withSteps: Parameters<RunPort["watch"]>[0];
  /** @throws what ends the wait, such as the end of a lease. */
  readonly check: () => void;
  /** Called when nobody watches any more. */
  readonly onLeft?: () => void;
}

/** What is seen of one run, look by look, each at its turn. */
export class Watch<Result = RunResult, Reference extends AnyReference = VersionReference> implements Polled {
  readonly place: ListPlace;
  readonly sinceMs: number;
  readonly check: () => void;
  /** The last look's fault, when it had one that passes. */
  fault: unknown;
  /** All who share the watch work through its port, so that what one of them does is known to all. */
  readonly port: RunPort<Result, Reference>;
  readonly #poller: Poller;
  readonly #look: ReturnType<RunPort<Result, Reference>["watch"]>;
  readonly #onLeft: (() => void) | undefined;
  readonly #control = new AbortController();
  #isFirst = true;
  #wasInVain = false;
  #ending: Promise<RunEnd<Result>> | undefined;
  #waiters = 0;

  constructor({ port, poller, withSteps, check, onLeft }: WatchParts<Result, Reference>) {
    const { id, sessionId } = port.reference;
    this.place = { id: plainId(id), sessionId: plainId(sessionId ?? "") };
    this.sinceMs = port.dispatchedMs ?? performance.now();
    this.check = check;
    this.port = port;
    this.#poller = poller;
    this.#look = port.watch(withSteps);
    this.#onLeft = onLeft;
    poller.add(this);
  }

  isNews(status: string | undefined): boolean {
    return this.port.isNews(status);
  }

  /** Waits for the end, together with all others who do. The looks stop when the last of them has left. */
  async end(signal: AbortSignal): Promise<RunEnd<Result>> {
    this.#waiters += 1;
    this.#ending ??= this.#untilEnd(this.#control.signal);
    try {
      return await untilAborted(this.#ending, signal);
    } finally {
      this.#waiters -= 1;
      if (this.#waiters === 0) this.close();
    }
  }

  /** The next look, at its turn; the first one at once, unless the run was dispatched just now. Faults that pass show nothing. */
  async look(signal: AbortSignal): Promise<Look<Result>> {
    const isEarly = performance.now() - this.sinceMs < FIRST_MS && this.port.dispatchedMs !== undefined;
    const { news } = this.#isFirst && !isEarly ? { news: false } : await this.#poller.turn(this, signal);
    this.#isFirst = false;
    try {
      // What a list lacks without having ended is asked for in the cheaper way from then on.
      const seen = await this.#look({ signal }, news && !this.#wasInVain);
      this.fault = undefined;
      this.#wasInVain = news && !seen.end;
      if (seen.end) this.#poller.ended(this);
      return seen;
    } catch (fault) {
      signal.throwIfAborted();
      if (!isPassing(fault) && !isLag(fault, this.port.dispatchedMs)) throw fault;
      this.fault = fault;
      return { steps: [] };
    }
  }

  close(): void {
    this.#control.abort();
    this.#poller.remove(this);
    this.#onLeft?.();
  }

  async #untilEnd(signal: AbortSignal): Promise<RunEnd<Result>> {
    for (;;) {
      const { end } = await this.look(signal);
      if (end) return end;
    }
  }
}
