import { LeaseStoreError, PoolTimeoutError, type PoolTimeoutReason } from "../errors.ts";
import { orHandOver, untilAborted } from "../wait.ts";
import { inTime, type Keeper } from "./keeper.ts";
import { Lease, type ReleaseOptions } from "./lease.ts";
import type { Grant, Want } from "./lease-store.ts";
import type { PoolSettings } from "./options.ts";
import type { Reservation, Seen, SessionPlan, SessionPort } from "./session-port.ts";
import { Tenure } from "./tenure.ts";

/** How long a waiter that does not ask keeps its place in line: a fifth of a lease. It asks three times as often at least. */
const waiterMsOf = (leaseMs: number): number => Math.max(1_000, leaseMs / 5);
/** A store that owes an answer for so long is what is waited for. */
const SILENCE_MS = 500;
const POLL_FIRST_MS = 50;
const POLL_GROWTH = 1.6;
/** A release that the store does not hear of is as good as a lease that runs out. */
const RELEASE_TIMEOUT_MS = 5_000;
/** The share of the time to open that the vendor has: the store must hear of the session before it gives the slot up. */
const VENDOR_SHARE = 5 / 6;
const LIFE_SHARE = 0.75;
const LIFE_JITTER = 0.05;

type Granted<K extends Grant["kind"]> = Extract<Grant, { readonly kind: K }>;

/** What somebody wants, in the store's terms. */
export interface Wish<Request> {
  readonly plan: SessionPlan<Request>;
  readonly key: string | undefined;
  readonly want: Pick<Want, "shape" | "key" | "profileId">;
  /** Where it was asked for. */
  readonly stack: string | undefined;
}

/** What a search works with. */
export interface Tools<Request, Session> {
  readonly keeper: Keeper;
  readonly port: SessionPort<Request, Session>;
  readonly settings: PoolSettings;
  readonly holder: string;
  readonly cap: () => number;
  /** What is called when the store has a hint for a token. */
  readonly bells: Map<string, () => void>;
  readonly onLease: (lease: Lease<Session>) => void;
  readonly onEnd: (lease: Lease<Session>) => void;
}

/** One caller's way to a lease: asks the store, does what it says, and asks again. */
export class Search<Request, Session> {
  readonly #tools: Tools<Request, Session>;
  readonly #wish: Wish<Request>;
  #token: string = crypto.randomUUID();
  #ticket: number | undefined;
  #asked: Promise<unknown> = Promise.resolve();
  /** Since when the store owes an answer; undefined while it owes none. */
  #askedAt: number | undefined;
  #hasLooked = false;
  #isHinted = false;
  #wake: () => void = () => {};
  #evicting = false;
  #pauseMs = POLL_FIRST_MS;
  #reason: PoolTimeoutReason = "queue";
  #failure: unknown;

  constructor(tools: Tools<Request, Session>, wish: Wish<Request>) {
    this.#tools = tools;
    this.#wish = wish;
  }

