import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProjectLeases, Want } from "../../src/pool.ts";
import { type Held, KEEP, KIND, LIFE, shapeOf, want } from "./wants.ts";

/** As `SessionPool` waits: so long at first and at last, unless it is woken. */
const POLL_FIRST_MS = 50;
const POLL_LAST_MS = 2_000;
const POLL_GROWTH = 1.6;
const WAITER_MS = 6_000;
const REAP_MS = 5_000;
const JITTER = 0.2;
const CLAIMS_AT_ONCE = 10;

/** What a simulated replica does. */
export interface ReplicaPlan {
  readonly cap: number;
  readonly maxWaiters: number;
  readonly leaseMs: number;
  /** How long a session is used per lease, ±50 %. */
  readonly taskMs: number;
  readonly openMs: number;
  readonly stopMs: number;
  /** The share of leases that are for a key of their own; the others are of one group. */
  readonly keyed: number;
}

/** What replicas have seen. */
export interface Seen {
  /** How long one answer of the store took, in milliseconds. */
  readonly grants: number[];
  readonly releases: number[];
  /** From the wish to the lease, for those that had to wait in line. */
  readonly waits: number[];
  asked: number;
  opened: number;
  evicted: number;
  full: number;
  /** Leases that ended before they were given back. */
  lost: number;
}

export function nothingSeen(): Seen {
  return { grants: [], releases: [], waits: [], asked: 0, opened: 0, evicted: 0, full: 0, lost: 0 };
}

/** Both together, in the first. */
export function added(all: Seen, one: Seen): Seen {
  all.grants.push(...one.grants);
  all.releases.push(...one.releases);
  all.waits.push(...one.waits);
  all.asked += one.asked;
  all.opened += one.opened;
  all.evicted += one.evicted;
  all.full += one.full;
  all.lost += one.lost;
  return all;
}

/** One process of a fleet, as the store sees it: it asks, renews and reaps as `SessionPool` does, on a vendor that only takes time. */
export class Replica {
  readonly #leases: ProjectLeases;
  readonly #plan: ReplicaPlan;
  readonly #holder = randomUUID();
  readonly #held = new Map<string, Held>();
  readonly #spare: Held[] = [];
  readonly #pauses = new Map<string, () => void>();
  readonly #ends: (() => void)[] = [];
  #stopped = false;
  seen: Seen = nothingSeen();

  constructor(leases: ProjectLeases, plan: ReplicaPlan) {
    this.#leases = leases;
    this.#plan = plan;
    this.#ends.push(leases.watch(this.#holder, (token) => this.#pauses.get(token)?.()));
  }

  /** Has a new session without waiting for anything. */
  async open(): Promise<Held> {
    const wanted = this.#want(shapeOf("group"), undefined);
    const grant = await this.#leases.acquire(wanted);
    if (grant.kind !== "create") throw new Error(`Expected create, got ${JSON.stringify(grant)}.`);
    await this.#attach(grant.slot, wanted.token);
    const held = { slot: grant.slot, token: wanted.token };
    this.#spare.push(held);
    return held;
  }

  /** Renews and reaps until the end. */
  start(): void {
    this.#every(this.#plan.leaseMs / 3, 0, () => this.#renew());
    this.#every(REAP_MS, JITTER, () => this.#reap());
  }

  /** One more session is used all the time, until the end: an open one at first, if there is one that nobody uses. */
  work(): void {
    const { taskMs } = this.#plan;
    void this.#lane(this.#spare.pop(), taskMs * Math.random());
  }

