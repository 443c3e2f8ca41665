import type { Api } from "../call/api.ts";
import type { Context } from "../context.ts";
import { IDLE_LIFE_MS, type Owner } from "../live.ts";
import { Run } from "../runs/runs.ts";
import type { CallOptions } from "../types.ts";
import { activeBrowsers, OpenSession } from "./open-session.ts";
import type { Started } from "./plan.ts";
import { v4RunPort } from "./runs.ts";

/** A run, and the session that it came with: to stop it is to end both. */
export class OwnRun extends OpenSession {
  readonly started: Started;
  readonly run: Run<string | null>;
  readonly #api: Api;
  readonly #owner: Owner;
  #isLeft = false;
  /** Until when its browser may write the profile, on the clock of `performance`. */
  #writesUntilMs = Number.POSITIVE_INFINITY;

  /** `onEnd`: called when the run's end was seen. */
  constructor({ api, watcher }: Context, started: Started, owner: Owner, onEnd: (own: OwnRun) => void = () => {}) {
    const port = v4RunPort(api, started, { dispatchedMs: performance.now(), onEnd: () => onEnd(this) });
    const run = new Run<string | null>(watcher, port);
    const runs = {
      cancel: async (options: CallOptions) => run.isDone || port.stop(options),
      haveEnded: (options: CallOptions) => run.hasEnded(options),
    };
    const onClosed = () => {
      // A browser that is left ends by itself when nothing follows.
      this.#writesUntilMs = performance.now() + (this.#isLeft ? IDLE_LIFE_MS : 0);
      owner.onClosed(this.#isLeft ? IDLE_LIFE_MS : undefined);
    };
    super(api, started.sessionId, runs, { ...owner, onClosed });
    this.#api = api;
    this.#owner = owner;
    this.started = started;
    this.run = run;
  }

  /** Leaves the browser of a run that has ended to what follows: there is nothing to stop any more. */
  leave(): void {
    this.#isLeft = true;
    this.see({ id: this.id, isOver: true });
  }

  /** Whether its browser surely writes no profile any more. */
  get hasLetGo(): boolean {
    return performance.now() >= this.#writesUntilMs;
  }

  /** Lets go of the profile when the run is over, and no browser of its session is left: it may have ended without this client's knowing. */
  async letGo(options: CallOptions): Promise<void> {
    if (!(await this.run.hasEnded(options))) return;
    if ((await activeBrowsers(this.#api, this.id, options)).length > 0) return;
    this.#writesUntilMs = 0;
    this.#owner.onClosed();
  }
}