  /** The error for a search that took too long. */
  timeUp(limitMs: number): Error {
    if (this.#reason === "vendor" && this.#failure instanceof LeaseStoreError) return this.#failure;
    if (this.#isStoreSilent()) return new LeaseStoreError(`The lease store has not answered within ${limitMs} ms.`);
    return new PoolTimeoutError(
      `No session within ${limitMs} ms: ${WAITED_FOR[this.#reason]}.`,
      this.#reason,
      this.#failure === undefined ? undefined : { cause: this.#failure },
    );
  }

  /** Searches until there is a lease, or the signal aborts. What was granted is never left behind. */
  async run(signal: AbortSignal): Promise<Lease<Session>> {
    try {
      this.#listen(this.#token);
      for (;;) {
        signal.throwIfAborted();
        const lease = await this.#round(signal);
        if (lease) return lease;
      }
    } catch (error) {
      this.#leave();
      throw error;
    } finally {
      this.#tools.bells.delete(this.#token);
    }
  }

  /** A hint must not fall between the store's answer and the pause: it is taken note of from the first question on. */
  #listen(token: string): void {
    this.#tools.bells.delete(this.#token);
    this.#token = token;
    this.#tools.bells.set(token, () => {
      this.#isHinted = true;
      this.#wake();
    });
  }

  async #round(signal: AbortSignal): Promise<Lease<Session> | undefined> {
    const askedAt = performance.now();
    const grant = await this.#ask(signal);
    if (grant === undefined) return this.#pause(signal);
    if (grant.kind === "unready") return this.#firstLook(signal);
    this.#ticket = grant.ticket;
    if (grant.kind === "full") throw this.#tooMany(grant.waiting);
    if (grant.kind === "wait") this.#reason = grant.reason;
    if (grant.kind === "evict") this.#evict(grant);
    if (grant.kind === "wait" || grant.kind === "evict") return this.#pause(signal);
    const token = this.#token;
    this.#listen(crypto.randomUUID());
    this.#reason = "opening";
    const { keeper } = this.#tools;
    const granted = grant.kind === "reuse" ? this.#reuse(grant, token, askedAt) : this.#create(grant, token);
    keeper.inBackground(granted);
    // A create is not aborted when its waiter leaves: what comes of it goes to the next in line, or is stopped.
    const lease = await orHandOver(granted, signal, (late) => late && keeper.inBackground(late.release()));
    return lease ?? this.#pause(signal);
  }

  /** Undefined when the store does not answer: nothing is assumed then, and it is asked again. */
  async #ask(signal: AbortSignal): Promise<Grant | undefined> {
    const asked = this.#tools.keeper.leases.acquire(this.#want());
    this.#asked = asked.catch(() => {});
    this.#askedAt ??= performance.now();
    try {
      const grant = await untilAborted(asked, signal);
      this.#askedAt = undefined;
      return grant;
    } catch (error) {
      signal.throwIfAborted();
      this.#failed(error);
      this.#tools.keeper.emit({ type: "storeFailed", error: this.#failure });
      return undefined;
    }
  }

  /** Asked just now, it is not silent yet. */
  #isStoreSilent(): boolean {
    return this.#askedAt !== undefined && performance.now() - this.#askedAt >= SILENCE_MS;
  }

  #want(): Want {
    const { settings, port, holder, cap } = this.#tools;
    const { leaseMs, createTimeoutMs: createMs, maxWaiters, stopRetryMs: stopMs } = settings;
    const times = { leaseMs, createMs, holdMs: this.#holdMs(), stopMs, waiterMs: waiterMsOf(leaseMs) };
    const place = { token: this.#token, ticket: this.#ticket, mayEvict: !this.#evicting };
    const exclusive = settings.ownership === "exclusive";
    return { ...this.#wish.want, ...times, ...place, holder, kind: port.kind, exclusive, cap: cap(), maxWaiters };
  }

  /** How long an opening of unknown outcome counts. */
  #holdMs(): number {
    const { holdMs, ownership } = this.#tools.settings;
    return holdMs ?? (ownership === "exclusive" ? EXCLUSIVE_HOLD_MS : this.#wish.plan.orphanLifeMs);
  }

  async #firstLook(signal: AbortSignal): Promise<undefined> {
    this.#reason = "vendor";
    try {
      await untilAborted(this.#tools.keeper.firstLook(), signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#vendorFailed(error);
      return this.#pause(signal);
    }
    // Only where another process has been at it for a while is there something to wait for.
    if (this.#hasLooked) return this.#pause(signal);
    this.#hasLooked = true;
    return undefined;
  }

  #evict({ claim }: Granted<"evict">): void {
    this.#reason = "cap";
    this.#evicting = true;
    const { keeper } = this.#tools;
    keeper.inBackground(
      keeper.stop(claim).finally(() => {
        this.#evicting = false;
      }),
    );
  }

  async #reuse(grant: Granted<"reuse">, token: string, askedAt: number): Promise<Lease<Session> | undefined> {
    const { keeper, port, settings } = this.#tools;
    const { slot, sessionId, fence, uses } = grant;
    const reservation = await this.#reserve(() => this.#putBack(slot, token, "unused"));
    keeper.letGo(slot);
    const tenure = this.#tenure({ slot, token, sessionId }, askedAt, reservation);
    try {
      const seen = await inTime(port.get(sessionId), settings.createTimeoutMs);
      if (tenure.isLost) return undefined;
      if (seen.phase === "idle" || seen.phase === "starting") {
        keeper.emit({ type: "reused", sessionId, fence, uses });
        return this.#lend(seen, tenure, reservation, { fence, uses, restarted: false });
      }
      keeper.emit({ type: "unusable", sessionId, phase: seen.phase });
      this.#pauseMs = POLL_FIRST_MS;
      await this.#giveUp(tenure, reservation, "stop");
    } catch (error) {
      await this.#giveUp(tenure, reservation, "unused");
      this.#vendorFailed(error);
    }
    return undefined;
  }

  async #create(grant: Granted<"create">, token: string): Promise<Lease<Session> | undefined> {
    const { keeper, port, settings } = this.#tools;
    const { slot, fence, mark, restarted } = grant;
    const { createTimeoutMs, leaseMs } = settings;
    const begun = performance.now();
    const refused = () => this.#createFailed(slot, token, "refused");
    const reservation = await this.#reserve(refused);
    const timeoutMs = createTimeoutMs * VENDOR_SHARE;
    const seen = await port.open(this.#wish.plan.request, { mark, timeoutMs }).catch(async (error) => {
      await this.#openFailed(error, slot, token, reservation);
      return undefined;
    });
    if (!seen) return undefined;
    const sessionId = seen.id;
    let askedAt = 0;
    const attach = () => {
      askedAt = performance.now();
      return keeper.leases.attach(slot, token, sessionId, { leaseMs, lifeMs: this.#lifeMs() });
    };
    const leftMs = createTimeoutMs - (performance.now() - begun);
    const isAttached = await keeper.insist(attach, leftMs).catch((error) => {
      this.#failed(error);
      return false;
    });
    if (!isAttached) return this.#disown(sessionId, slot, token, reservation);
    keeper.emit({ type: "opened", sessionId, fence, tookMs: performance.now() - begun });
    const tenure = this.#tenure({ slot, token, sessionId }, askedAt, reservation);
    return this.#lend(seen, tenure, reservation, { fence, uses: 0, restarted });
  }

  /** What two sessions of this process must not have at once. When a session outside the pool has it, nothing is opened or lent. */
  async #reserve(undo: () => Promise<unknown>): Promise<Reservation> {
    try {
      return this.#tools.port.reserve(this.#wish.want.profileId);
    } catch (error) {
      await undo();
      throw error;
    }
  }

  /** The lease of what was opened or found: kept alive from here on. */
  #tenure(
    ids: { readonly slot: string; readonly token: string; readonly sessionId: string },
    askedAt: number,
    reservation: Reservation,
  ): Tenure {
    const { keeper, settings } = this.#tools;
    const { plan, stack } = this.#wish;
    const { profileId } = plan;
    const onLost = (lost: Tenure) => keeper.lost(lost, profileId, reservation);
    const tenure = new Tenure(ids, askedAt, settings.leaseMs, onLost);
    keeper.keep(tenure, stack);
    return tenure;
  }

  #lend(
    seen: Seen<Request, Session>,
    tenure: Tenure,
    reservation: Reservation,
    terms: Pick<Lease<Session>, "fence" | "uses" | "restarted">,
  ): Lease<Session> {
    const { port, onLease, onEnd } = this.#tools;
    const { plan, key, want } = this.#wish;
    const hold = { check: () => tenure.check(), release: () => lease.release() };
    const session = seen.lend(plan.request, hold);
    const release = async ({ reuse = true }: ReleaseOptions): Promise<void> => {
      const keep = reuse && want.shape !== undefined && port.isQuiet(session);
      await this.#giveUp(tenure, reservation, keep ? "idle" : "stop");
      onEnd(lease);
    };
    const lease: Lease<Session> = new Lease({ session, key, signal: tenure.signal, ...terms }, release);
    onLease(lease);
    tenure.signal.addEventListener("abort", () => onEnd(lease), { once: true });
    return lease;
  }

  /** Ends a lease; what it leads to is done when this resolves. */
  async #giveUp(tenure: Tenure, reservation: Reservation, to: "idle" | "stop" | "unused"): Promise<void> {
    const { keeper } = this.#tools;
    const { slot, token, sessionId } = tenure;
    if (tenure.isLost) return;
    keeper.drop(tenure);
    const outcome = await this.#putBack(slot, token, to);
    keeper.emit({ type: "released", sessionId, to: outcome === "idle" ? "idle" : "stop" });
    // Where "idle" was asked for and the answer was lost, the session may be somebody else's already: only the store knows.
    const isOurs = outcome !== "idle" && (to === "stop" || outcome !== undefined);
    const { profileId } = this.#wish.plan;
    const why = outcome === "lost" ? "lease over" : "released";
    if (isOurs) await keeper.stop({ slot, sessionId, profileId, why }, reservation);
    else keeper.keepWarm(slot, reservation);
  }

  /** Undefined when nobody knows what the store has made of it. */
  async #putBack(slot: string, token: string, to: "idle" | "stop" | "unused"): Promise<string | undefined> {
    const { keeper } = this.#tools;
    let isFirst = true;
    const put = async () => {
      const wasFirst = isFirst;
      isFirst = false;
      const outcome = await keeper.leases.release(slot, token, keeper.releaseTerms(to));
      return outcome === "lost" && !wasFirst ? undefined : outcome;
    };
    return keeper.insist(put, RELEASE_TIMEOUT_MS).catch(() => undefined);
  }

  async #openFailed(error: unknown, slot: string, token: string, reservation: Reservation): Promise<void> {
    const { keeper, port } = this.#tools;
    const failure = port.failureOf(error);
    keeper.emit({ type: "openFailed", failure, error });
    if (failure === "unknown") reservation.expire(this.#holdMs());
    else reservation.release();
    await this.#createFailed(slot, token, failure === "later" ? "refused" : failure);
    if (failure === "refused" || failure === "unknown") throw error;
    this.#failed(error);
    if (failure === "full") this.#reason = "cap";
  }

  async #createFailed(slot: string, token: string, outcome: "refused" | "full" | "unknown"): Promise<void> {
    const { keeper, settings } = this.#tools;
    const failure =
      outcome === "full" ? { outcome, shrinkMs: settings.reconcileIntervalMs * SHRINK_SHARE } : { outcome };
    // Not heard, the store takes it for unknown by itself.
    await keeper
      .insist(() => keeper.leases.createFailed(slot, token, failure), settings.createTimeoutMs)
      .catch(() => {});
  }

  /** A session was opened and its slot is gone: who opened it stops it. */
  async #disown(sessionId: string, slot: string, token: string, reservation: Reservation): Promise<undefined> {
    const { keeper } = this.#tools;
    const { profileId } = this.#wish.plan;
    const isStopped = await keeper.stop({ slot, sessionId, profileId, why: "released" }, reservation);
    if (isStopped) await this.#createFailed(slot, token, "refused");
    return undefined;
  }

  #lifeMs(): number {
    const { longestLifeMs } = this.#wish.plan;
    const lifeMs = Math.min(this.#tools.settings.maxLifeMs ?? longestLifeMs * LIFE_SHARE, longestLifeMs);
    return lifeMs * (1 - LIFE_JITTER * Math.random());
  }

  /** Out of the queue, once the store has answered what it was asked last; otherwise a grant could come after the farewell. */
  #leave(): void {
    const { keeper, settings } = this.#tools;
    const token = this.#token;
    const leave = this.#asked.then(() => keeper.insist(() => keeper.leases.leave(token), settings.leaseMs));
    keeper.inBackground(leave);
  }

  /** What will not pass is the caller's to know at once. */
  #vendorFailed(error: unknown): void {
    if (this.#tools.port.failureOf(error) === "refused") throw error;
    this.#failed(error);
  }

  #failed(error: unknown): void {
    this.#failure = error;
    this.#reason = "vendor";
  }

  async #pause(signal: AbortSignal): Promise<undefined> {
    const { leaseMs } = this.#tools.settings;
    const ms = this.#pauseMs * (0.5 + Math.random());
    this.#pauseMs = Math.min(waiterMsOf(leaseMs) / 3, this.#pauseMs * POLL_GROWTH);
    if (!this.#isHinted) await this.#untilHinted(ms, signal);
    this.#isHinted = false;
    return undefined;
  }

  #untilHinted(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", leave);
        settle();
      };
      this.#wake = end(resolve);
      const leave = end(() => reject(signal.reason));
      const timer = setTimeout(this.#wake, ms);
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
    });
  }

  #tooMany(waiting: number): PoolTimeoutError {
    const { maxWaiters } = this.#tools.settings;
    const message = `${waiting} wait already, of at most ${maxWaiters} (maxWaiters), for ${this.#tools.cap()} sessions (maxSessions).`;
    return new PoolTimeoutError(message, "full");
  }
}

/** Long enough for a session that was created to show up, be seen twice, and be stopped. */
const EXCLUSIVE_HOLD_MS = 240_000;
/** For how long the cap is lower after a refusal, as a share of the time between two looks at the vendor. */
const SHRINK_SHARE = 0.25;

const WAITED_FOR: Readonly<Record<PoolTimeoutReason, string>> = {
  key: "another lease, or what is left of one, has the key",
  profile: "another session writes the profile",
  cap: "all sessions that the project may have are in use",
  queue: "others came first",
  full: "too many wait already",
  opening: "a session is being opened or looked at; it goes to the next in line",
  vendor: "the service or the store did not do its part, see cause",
};
