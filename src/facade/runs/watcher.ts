import { plainId } from "../call/answers.ts";
import type { Emit } from "../events.ts";
import type { VersionReference } from "../versions.ts";
import { type OnPoll, Poller } from "./poller.ts";
import type { RunList } from "./run-list.ts";
import type { AnyReference, RunPort, RunResult } from "./runs.ts";
import { Watch, type WatchParts } from "./watch.ts";

/** What an event says about a run. */
export interface RunNotice {
  readonly taskId?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** Who looks at the runs of one version. */
interface Pollers {
  readonly ends: Poller;
  /** For those whose steps are asked for: no list has steps. */
  readonly steps: Poller;
}

/** The pollers of each version of an API that has runs, with the list that shows how they stand. */
export function pollersOf(
  lists: Readonly<Record<string, RunList>>,
  emit: Emit | undefined,
): ReadonlyMap<string, Pollers> {
  const pollers = Object.entries(lists).map(([apiVersion, list]) => {
    const onPoll: OnPoll | undefined = emit && ((poll) => emit({ type: "polled", apiVersion, ...poll }));
    return [apiVersion, { ends: new Poller(list, onPoll), steps: new Poller(undefined, onPoll) }] as const;
  });
  return new Map(pollers);
}

/** Watches all runs that a client waits for: those who wait for the same one share what is seen of it. */
export class Watcher<Result = RunResult, Reference extends AnyReference = VersionReference> {
  readonly emit: Emit | undefined;
  readonly #pollers: ReadonlyMap<string, Pollers>;
  readonly #check: () => void;
  readonly #shared = new Map<string, Watch<Result, Reference>>();

  constructor(pollers: ReadonlyMap<string, Pollers>, emit: Emit | undefined, check: () => void = () => {}) {
    this.#pollers = pollers;
    this.emit = emit;
    this.#check = check;
  }

  /** The same for whoever may watch only while `check` does not throw. */
  under(check: () => void): Watcher<Result, Reference> {
    return new Watcher(this.#pollers, this.emit, check);
  }

  /** The watch of a run that all share who wait for its end. */
  shared(port: RunPort<Result, Reference>): Watch<Result, Reference> {
    // Two tasks that were dispatched one right after the other may have the same reference; one may find out its session meanwhile.
    const key = JSON.stringify([{ ...port.reference, sessionId: undefined }, port.dispatchedMs]);
    const known = this.#shared.get(key);
    if (known) return known;
    const watch = this.#begin(port, false, () => this.#shared.delete(key));
    this.#shared.set(key, watch);
    return watch;
  }

  /** A watch that sees all steps from the first one on. Whoever has it closes it. */
  ofSteps(port: RunPort<Result, Reference>, withHidden: boolean): Watch<Result, Reference> {
    return this.#begin(port, withHidden ? "with hidden" : true);
  }

  /** An event says that something has happened to a run or a session. */
  notice(event: RunNotice): void {
    const { taskId, sessionId }: { taskId?: unknown; sessionId?: unknown } = event ?? {};
    // An event that was passed on may be anything.
    const ids = new Set([taskId, sessionId].flatMap((id) => (typeof id === "string" ? [plainId(id)] : [])));
    if (ids.size === 0) return;
    for (const { ends, steps } of this.#pollers.values()) for (const poller of [ends, steps]) poller.notice(ids);
  }

  #begin(
    port: RunPort<Result, Reference>,
    withSteps: WatchParts<Result, Reference>["withSteps"],
    onLeft?: () => void,
  ): Watch<Result, Reference> {
    const { apiVersion } = port.reference;
    const poller = this.#pollers.get(apiVersion)?.[withSteps ? "steps" : "ends"];
    if (!poller) throw new Error(`No poller for ${apiVersion}: give pollersOf its list.`);
    return new Watch({ port, poller, withSteps, check: this.#check, ...(onLeft && { onLeft }) });
  }
}
