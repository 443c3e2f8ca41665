import { checkMs, checkSignal, refuseUnknown } from "../call/check.ts";
import { onAbort } from "../call/on-abort.ts";
import { sleep, untilAborted } from "../call/wait.ts";
import { within } from "../call/within.ts";
import { InvalidInputError, PoolClosedError, PoolTimeoutError } from "../errors.ts";
import { Keeper, type Reaping } from "./keeper.ts";
import type { Lease } from "./lease.ts";
import type { LeaseCounts, LeaseStore, SlotView } from "./lease-store.ts";
import type { Tools, Wish } from "./lending.ts";
import { memoryLeaseStore } from "./memory.ts";
import { type PoolOptions, type PoolSettings, poolSettings } from "./options.ts";
import { Search } from "./search.ts";
import type { PoolSource, SessionPlan, SessionPort } from "./session-port.ts";
import { hashOf } from "./shape.ts";

const NOT_CONNECTED = "The account, whose cap the pool needs, was not answered in time.";
const CLAIM_TIMEOUT_MS = 5_000;
const ACQUIRE_TIMEOUT_MS = 5 * 60_000;
const DRAIN_TIMEOUT_MS = 30_000;
const ACCOUNT_MS = 10 * 60_000;

/** Whose session it is: of one caller's key, of a group that shares, or, with neither, of this one lease. */
export interface PoolKey {
  /** Your name for what belongs together, such as `ticket:4711`: it has one live session at most, and nobody else gets that. */
  readonly key?: string | undefined;
  /** Your word that sessions opened alike may serve all requests of this group, one after the other: cookies and tabs stay as they are. */
  readonly group?: string | undefined;
}

/** What is acquired: what a session is opened with, and whose it is. */
export type AcquireRequest<Request> = Request & PoolKey;

/** How a session is waited for. */
export interface AcquireOptions {
  /** Ends the wait, which then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait, the opening included, in milliseconds. Default: 5 minutes. */
  readonly waitTimeoutMs?: number | undefined;
}

/** What the pools of the project hold now, over all processes. */
export interface PoolStats extends LeaseCounts {
  /** The cap. */
  readonly maxSessions: number;
  /** How much of the cap others take: strays, and what the service last refused. */
  readonly outsideUse: number;
}

/** A request that was checked. */
interface Draft<Request> {
  readonly plan: SessionPlan<Request>;
  readonly key?: string;
  readonly group?: string;
  /** Where it was asked for. */
  readonly stack: string | undefined;
}

/** What a pool is connected to, once it knows its project. */
interface Home {
  readonly keeper: Keeper;
  cap: number;
  capAt: number;
}

/**
 * Lends sessions: one lease per session at a time, one live session per key, one writer per profile, never more sessions than the
 * cap, and nothing left behind. With a shared store that holds over all processes that use it.
 *
 * A pool that was used keeps its process alive until {@link SessionPool.close}.
 */
export class SessionPool<Request extends object, Session> implements AsyncDisposable {
  readonly #port: SessionPort<Request, Session>;
  readonly #settings: PoolSettings;
  readonly #store: LeaseStore;
  readonly #isLocal: boolean;
  readonly #holder: string = crypto.randomUUID();
  /** Leases that are out, with how to take them back. */
  readonly #leases = new Map<Lease<Session>, (why: string) => void>();
  /** What to call when the store has a hint for a token. */
  readonly #bells = new Map<string, () => void>();
  /** Ends each search that is under way. */
  readonly #searches = new Set<AbortController>();
  #home: Promise<Home> | undefined;
  #unwatch: () => void = () => {};
  #inOrder: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #drained: () => void = () => {};

  /** @throws {@link InvalidInputError} for options that cannot be right. */
  constructor(source: PoolSource<Request, Session>, options: PoolOptions = {}) {
    const port = source?.sessionPort;
    if (!port)
      throw new InvalidInputError(
        "SessionPool takes a resource whose sessions can be pooled: this has no sessionPort.",
      );
    this.#port = port;
    this.#settings = poolSettings(options);
    const given = this.#settings.store ?? port.shared.leaseStore;
    this.#isLocal = given === undefined;
    port.shared.memory ??= memoryLeaseStore();
    this.#store = given ?? port.shared.memory;
  }

