import { Deadline, sleep } from "../call/wait.ts";
import { warn } from "../warning.ts";
import { answering, inTime } from "./answering.ts";
import type { PoolEvent } from "./events.ts";
import type { Claim, LiveSession, ProjectLeases, ReleaseTerms, Stray } from "./lease-store.ts";
import type { PoolSettings } from "./options.ts";
import type { Reservation, SessionPort } from "./session-port.ts";
import type { Tenure } from "./tenure.ts";

const CLAIMS_AT_ONCE = 10;
const JITTER = 0.2;
const STORE_RETRY_MS = 200;
/** A confirmed stop that the store does not hear of costs a slot until somebody stops the session again. */
const STOPPED_TIMEOUT_MS = 10_000;
/** How soon another process may look in place of one that has begun the first look at all. */
const FIRST_PASS_MS = 2_000;

/** What stops and lists sessions. */
type KeptPort = Pick<SessionPort<never, unknown>, "kind" | "stop" | "list">;

/** What one round of cleaning up did. */
export interface Reaping {
  /** Sessions whose end was confirmed. */
  readonly stopped: number;
  /** Sessions whose stop was not confirmed; it is tried again. */
  readonly failed: number;
  /** Openings that came to no end in time. */
  readonly unknown: number;
  /** Live sessions on nobody's record. */
  readonly strays: number;
}

/** What becomes of a session. One that was not used in the end is kept for no longer than it would have been. */
export type Ending = "idle" | "stop" | { readonly unusedMs: number };

/** What one look at the vendor led to. */
type Looked = Omit<Reaping, "unknown">;

/** Keeps what a pool has promised: leases renewed, what is over stopped, the record like the vendor's. */
export class Keeper {
  readonly leases: ProjectLeases;
  readonly #port: KeptPort;
  readonly #settings: PoolSettings;
  readonly #tenures = new Map<Tenure, { stack: string | undefined; warned: boolean }>();
  readonly #background = new Set<Promise<unknown>>();
  #ticking: ReturnType<typeof setTimeout> | undefined;
  #renewing: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<Looked> | undefined;
  #closed = false;
  /** What this process has taken for sessions that it left idle. */
  readonly #warm = new Map<string, { readonly reservation: Reservation; readonly isOver: () => boolean }>();
  /** Strays that the last look showed: each is told of once. */
  #reported: ReadonlySet<string> = new Set();

  constructor(leases: ProjectLeases, port: KeptPort, settings: PoolSettings) {
    this.leases = answering(leases);
    this.#port = port;
    this.#settings = settings;
    this.#tick();
  }

  emit(event: PoolEvent): void {
    const { onEvent } = this.#settings;
    try {
      if (onEvent) Promise.resolve(onEvent(event)).catch(() => {});
      else if (event.type === "stopFailed" && event.error instanceof Error) warn(event.error);
      else if (event.type === "leak") warn(leakOf(event));
    } catch {
      // A listener's mistake must not cost a session.
    }
  }

  /** Renews a lease until it is dropped. `stack`: where it was acquired. */
  keep(tenure: Tenure, stack: string | undefined): void {
    this.#tenures.set(tenure, { stack, warned: false });
    this.#renewing ??= setTimeout(() => this.inBackground(this.#renew()), this.#settings.leaseMs / 3);
  }

  /** Neither renews a lease any more nor takes it for lost: it is over, or its release is on the way. */
  drop(tenure: Tenure): void {
    tenure.close();
    this.#tenures.delete(tenure);
  }

