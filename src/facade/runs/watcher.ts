import { plainId } from "../call/answers.ts";
import type { Api } from "../call/api.ts";
import type { Emit } from "../events.ts";
import { type OnPoll, Poller } from "./poller.ts";
import { v2RunList, v3RunList } from "./run-list.ts";
import type { RunPort } from "./runs.ts";
import { Watch, type WatchParts } from "./watch.ts";

/** What an event says about a run. */
export interface RunNotice {
  readonly taskId?: string | undefined;
  readonly sessionId?: string | undefined;
}

type Pollers = Readonly<Record<"v2" | "v3" | "v2 steps" | "v3 steps", Poller>>;

/** One poller for each version of the API, and one for those of its runs whose steps are asked for: no list has steps. */
export function pollersOf(api: Api, emit: Emit | undefined): Pollers {
  const onPoll = (apiVersion: "v2" | "v3"): OnPoll | undefined =>
    emit && ((poll) => emit({ type: "polled", apiVersion, ...poll }));
  return {
    v2: new Poller(v2RunList(api), onPoll("v2")),
    v3: new Poller(v3RunList(api), onPoll("v3")),
    "v2 steps": new Poller(undefined, onPoll("v2")),
    "v3 steps": new Poller(undefined, onPoll("v3")),
  };
}

/** Watches all runs that a client waits for: those who wait for the same one share what is seen of it. */
export class Watcher {
  readonly emit: Emit | undefined;
  readonly #pollers: Pollers;
  readonly #check: () => void;
  readonly #shared = new Map<string, Watch>();

  constructor(pollers: Pollers, emit: Emit | undefined, check: () => void = () => {}) {
    this.#pollers = pollers;
    this.emit = emit;
    this.#check = check;
  }

  /** The same for whoever may watch only while `check` does not throw. */
  under(check: () => void): Watcher {
    return new Watcher(this.#pollers, this.emit, check);
  }

  /** The watch of a run that all share who wait for its end. */
  shared(port: RunPort): Watch {
    // Two tasks that were dispatched one right after the other may have the same reference.
    const key = JSON.stringify([port.reference, port.dispatchedMs]);
    const known = this.#shared.get(key);
    if (known) return known;
    const watch = this.#begin(port, false, () => this.#shared.delete(key));
    this.#shared.set(key, watch);
    return watch;
  }

  /** A watch that sees all steps from the first one on. Whoever has it closes it. */
  ofSteps(port: RunPort, withHidden: boolean): Watch {
    return this.#begin(port, withHidden ? "with hidden" : true);
  }

  /** An event says that something has happened to a run or a session. */
  notice(event: RunNotice): void {
    const { taskId, sessionId }: { taskId?: unknown; sessionId?: unknown } = event ?? {};
    // An event that was passed on may be anything.
    const ids = new Set([taskId, sessionId].flatMap((id) => (typeof id === "string" ? [plainId(id)] : [])));
    if (ids.size > 0) for (const poller of Object.values(this.#pollers)) poller.notice(ids);
  }

  #begin(port: RunPort, withSteps: WatchParts["withSteps"], onLeft?: () => void): Watch {
    const { apiVersion } = port.reference;
    const poller = this.#pollers[withSteps ? (`${apiVersion} steps` as const) : apiVersion];
    return new Watch({ port, poller, withSteps, check: this.#check, ...(onLeft && { onLeft }) });
  }
}
