import type { LeaseStore, ProjectLeases } from "../../../src/pool.ts";

type Operation = keyof ProjectLeases | "lock" | "unlock";

/** A store that does not always do what it should. */
export interface CrookedStore extends LeaseStore {
  /** Operations that fail without being done. */
  readonly fails: Set<Operation>;
  /** Operations that are never answered, and not done. */
  readonly hangs: Set<Operation>;
  /** How long an operation takes before it is done. */
  readonly delays: Map<Operation, number>;
  /** The next call of this operation is done, and its answer is lost. */
  losesNext(operation: Operation): void;
  /** What was asked, in order. */
  readonly asked: Operation[];
  /** What a failing operation fails with. */
  error: unknown;
}

/** Puts faults in front of a store. */
export function crooked(store: LeaseStore): CrookedStore {
  const loses = new Set<Operation>();
  const made: CrookedStore = {
    fails: new Set(),
    hangs: new Set(),
    delays: new Map(),
    asked: [],
    error: new Error("The store is down."),
    losesNext: (operation) => loses.add(operation),
    project: (id) => withFaults(store.project(id)),
    lock: (...args) => play("lock", () => store.lock(...args)),
    unlock: (...args) => play("unlock", () => store.unlock(...args)),
  };

  async function play<T>(operation: Operation, act: () => Promise<T>): Promise<T> {
    made.asked.push(operation);
    const ms = made.delays.get(operation);
    if (ms !== undefined) await new Promise((resolve) => setTimeout(resolve, ms));
    if (made.hangs.has(operation)) await new Promise(() => {});
    if (made.fails.has(operation)) throw made.error;
    const answer = await act();
    if (loses.delete(operation)) throw made.error;
    return answer;
  }

  function withFaults(leases: ProjectLeases): ProjectLeases {
    return new Proxy(leases, {
      get: (_, name: keyof ProjectLeases) => {
        if (name === "watch") return leases.watch.bind(leases);
        // The arguments are those of the method, which is called with them as they are.
        const method = leases[name].bind(leases) as (...args: unknown[]) => Promise<unknown>;
        return (...args: unknown[]) => play(name, () => method(...args));
      },
    });
  }
  return made;
}

/** All that a pool asks of a store but the way in. */
export const EVERYTHING: readonly Operation[] = [
  "acquire",
  "leave",
  "attach",
  "createFailed",
  "renew",
  "release",
  "stopped",
  "reap",
  "claimIdle",
  "beginPass",
  "reconcile",
  "strayStopped",
  "counts",
  "slots",
];
