/**
 * What a pool needs from the place where slots are counted: this process's memory, a Redis, or anything else that can make one
 * move at a time. Every method is one indivisible step on the store's own clock.
 *
 *     (none) --acquire--> creating --attach--> leased --release--> idle --acquire--> leased
 *                           |   \                |  \--release(stop), lease over--> stopping --stopped--> (none)
 *                  refused: (none)               idle over, evicted --> stopping
 *                           |
 *               lost, too late: unknown --a clean look at the vendor--> (none)
 *
 * Every state counts against the cap, and a slot is in exactly one.
 */
export type SlotState = "creating" | "leased" | "idle" | "stopping" | "unknown";

/** For so long a key is remembered, so that it can be told that its browser is a new one. No session lives longer than a few hours. */
export const KEY_MEMORY_MS: number = 24 * 60 * 60_000;

/** Keeps the slots of all projects, and short locks beside them. A method that rejects may have done its work or not. */
export interface LeaseStore {
  /** The slots of one project of the vendor. Whoever names the same project on the same store shares them. */
  project(id: string): ProjectLeases;
  /** Takes a lock that ends by itself after `ttlMs`: its token, or undefined while somebody has it. */
  lock(name: string, ttlMs: number): Promise<string | undefined>;
  /** Gives a lock back. With a token that has it no more, nothing happens. */
  unlock(name: string, token: string): Promise<void>;
}

/** What is wanted of a store, and for how long things hold there. */
export interface Want {
  /** Made up by who asks: names them in the queue, and the lease once it is granted. Asking again with it gives the same grant again. */
  readonly token: string;
  /** The place in line that an earlier answer gave. */
  readonly ticket?: number | undefined;
  /** The pool that asks. It is the one that is woken. */
  readonly holder: string;
  /** What kind of session: only its own pools can stop it, so that only they evict and reap it. */
  readonly kind: string;
  /** Names all that is baked into the session, with its key or group. Left out: nothing may be reused. */
  readonly shape?: string | undefined;
  /** The caller's continuity: at most one slot has it. */
  readonly key?: string | undefined;
  /** The profile that the session will write: at most one slot has it. */
  readonly profileId?: string | undefined;
  /** Whether nobody else opens sessions of this kind: a stray may then be what is left of a lost record, and write any profile. */
  readonly exclusive: boolean;
  /** How many slots of the project there may be, of all kinds. */
  readonly cap: number;
  /** How many may wait, over all processes. */
  readonly maxWaiters: number;
  /** Whether an idle slot may be stopped to make room. False while one that was given for this is still being stopped. */
  readonly mayEvict: boolean;
  /** How long a waiter that does not ask again keeps its place. */
  readonly waiterMs: number;
  readonly leaseMs: number;
  /** How long a create may take before its outcome counts as unknown. */
  readonly createMs: number;
  /** How long an unknown outcome holds the slot at least. */
  readonly holdMs: number;
  /** How long a claim to stop a slot is honoured before somebody else may try. */
  readonly stopMs: number;
}

/**
 * Why one has to wait. `key`: another lease, or what is left of one, has this key. `profile`: another session writes it, or a stray may. `cap`: all
 * slots are in use. `queue`: others came first.
 */
export type WaitReason = "key" | "profile" | "cap" | "queue";

/** The right, and the duty, to stop a session. */
export interface Claim {
  readonly slot: string;
  readonly sessionId: string;
  /** The profile that is free once the stop is confirmed. */
  readonly profileId?: string | undefined;
  readonly why: "released" | "lease over" | "idle over" | "evicted" | "stop again" | "closing";
}

/** What a store answers to who wants a session. */
export type Grant =
  | {
      readonly kind: "reuse";
      readonly ticket: number;
      readonly slot: string;
      readonly sessionId: string;
      readonly fence: number;
      readonly uses: number;
      /** How much of its idle time was left: who does not use it in the end gives it back for no longer. */
      readonly idleLeftMs: number;
    }
  /** Counted already; open one, then `attach` it or say that it failed. `mark`: what tells the session's origin, where it can carry one. */
  | {
      readonly kind: "create";
      readonly ticket: number;
      readonly slot: string;
      readonly fence: number;
      readonly mark: string;
      readonly restarted: boolean;
    }
  | { readonly kind: "evict"; readonly ticket: number; readonly claim: Claim }
  | { readonly kind: "wait"; readonly ticket: number; readonly reason: WaitReason; readonly waiting: number }
  /** Too many wait already. */
  | { readonly kind: "full"; readonly ticket: number; readonly waiting: number }
  /** The store does not know what lives at the vendor: `reconcile` first. */
  | { readonly kind: "unready" };

/** What came of a create that gave no session. */
export type CreateFailure =
  /** Surely not created. */
  | { readonly outcome: "refused" }
  /** Surely not created, as the vendor's cap is reached: others use the project. For `shrinkMs` no more slots than there are now. */
  | { readonly outcome: "full"; readonly shrinkMs: number }
  /** Nobody knows: the slot counts on, and holds its profile, until a clean look at the vendor. */
  | { readonly outcome: "unknown" };

