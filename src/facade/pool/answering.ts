import { untilAborted } from "../call/wait.ts";
import { within } from "../call/within.ts";
import { LeaseStoreError } from "../errors.ts";
import type { ProjectLeases } from "./lease-store.ts";

/** What a store has not answered by then is as good as lost. */
const ANSWER_MS = 10_000;

/** What is not done in time counts as failed. */
export function inTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const timeUp = () => new Error(`It was not done within ${timeoutMs} ms.`);
  return within(timeoutMs, timeUp, undefined, (signal) => untilAborted(work, signal));
}

/** The same store, which always answers: in time, or with a `LeaseStoreError`. */
export function answering(leases: ProjectLeases): ProjectLeases {
  return {
    acquire: (want) => answered(leases.acquire(want)),
    leave: (token) => answered(leases.leave(token)),
    attach: (...opened) => answered(leases.attach(...opened)),
    createFailed: (...failed) => answered(leases.createFailed(...failed)),
    renew: (...held) => answered(leases.renew(...held)),
    release: (...held) => answered(leases.release(...held)),
    stopped: (slot) => answered(leases.stopped(slot)),
    reap: (...due) => answered(leases.reap(...due)),
    claimIdle: (...own) => answered(leases.claimIdle(...own)),
    beginPass: (...due) => answered(leases.beginPass(...due)),
    reconcile: (pass) => answered(leases.reconcile(pass)),
    strayStopped: (...stray) => answered(leases.strayStopped(...stray)),
    isProfileHeld: (profileId) => answered(leases.isProfileHeld(profileId)),
    counts: () => answered(leases.counts()),
    slots: () => answered(leases.slots()),
    watch: (holder, wake) => leases.watch(holder, wake),
  };
}

/** What a store answers. Whatever goes wrong with it, that it is silent included, callers see one kind of error. */
export async function answered<T>(answer: Promise<T>): Promise<T> {
  const timeUp = () => new LeaseStoreError(`The lease store has not answered within ${ANSWER_MS} ms.`);
  try {
    return await within(ANSWER_MS, timeUp, undefined, (signal) => untilAborted(answer, signal));
  } catch (cause) {
    throw cause instanceof LeaseStoreError ? cause : new LeaseStoreError("The lease store failed.", { cause });
  }
}
