import { LeaseStoreError } from "../errors.ts";
import { inTime } from "./answering.ts";
import type { Ending, Keeper } from "./keeper.ts";
import { Lease, type ReleaseOptions } from "./lease.ts";
import type { Grant, Want } from "./lease-store.ts";
import type { PoolSettings } from "./options.ts";
import type { Reservation, Seen, SessionPlan, SessionPort } from "./session-port.ts";
import { Tenure } from "./tenure.ts";

/** A release that the store does not hear of is as good as a lease that runs out. */
const RELEASE_TIMEOUT_MS = 5_000;
/** The share of the time to open that the vendor has: the store must hear of the session before it gives the slot up. */
const VENDOR_SHARE = 5 / 6;
/** With less than this share left, it is too late to begin. */
const LEAST_SHARE = 1 / 2;
const LIFE_SHARE = 0.75;
const LIFE_JITTER = 0.05;
/** Long enough for a session that was created to show up, be seen twice, and be stopped. */
const EXCLUSIVE_HOLD_MS = 240_000;
/** For how long the cap is lower after a refusal, as a share of the time between two looks at the vendor. */
const SHRINK_SHARE = 0.25;

/** One of the answers of a store. */
export type Granted<K extends Grant["kind"]> = Extract<Grant, { readonly kind: K }>;

/** What somebody wants, in the store's terms. */
export interface Wish<Request> {
  readonly plan: SessionPlan<Request>;
  readonly key: string | undefined;
  readonly want: Pick<Want, "shape" | "key" | "profileId">;
  /** Where it was asked for. */
  readonly stack: string | undefined;
}

/** What a search and its lending work with. */
export interface Tools<Request, Session> {
  readonly keeper: Keeper;
  readonly port: SessionPort<Request, Session>;
  readonly settings: PoolSettings;
  readonly holder: string;
  readonly cap: () => number;
  /** What is called when the store has a hint for a token. */
  readonly bells: Map<string, () => void>;
  /** `revoke`: tells the holder that the lease is taken back. */
  readonly onLease: (lease: Lease<Session>, revoke: (why: string) => void) => void;
  readonly onEnd: (lease: Lease<Session>) => void;
}

/** Why a grant came to no lease. `gone`: its session is over, or was at work. Otherwise: what is waited for now. */
export interface Missed {
  readonly missed: "gone" | "cap" | "vendor";
  readonly error?: unknown;
}

/** What came of a grant. */
export type Lent<Session> = { readonly lease: Lease<Session> } | Missed;

const GONE: Missed = { missed: "gone" };

/** How long an opening of unknown outcome counts. */
export function holdMsOf(
  { holdMs, ownership }: PoolSettings,
  { orphanLifeMs }: { readonly orphanLifeMs: number },
): number {
  return holdMs ?? (ownership === "exclusive" ? EXCLUSIVE_HOLD_MS : orphanLifeMs);
}

/** Makes a lease of what the store has granted, and ends it. Whatever happens on the way, no session is left behind. */
export class Lending<Request, Session> {
  readonly #tools: Tools<Request, Session>;
  readonly #wish: Wish<Request>;

  constructor(tools: Tools<Request, Session>, wish: Wish<Request>) {
    this.#tools = tools;
    this.#wish = wish;
  }