  stop(): void {
    this.#stopped = true;
    for (const end of this.#ends) end();
    for (const wake of this.#pauses.values()) wake();
  }

  async #lane(first: Held | undefined, firstMs: number): Promise<void> {
    let held = first;
    for (let ms = firstMs; !this.#stopped; ms = this.#plan.taskMs * (0.5 + Math.random())) {
      held ??= await this.acquire();
      await this.#sleep(ms);
      if (held && !this.#stopped) await this.release(held);
      held = undefined;
    }
  }

  /** Undefined when everything ends. */
  async acquire(): Promise<Held | undefined> {
    const key = Math.random() < this.#plan.keyed ? shapeOf(randomUUID()) : undefined;
    const begun = performance.now();
    let ticket: number | undefined;
    let pauseMs = POLL_FIRST_MS;
    let evicting = false;
    let wanted = this.#want(key ?? shapeOf("group"), key);
    for (let asked = 0; !this.#stopped; asked++) {
      const before = performance.now();
      const grant = await this.#leases.acquire({ ...wanted, ticket, mayEvict: !evicting });
      this.seen.asked++;
      if (grant.kind === "unready") throw new Error("Nobody has looked at the vendor.");
      ticket = grant.ticket;
      if (grant.kind === "reuse" || grant.kind === "create") {
        const { token } = wanted;
        this.seen.grants.push(performance.now() - before);
        if (asked > 0) this.seen.waits.push(before - begun);
        if (grant.kind === "create") {
          await this.#sleep(this.#plan.openMs);
          await this.#attach(grant.slot, token);
        }
        const held = { slot: grant.slot, token };
        this.#held.set(token, held);
        return held;
      }
      if (grant.kind === "evict") {
        evicting = true;
        this.seen.evicted++;
        void this.#stop(grant.claim.slot).then(() => {
          evicting = false;
        });
      }
      if (grant.kind === "full") {
        this.seen.full++;
        await this.#sleep(POLL_LAST_MS);
        wanted = { ...wanted, token: randomUUID() };
        ticket = undefined;
        continue;
      }
      await this.#pause(wanted.token, pauseMs * (0.5 + Math.random()));
      pauseMs = Math.min(POLL_LAST_MS, pauseMs * POLL_GROWTH);
    }
    return undefined;
  }

  async release({ slot, token }: Held): Promise<void> {
    this.#held.delete(token);
    const before = performance.now();
    const outcome = await this.#leases.release(slot, token, KEEP);
    this.seen.releases.push(performance.now() - before);
    if (outcome === "lost") this.seen.lost++;
  }

  async #attach(slot: string, token: string): Promise<void> {
    const { leaseMs } = this.#plan;
    if (!(await this.#leases.attach(slot, token, randomUUID(), { ...LIFE, leaseMs }))) this.seen.lost++;
    this.#held.set(token, { slot, token });
    this.seen.opened++;
  }

  async #stop(slot: string): Promise<void> {
    await this.#sleep(this.#plan.stopMs);
    await this.#leases.stopped(slot);
  }

  #want(shape: string, key: string | undefined): Want {
    const { cap, maxWaiters, leaseMs } = this.#plan;
    return want({ holder: this.#holder, shape, key, cap, maxWaiters, leaseMs, waiterMs: WAITER_MS });
  }

  async #renew(): Promise<void> {
    const tokens = await this.#leases.renew([...this.#held.values()], this.#plan.leaseMs);
    // One that was released meanwhile is refused rightly.
    this.seen.lost += tokens.filter((token) => this.#held.has(token)).length;
  }

  async #reap(): Promise<void> {
    const { claims } = await this.#leases.reap(KIND, CLAIMS_AT_ONCE, LIFE.leaseMs);
    for (const { slot } of claims) void this.#stop(slot);
    // It is never due here: what a pass costs is measured apart.
    await this.#leases.beginPass(KIND, 1e12);
  }

  #every(ms: number, jitter: number, work: () => Promise<void>): void {
    const control = new AbortController();
    this.#ends.push(() => control.abort());
    const loop = async () => {
      await sleep(ms * Math.random(), undefined, control);
      for (;;) {
        await work();
        await sleep(ms * (1 + jitter * (2 * Math.random() - 1)), undefined, control);
      }
    };
    loop().catch((error: unknown) => {
      if (!this.#stopped) throw error;
    });
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { ref: false });
  }

  #pause(token: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pauses.delete(token);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#pauses.set(token, end);
    });
  }
}