  /**
   * Waits for a session and leases it: the key's own, one of the group, or a new one. In order of arrival.
   *
   * @throws {@link PoolTimeoutError} after `waitTimeoutMs`, with `reason` and the last failure as `cause`; also when too many wait.
   * @throws {@link LeaseStoreError} when the store did not answer until then.
   * @throws {@link PoolClosedError} once the pool closes.
   * @throws {@link ProfileInUseError} when a session outside the pool, in this process, has the profile.
   * @throws what the service refuses an opening with; with `outcome: "unknown"` the slot stays counted until that is settled.
   * @throws `options.signal.reason` when aborted; a session that opens all the same goes to the next in line, or is stopped.
   */
  async acquire(request: AcquireRequest<Request>, options: AcquireOptions = {}): Promise<Lease<Session>> {
    const { signal, waitTimeoutMs, ...unknown } = options;
    refuseUnknown(unknown, "acquire");
    checkSignal(signal);
    const limitMs = checkMs("waitTimeoutMs", waitTimeoutMs, ACQUIRE_TIMEOUT_MS);
    const draft = { ...this.#draft(request), stack: new Error("acquired here").stack };
    this.#refuseClosed();
    let search: Search<Request, Session> | undefined;
    const timeUp = () => search?.timeUp(limitMs) ?? new PoolTimeoutError(NOT_CONNECTED, "vendor");
    const lease = await within(limitMs, timeUp, signal, (inTime) =>
      this.#whileOpen(inTime, async (own) => {
        const home = await untilAborted(this.#connected(), own);
        search = new Search(this.#tools(home), await untilAborted(this.#wish(draft), own));
        return search.run(own);
      }),
    );
    if (!this.#closing) return lease;
    await lease.release({ reuse: false });
    throw new PoolClosedError();
  }

  /**
   * Acquires a session, runs `fn` with it, and releases it whatever happens. Rejects as `acquire` or as `fn` does.
   */
  async use<T>(
    request: AcquireRequest<Request>,
    fn: (session: Session, lease: Lease<Session>) => T | Promise<T>,
    options?: AcquireOptions,
  ): Promise<T> {
    const lease = await this.acquire(request, options);
    try {
      return await fn(lease.session, lease);
    } finally {
      await lease.release();
    }
  }

  /** What is counted now, over all processes. */
  async stats(): Promise<PoolStats> {
    const { keeper, cap } = await this.#connected();
    const counts = await keeper.leases.counts();
    const room = Math.max(0, Math.min(cap - counts.strays, counts.shrunkTo ?? cap));
    return { ...counts, maxSessions: cap, outsideUse: cap - room };
  }

  /** Every slot, over all processes. */
  async slots(): Promise<readonly SlotView[]> {
    return (await this.#connected()).keeper.leases.slots();
  }

  /**
   * Cleans up after processes that are gone: stops what is overdue, and looks at the service for sessions on nobody's record. A pool in use
   * does so by itself; call it where all processes may have died.
   */
  async reap(): Promise<Reaping> {
    this.#refuseClosed();
    const { keeper } = await this.#connected();
    const looked = await keeper.lookAnew();
    const reaped = await keeper.reap();
    const [stopped, failed] = [looked.stopped + reaped.stopped, looked.failed + reaped.failed];
    return { stopped, failed, unknown: reaped.unknown, strays: looked.strays };
  }

  /**
   * Lends nothing more, waits until all leases are released, stops the sessions that this pool was the last to use and that wait for their
   * next lease, and lets the process end. Leases that are still out after `timeoutMs` (default: 30,000) are ended and their sessions stopped.
   * For other reasons than a wrong option it does not reject: a stop that fails is an event, and the other processes try again.
   */
  close({ timeoutMs = DRAIN_TIMEOUT_MS }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    if (!(timeoutMs >= 0)) return Promise.reject(new InvalidInputError("timeoutMs must be 0 or more milliseconds."));
    this.#closing ??= this.#close(timeoutMs).finally(() => this.#port.shared.pools?.delete(this));
    return this.#closing;
  }

  /** {@link SessionPool.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number): Promise<void> {
    for (const search of this.#searches) search.abort(new PoolClosedError());
    const home = await this.#home?.catch(() => undefined);
    if (!home) return;
    const { keeper } = home;
    await this.#drain(timeoutMs);
    for (const revoke of this.#leases.values()) revoke("its pool was closed");
    await Promise.all([...this.#leases.keys()].map((lease) => lease.release({ reuse: false })));
    await keeper.settle();
    const claim = () => keeper.leases.claimIdle(this.#port.kind, this.#holder, this.#settings.stopRetryMs);
    const claims = await keeper.insist(claim, CLAIM_TIMEOUT_MS).catch(() => []);
    await Promise.all(claims.map((claimed) => keeper.stop(claimed)));
    await keeper.close();
    this.#unwatch();
  }

  async #drain(timeoutMs: number): Promise<void> {
    if (this.#leases.size === 0) return;
    const control = new AbortController();
    this.#drained = () => control.abort();
    await sleep(timeoutMs, control.signal).catch(() => {});
  }

  /** Does work under a signal of its own, which aborts with the given one, or when the pool closes. */
  async #whileOpen<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const control = new AbortController();
    const stay = onAbort(signal, () => control.abort(signal.reason));
    this.#searches.add(control);
    try {
      return await work(control.signal);
    } finally {
      this.#searches.delete(control);
      stay();
    }
  }

  #refuseClosed(): void {
    if (this.#closing) throw new PoolClosedError();
  }

  /** Checks a request before anything is asked. */
  #draft(request: AcquireRequest<Request>): Omit<Draft<Request>, "stack"> {
    if (typeof request !== "object" || request === null) throw new InvalidInputError("acquire takes an object.");
    const { key, group, ...open } = request;
    for (const [name, value] of Object.entries({ key, group })) {
      if (value === undefined || (typeof value === "string" && value !== "")) continue;
      throw new InvalidInputError(`${name} must be a text that is not empty.`);
    }
    if (key !== undefined && group !== undefined) throw new InvalidInputError("Give a key or a group, not both.");
    // What is left of the request when the pool's own two fields are taken out is the port's.
    const plan = this.#port.plan(open as unknown as Request, { group: group !== undefined });
    return { plan, ...(key !== undefined && { key }), ...(group !== undefined && { group }) };
  }

  /** Hashing takes a moment, and not always the same; those who come first are still first afterwards. */
  #wish({ plan, key, group, stack }: Draft<Request>): Promise<Wish<Request>> {
    const { kind } = this.#port;
    const { profileAccess, saveProfile } = this.#settings;
    const isStoppedAtOnce = plan.profileId !== undefined && saveProfile === "on-release";
    const isKept = (key ?? group) !== undefined && !isStoppedAtOnce;
    const hashes = Promise.all([
      isKept ? hashOf([kind, plan.baked, { key, group }]) : undefined,
      key === undefined ? undefined : hashOf([kind, key]),
    ]);
    const profileId = profileAccess === "exclusive" ? plan.profileId : undefined;
    const wish = Promise.all([hashes, this.#inOrder]).then(([[shape, hashedKey]]) => {
      return { plan, key, stack, want: { shape, key: hashedKey, profileId } };
    });
    this.#inOrder = wish.catch(() => {});
    return wish;
  }

