import { orHandOver, untilAborted } from "../call/wait.ts";
import { LeaseStoreError, PoolTimeoutError, type PoolTimeoutReason } from "../errors.ts";
import type { Lease } from "./lease.ts";
import type { Grant, Want } from "./lease-store.ts";
import { type Granted, holdMsOf, Lending, type Missed, type Tools, type Wish } from "./lending.ts";

/** How long a waiter that does not ask keeps its place in line: a fifth of a lease. It asks three times as often at least. */
const waiterMsOf = (leaseMs: number): number => Math.max(1_000, leaseMs / 5);
/** A store that owes an answer for so long is what is waited for. */
const SILENCE_MS = 500;
const POLL_FIRST_MS = 50;
const POLL_GROWTH = 1.6;

/** One caller's way to a lease: asks the store, does what it says, and asks again. */
export class Search<Request, Session> {
  readonly #tools: Tools<Request, Session>;
  readonly #wish: Wish<Request>;
  readonly #lending: Lending<Request, Session>;
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
    this.#lending = new Lending(tools, wish);
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
    return this.#lend(grant, askedAt, signal);
  }

  async #lend(
    grant: Granted<"reuse" | "create">,
    askedAt: number,
    signal: AbortSignal,
  ): Promise<Lease<Session> | undefined> {
    const { keeper } = this.#tools;
    const token = this.#token;
    this.#listen(crypto.randomUUID());
    this.#reason = "opening";
    const lending =
      grant.kind === "reuse" ? this.#lending.reuse(grant, token, askedAt) : this.#lending.create(grant, token, askedAt);
    keeper.inBackground(lending);
    // A create is not aborted when its waiter leaves: what comes of it goes to the next in line, or is stopped.
    const lent = await orHandOver(lending, signal, (late) => {
      if ("lease" in late) keeper.inBackground(late.lease.release());
    });
    if ("lease" in lent) return lent.lease;
    this.#missed(lent);
    return this.#pause(signal);
  }

  #missed({ missed, error }: Missed): void {
    if (missed === "gone") {
      this.#pauseMs = POLL_FIRST_MS;
      return;
    }
    this.#failure = error ?? this.#failure;
    this.#reason = missed;
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
    const times = {
      leaseMs,
      createMs,
      holdMs: holdMsOf(settings, this.#wish.plan),
      stopMs,
      waiterMs: waiterMsOf(leaseMs),
    };
    const place = { token: this.#token, ticket: this.#ticket, mayEvict: !this.#evicting };
    const exclusive = settings.ownership === "exclusive";
    return { ...this.#wish.want, ...times, ...place, holder, kind: port.kind, exclusive, cap: cap(), maxWaiters };
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

const WAITED_FOR: Readonly<Record<PoolTimeoutReason, string>> = {
  key: "another lease, or what is left of one, has the key",
  profile: "another session writes the profile",
  cap: "all sessions that the project may have are in use",
  queue: "others came first",
  full: "too many wait already",
  opening: "a session is being opened or looked at; it goes to the next in line",
  vendor: "the service or the store did not do its part, see cause",
};