  /** Looks at a warm session before it is lent. One that is over, or at work, is never lent and never replaced in silence. */
  async reuse(grant: Granted<"reuse">, token: string, askedAt: number): Promise<Lent<Session>> {
    const { keeper, port, settings } = this.#tools;
    const { slot, sessionId, fence, uses } = grant;
    const unused = { unusedMs: Math.max(1, grant.idleLeftMs) };
    const reservation = await this.#reserve(() => this.#putBack(slot, token, unused));
    keeper.letGo(slot);
    const tenure = this.#tenure({ slot, token, sessionId }, askedAt, reservation);
    try {
      const seen = await inTime(port.get(sessionId), settings.createTimeoutMs);
      if (tenure.isLost) return GONE;
      if (seen.phase === "idle" || seen.phase === "starting") {
        keeper.emit({ type: "reused", sessionId, fence, uses });
        return { lease: this.#lend(seen, tenure, reservation, { fence, uses, restarted: false }) };
      }
      keeper.emit({ type: "unusable", sessionId, phase: seen.phase });
      await this.#giveUp(tenure, reservation, "stop");
      return GONE;
    } catch (error) {
      const isRefused = port.failureOf(error) === "refused";
      await this.#giveUp(tenure, reservation, isRefused ? "stop" : unused);
      if (isRefused) throw error;
      return { missed: "vendor", error };
    }
  }

  /** Opens a session for a slot that is counted already, and puts it on record. */
  async create(grant: Granted<"create">, token: string, begun: number): Promise<Lent<Session>> {
    const { keeper, port, settings } = this.#tools;
    const { slot, fence, mark, restarted } = grant;
    const { createTimeoutMs, leaseMs } = settings;
    const refused = () => this.#createFailed(slot, token, "refused");
    const reservation = await this.#reserve(refused);
    // A process that was paused since it asked may have lost the slot, and others may have its room and profile by now.
    const timeoutMs = createTimeoutMs * VENDOR_SHARE - (performance.now() - begun);
    if (timeoutMs < createTimeoutMs * LEAST_SHARE) {
      reservation.release();
      await refused();
      return { missed: "vendor", error: new LeaseStoreError("The grant of the lease store came too late to be used.") };
    }
    let seen: Seen<Request, Session>;
    try {
      seen = await port.open(this.#wish.plan.request, { mark, timeoutMs });
    } catch (error) {
      return this.#openFailed(error, slot, token, reservation);
    }
    const sessionId = seen.id;
    let askedAt = 0;
    const attach = () => {
      askedAt = performance.now();
      return keeper.leases.attach(slot, token, sessionId, { leaseMs, lifeMs: this.#lifeMs() });
    };
    const leftMs = createTimeoutMs - (performance.now() - begun);
    let error: unknown;
    const isAttached = await keeper.insist(attach, leftMs).catch((reason) => {
      error = reason;
      return false;
    });
    if (!isAttached) {
      await this.#disown(sessionId, slot, token, reservation);
      return { missed: "vendor", error };
    }
    keeper.emit({ type: "opened", sessionId, fence, tookMs: performance.now() - begun });
    const tenure = this.#tenure({ slot, token, sessionId }, askedAt, reservation);
    try {
      return { lease: this.#lend(seen, tenure, reservation, { fence, uses: 0, restarted }) };
    } catch (error) {
      await this.#giveUp(tenure, reservation, "stop");
      throw error;
    }
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
    onLease(lease, (why) => tenure.revoke(why));
    tenure.signal.addEventListener("abort", () => tenure.isLost && onEnd(lease), { once: true });
    return lease;
  }

  /** Ends a lease; what it leads to is done when this resolves. */
  async #giveUp(tenure: Tenure, reservation: Reservation, to: Ending): Promise<void> {
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
  async #putBack(slot: string, token: string, to: Ending): Promise<string | undefined> {
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

  async #openFailed(error: unknown, slot: string, token: string, reservation: Reservation): Promise<Missed> {
    const { keeper, port } = this.#tools;
    const failure = port.failureOf(error);
    keeper.emit({ type: "openFailed", failure, error });
    if (failure === "unknown") reservation.expire(holdMsOf(this.#tools.settings, this.#wish.plan));
    else reservation.release();
    await this.#createFailed(slot, token, failure === "later" ? "refused" : failure);
    if (failure === "refused" || failure === "unknown") throw error;
    return { missed: failure === "full" ? "cap" : "vendor", error };
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
  async #disown(sessionId: string, slot: string, token: string, reservation: Reservation): Promise<void> {
    const { keeper } = this.#tools;
    const { profileId } = this.#wish.plan;
    const isStopped = await keeper.stop({ slot, sessionId, profileId, why: "released" }, reservation);
    if (isStopped) await this.#createFailed(slot, token, "refused");
  }

  #lifeMs(): number {
    const { longestLifeMs } = this.#wish.plan;
    const lifeMs = Math.min(this.#tools.settings.maxLifeMs ?? longestLifeMs * LIFE_SHARE, longestLifeMs);
    return lifeMs * (1 - LIFE_JITTER * Math.random());
  }
}