  async #connected(): Promise<Home> {
    if (!this.#home) this.#refuseClosed();
    if (!this.#home) this.#port.shared.pools?.add(this);
    this.#home ??= this.#connect().catch((error) => {
      this.#home = undefined;
      throw error;
    });
    return this.#home;
  }

  async #connect(): Promise<Home> {
    const { maxSessions, project } = this.#settings;
    const isKnown = maxSessions !== undefined && (this.#isLocal || project !== undefined);
    const account = isKnown ? undefined : await this.#port.account();
    // The memory of one client is of one project anyway.
    const { realm } = this.#port;
    const name = this.#isLocal ? "" : (project ?? account?.project ?? "");
    const leases = this.#store.project(realm === undefined ? name : `${realm}:${name}`);
    const cap = maxSessions ?? account?.maxSessions ?? 1;
    this.#unwatch = leases.watch(this.#holder, (token) => this.#bells.get(token)?.());
    const keeper = new Keeper(leases, this.#port, this.#settings);
    // The first of a fleet looks at the service before anything is lent; for the others it is soon done, or not due.
    keeper.inBackground(keeper.reconcile());
    return { keeper, cap, capAt: performance.now() };
  }

  #tools(home: Home): Tools<Request, Session> {
    this.#refreshCap(home);
    return {
      keeper: home.keeper,
      port: this.#port,
      settings: this.#settings,
      holder: this.#holder,
      cap: () => home.cap,
      bells: this.#bells,
      onLease: (lease, revoke) => this.#leases.set(lease, revoke),
      onEnd: (lease) => {
        this.#leases.delete(lease);
        if (this.#leases.size === 0) this.#drained();
      },
    };
  }

  /** Plans change; a look that fails changes nothing. */
  #refreshCap(home: Home): void {
    if (this.#settings.maxSessions !== undefined || performance.now() - home.capAt < ACCOUNT_MS) return;
    home.capAt = performance.now();
    const asked = this.#port.account().then(({ maxSessions }) => {
      home.cap = maxSessions;
    });
    home.keeper.inBackground(asked);
  }
}