/** A session that the vendor's list shows as live. */
export interface LiveSession {
  readonly id: string;
  /** The mark of the grant that it was opened with, where the session can carry one. */
  readonly mark?: string | undefined;
}

/** One look at all sessions of a kind that are live at the vendor. */
export interface Pass {
  readonly kind: string;
  /** What `beginPass` gave, before the list was asked for. */
  readonly startedAt: number;
  readonly live: readonly LiveSession[];
  /** How long one must be on nobody's record to count as a stray. */
  readonly graceMs: number;
  /** Whether nobody else opens sessions of this kind, so that an unknown create is settled only by a look that shows no stray. */
  readonly exclusive: boolean;
}

/** A live session on nobody's record, seen twice a grace apart. */
export interface Stray {
  readonly id: string;
  /** The slot it was opened for by a pool on this store, when it carries the mark; that slot may be free again. */
  readonly slot?: string | undefined;
}

/** What is counted. */
export interface LeaseCounts extends Readonly<Record<SlotState, number>> {
  readonly waiting: number;
  /** Live sessions on nobody's record, which take room from the cap. */
  readonly strays: number;
  /** The most slots there may be since the vendor refused one; undefined when it did not lately. */
  readonly shrunkTo?: number | undefined;
}

/** One slot, as people want to see it. */
export interface SlotView {
  readonly slot: string;
  readonly state: SlotState;
  readonly kind: string;
  readonly sessionId?: string | undefined;
  readonly profileId?: string | undefined;
  /** The pool that has it, or had it last. */
  readonly holder: string;
  readonly fence: number;
  readonly uses: number;
  /** Until the state changes by itself, in milliseconds; negative when that is overdue. */
  readonly dueInMs: number;
}

/** The slots of one project. */
export interface ProjectLeases {
  /**
   * Gives a session to use, or the right to open one (counted before it is sent), or what else is to be done first.
   * In order: nobody passes who came earlier and could be served; who waits for a profile or a key blocks no other.
   */
  acquire(want: Want): Promise<Grant>;
  /** Gives up: out of the queue, and what was granted without the news arriving is given back. */
  leave(token: string): Promise<void>;
  /** A session was opened. False when the slot is no longer the caller's: who opened the session must stop it. */
  attach(
    slot: string,
    token: string,
    sessionId: string,
    terms: { readonly leaseMs: number; readonly lifeMs: number },
  ): Promise<boolean>;
  /** No session was opened, or nobody knows. */
  createFailed(slot: string, token: string, failure: CreateFailure): Promise<void>;
  /** Prolongs leases. Gives back the tokens of those that are over, also of those that nobody has taken since. */
  renew(
    leases: readonly { readonly slot: string; readonly token: string }[],
    leaseMs: number,
  ): Promise<readonly string[]>;
  /** Ends a lease. `"stop"`: the caller now has the claim to stop it. `"lost"`: it was over already. */
  release(slot: string, token: string, terms: ReleaseTerms): Promise<"idle" | "stop" | "lost">;
  /** The end of the slot's session is confirmed, which frees the slot, its key and its profile. */
  stopped(slot: string): Promise<void>;
  /** Moves what is overdue, and claims up to `limit` sessions to be stopped. Two callers never get the same one at the same time. */
  reap(kind: string, limit: number, stopMs: number): Promise<Reaped>;
  /** Claims the idle sessions that a pool was the last to use. */
  claimIdle(kind: string, holder: string, stopMs: number): Promise<readonly Claim[]>;
  /** The store's time, when the last pass of this kind began at least `everyMs` ago; else undefined. */
  beginPass(kind: string, everyMs: number): Promise<number | undefined>;
  /** Compares a look at the vendor with the record; afterwards `acquire` is ready for this kind. */
  reconcile(pass: Pass): Promise<Reconciled>;
  /** A stray was stopped. */
  strayStopped(kind: string, sessionId: string): Promise<void>;
  /** Whether a slot writes this profile. */
  isProfileHeld(profileId: string): Promise<boolean>;
  counts(): Promise<LeaseCounts>;
  slots(): Promise<readonly SlotView[]>;
  /** Calls `wake` with the token of a waiter of this pool when it should ask again. A hint: it may be late, lost, or for nothing. */
  watch(holder: string, wake: (token: string) => void): () => void;
}

/** What becomes of a session when its lease ends. */
export interface ReleaseTerms {
  /** `"idle"`: keep it, unless it has been used too often or its life is over. */
  readonly to: "idle" | "stop";
  readonly idleMs: number;
  readonly maxUses: number;
  readonly stopMs: number;
}

/** What one round of reaping gave. */
export interface Reaped {
  readonly claims: readonly Claim[];
  /** Slots whose create came to no end in time. */
  readonly unknown: readonly string[];
}

/** What a look at the vendor gave. */
export interface Reconciled {
  readonly strays: readonly Stray[];
  /** Slots of unknown outcome that are free again. */
  readonly freed: readonly string[];
}
