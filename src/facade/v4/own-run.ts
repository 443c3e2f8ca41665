import type { Api } from "../call/api.ts";
import type { Context } from "../context.ts";
import { IDLE_LIFE_MS, LONGEST_LIFE_MS, type Owner } from "../live.ts";
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
  /** The last one that this client has started in the session. */
  #latest: Run<string | null>;
  #isAtWork = true;
  #isLeft = false;
  #isStopping = false;
  /** Until when its browser may write the profile, on the clock of `performance`. */
  #writesUntilMs = Number.POSITIVE_INFINITY;

  /** `onEnd`: called when the run's end was seen. */
  constructor({ api, watcher }: Context, started: Started, owner: Owner, onEnd: (own: OwnRun) => void = () => {}) {
    const port = v4RunPort(api, started, { dispatchedMs: performance.now(), onEnd: () => onEnd(this) });
    const run = new Run<string | null>(watcher, port);
    const runs = {
      known: () => (run.isDone ? null : run.id),
      atWork: async (options: CallOptions) => ((await run.hasEnded(options)) ? null : run.id),
    };
    // A browser that is left ends by itself when nothing follows.
    const onClosed = () => (this.#isLeft ? this.#writesFor(IDLE_LIFE_MS) : this.letGo());
    super(api, started.sessionId, runs, { ...owner, onClosed });
    this.#api = api;
    this.#owner = owner;
    this.started = started;
    this.run = run;
    this.#latest = run;
  }

  override stop(): ReturnType<OpenSession["stop"]> {
    this.#isStopping = true;
    return super.stop();
  }

  /** Leaves the browser of a run that has ended to what follows: there is nothing to stop any more. Not when it is being stopped. */
  leave(): void {
    if (this.#isLeft || this.#isStopping) return;
    this.#isLeft = true;
    this.#isAtWork = false;
    this.see({ id: this.id, isOver: true });
  }

  /** Whether its browser surely writes no profile any more. */
  get hasLetGo(): boolean {
    return performance.now() >= this.#writesUntilMs;
  }

  /** Takes note of a run that follows in the session, with the same browser. */
  isFollowedBy(run: Run<string | null>): void {
    this.#latest = run;
    this.#isAtWork = true;
    if (!this.hasLetGo) this.#writesFor(LONGEST_LIFE_MS);
  }

  /** Takes note of the end of a run that has followed. */
  isLeftAgain(run: Run<string | null>): void {
    if (this.#latest !== run || !this.#isAtWork) return;
    this.#isAtWork = false;
    if (!this.hasLetGo) this.#writesFor(IDLE_LIFE_MS);
  }

  /** Lets go of the profile if its run is over, and no browser of its session is left: it may have ended without this client's knowing. */
  async letGoIfOver(options: CallOptions): Promise<void> {
    if (this.#isAtWork && !(await this.#latest.hasEnded(options))) return;
    if ((await activeBrowsers(this.#api, this.id, options)).length === 0) this.letGo();
  }

  /** Lets go of the profile: its browser has stopped. */
  letGo(): void {
    this.#writesUntilMs = 0;
    this.#owner.onClosed();
  }

  #writesFor(ms: number): void {
    this.#writesUntilMs = performance.now() + ms;
    this.#owner.onClosed(ms);
  }
}