  /** Stops what was claimed. A stop that fails is an event, and is tried again by whoever reaps. */
  async stop(claim: Claim, reservation?: Reservation): Promise<boolean> {
    const { slot, sessionId, profileId, why } = claim;
    const { stopRetryMs } = this.#settings;
    const claimed = new Deadline(stopRetryMs);
    try {
      const stopping = this.#port.stop(sessionId, { savesProfile: profileId !== undefined });
      await inTime(stopping, stopRetryMs);
      reservation?.release();
      this.letGo(slot);
      if (profileId !== undefined) await sleep(this.#settings.profileSettleMs);
      await this.insist(() => this.leases.stopped(slot), STOPPED_TIMEOUT_MS);
      this.emit({ type: "stopped", sessionId, why });
      return true;
    } catch (error) {
      // Until then nobody tries the stop again, so that the session may live on.
      reservation?.expire(claimed.remainingMs);
      this.emit({ type: "stopFailed", sessionId, error });
      return false;
    }
  }

  /** The profile of a session that stays open is not for others to write before it is stopped, here, or by somebody else in its idle time. */
  keepWarm(slot: string, reservation: Reservation): void {
    const { idleTimeoutMs } = this.#settings;
    const idle = new Deadline(idleTimeoutMs);
    reservation.expire(idleTimeoutMs);
    this.#warm.set(slot, { reservation, isOver: () => idle.isOver });
  }

  letGo(slot: string): void {
    this.#warm.get(slot)?.reservation.release();
    this.#warm.delete(slot);
  }

  /** A lease is over that was not released. Its session is never lent again, so that the sooner it is stopped the better. */
  lost(tenure: Tenure, profileId: string | undefined, reservation: Reservation): void {
    this.#tenures.delete(tenure);
    const { slot, token, sessionId } = tenure;
    this.emit({ type: "lost", sessionId, error: tenure.signal.reason });
    const release = this.leases.release(slot, token, this.releaseTerms("stop")).catch(() => "lost");
    const claim = { slot, sessionId, profileId, why: "lease over" } as const;
    this.inBackground(release.then(() => this.stop(claim, reservation)));
  }

  releaseTerms(to: Ending): ReleaseTerms {
    const { idleTimeoutMs: idleMs, maxUses, stopRetryMs: stopMs } = this.#settings;
    if (typeof to === "object") return { to: "idle", idleMs: to.unusedMs, maxUses: Number.MAX_SAFE_INTEGER, stopMs };
    return { to, idleMs, maxUses, stopMs };
  }

  /** Calls the store until it answers, or the time is over. */
  async insist<T>(call: () => Promise<T>, timeoutMs: number): Promise<T> {
    const deadline = new Deadline(timeoutMs);
    for (;;) {
      try {
        return await call();
      } catch (error) {
        this.emit({ type: "storeFailed", error });
        if (deadline.remainingMs < STORE_RETRY_MS) throw error;
        await sleep(jittered(STORE_RETRY_MS));
      }
    }
  }

  /** Work that nobody waits for, but the closing of the pool. */
  inBackground(work: Promise<unknown>): void {
    const settled = work.catch(() => {}).finally(() => this.#background.delete(settled));
    this.#background.add(settled);
  }

  /** Stops all that is overdue. */
  async reap(): Promise<Omit<Reaping, "strays">> {
    const { kind } = this.#port;
    const done = { stopped: 0, failed: 0, unknown: 0 };
    for (;;) {
      const { claims, unknown } = await this.leases.reap(kind, CLAIMS_AT_ONCE, this.#settings.stopRetryMs);
      for (const slot of unknown) this.emit({ type: "unknown", slot });
      done.unknown += unknown.length;
      for (const isStopped of await Promise.all(claims.map((claim) => this.stop(claim)))) {
        done[isStopped ? "stopped" : "failed"] += 1;
      }
      if (claims.length + unknown.length < CLAIMS_AT_ONCE) return done;
    }
  }

  /** Looks at the vendor, unless another process of the fleet has just done so. Gives back how many strays there were. */
  reconcile(everyMs: number = this.#settings.reconcileIntervalMs): Promise<Looked> {
    this.#looking ??= this.#reconcile(everyMs).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Looks at the vendor now. A look that is under way may have missed what this one is to see. */
  async lookAnew(): Promise<Looked> {
    await this.#looking?.catch(() => {});
    return this.reconcile(0);
  }

  /** The first look, without which nothing may be opened. */
  firstLook(): Promise<Looked> {
    return this.reconcile(Math.min(FIRST_PASS_MS, this.#settings.reconcileIntervalMs));
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  /** Ends all timers. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#ticking);
    clearTimeout(this.#renewing);
    return this.settle();
  }

  async #reconcile(everyMs: number): Promise<Looked> {
    const { kind } = this.#port;
    const { graceMs, ownership } = this.#settings;
    const startedAt = await this.leases.beginPass(kind, everyMs);
    if (startedAt === undefined) return { stopped: 0, failed: 0, strays: 0 };
    const live: LiveSession[] = [];
    for await (const { id, mark } of this.#port.list()) live.push({ id, mark });
    const exclusive = ownership === "exclusive";
    const { strays } = await this.leases.reconcile({ kind, startedAt, live, graceMs, exclusive });
    const isOurs = ({ slot }: Stray) => exclusive || slot !== undefined;
    for (const stray of strays.filter(({ id }) => !this.#reported.has(id))) {
      this.emit({ type: "stray", sessionId: stray.id, stopped: isOurs(stray) });
    }
    this.#reported = new Set(strays.map(({ id }) => id));
    const ends = await Promise.all(strays.filter(isOurs).map((stray) => this.#stopStray(stray)));
    const stopped = ends.filter(Boolean).length;
    return { stopped, failed: ends.length - stopped, strays: strays.length };
  }

  async #stopStray({ id: sessionId, slot }: Stray): Promise<boolean> {
    try {
      await inTime(this.#port.stop(sessionId, { savesProfile: true }), this.#settings.stopRetryMs);
      await this.leases.strayStopped(this.#port.kind, sessionId);
      if (slot !== undefined) await this.leases.stopped(slot);
      this.emit({ type: "stopped", sessionId, why: "stray" });
      return true;
    } catch (error) {
      this.emit({ type: "stopFailed", sessionId, error });
      return false;
    }
  }

  #tick(): void {
    if (this.#closed) return;
    this.#ticking = setTimeout(() => {
      const round = this.#round().finally(() => this.#tick());
      this.inBackground(round);
    }, jittered(this.#settings.reapIntervalMs));
  }

  async #round(): Promise<void> {
    this.#warnOfLeaks();
    for (const [slot, { isOver }] of this.#warm) if (isOver()) this.letGo(slot);
    for (const work of [() => this.reap(), () => this.reconcile()]) {
      await work().catch((error) => this.emit({ type: "cleanUpFailed", error }));
    }
  }

  async #renew(): Promise<void> {
    const { leaseMs } = this.#settings;
    const askedAt = performance.now();
    const tenures = [...this.#tenures.keys()];
    let isRenewed = false;
    try {
      const refused = new Set(await this.leases.renew(tenures, leaseMs));
      // A lease that was released meanwhile is none of ours, and its session may be somebody else's by now.
      for (const tenure of tenures.filter((kept) => this.#tenures.has(kept))) {
        if (refused.has(tenure.token)) tenure.lose("its lease was over when it was to be renewed");
        else tenure.renewed(askedAt, leaseMs);
      }
      isRenewed = true;
    } catch (error) {
      this.emit({ type: "storeFailed", error });
    }
    const nextMs = isRenewed ? leaseMs / 3 - (performance.now() - askedAt) : jittered(Math.min(1_000, leaseMs / 10));
    const isNeeded = this.#tenures.size > 0 && !this.#closed;
    this.#renewing = isNeeded ? setTimeout(() => this.inBackground(this.#renew()), Math.max(0, nextMs)) : undefined;
  }

  #warnOfLeaks(): void {
    for (const [{ sessionId, since }, note] of this.#tenures) {
      const heldMs = performance.now() - since;
      if (note.warned || heldMs < this.#settings.leakWarningMs) continue;
      note.warned = true;
      this.emit({ type: "leak", sessionId, heldMs, stack: note.stack });
    }
  }
}

function jittered(ms: number): number {
  return ms * (1 + JITTER * (2 * Math.random() - 1));
}

function leakOf({ sessionId, heldMs, stack }: { sessionId: string; heldMs: number; stack: string | undefined }): Error {
  const minutes = Math.round(heldMs / 60_000);
  return new Error(`Session ${sessionId} has been leased for ${minutes} minutes, acquired at: ${stack}`);
}
