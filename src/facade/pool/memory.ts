import {
  type Claim,
  type CreateFailure,
  type Grant,
  KEY_MEMORY_MS,
  type LeaseCounts,
  type LeaseStore,
  type Pass,
  type ProjectLeases,
  type Reaped,
  type Reconciled,
  type ReleaseTerms,
  type SlotState,
  type SlotView,
  type Stray,
  type WaitReason,
  type Want,
} from "./lease-store.ts";

/** A store in this process alone. It is gone with the process, and asks the vendor what lives before it grants anything. */
export function memoryLeaseStore(): LeaseStore {
  const projects = new Map<string, MemoryLeases>();
  const locks = new Map<string, { readonly token: string; readonly until: number }>();
  return {
    project: (id) => {
      const leases = projects.get(id) ?? new MemoryLeases();
      projects.set(id, leases);
      return leases;
    },
    lock: async (name, ttlMs) => {
      if ((locks.get(name)?.until ?? 0) > performance.now()) return undefined;
      const token = crypto.randomUUID();
      locks.set(name, { token, until: performance.now() + ttlMs });
      return token;
    },
    unlock: async (name, token) => {
      if (locks.get(name)?.token === token) locks.delete(name);
    },
  };
}

/** Strays of a kind that nobody has looked at for so long say nothing any more. */
const LOOK_MEMORY_MS = 10 * 60_000;

interface Slot {
  readonly id: string;
  readonly kind: string;
  readonly shape: string | undefined;
  readonly key: string | undefined;
  readonly profileId: string | undefined;
  readonly holdMs: number;
  /** Whether only a clean look settles its outcome. */
  readonly exclusive: boolean;
  state: SlotState;
  /** When it needs attention; of an unknown one, until when it is held at least. */
  due: number;
  token: string | undefined;
  holder: string;
  fence: number;
  uses: number;
  sessionId: string | undefined;
  endsAt: number;
}

interface Waiter {
  readonly want: Want;
  readonly ticket: number;
  readonly until: number;
}

interface Shrink {
  readonly to: number;
  readonly until: number;
}

class MemoryLeases implements ProjectLeases {
  readonly #space = crypto.randomUUID();
  readonly #slots = new Map<string, Slot>();
  /** Which slot has a key or a profile. Set and removed with the slot, never by time. */
  readonly #locks = new Map<string, Slot>();
  readonly #bySession = new Map<string, Slot>();
  readonly #waiters = new Map<string, Waiter>();
  readonly #wakers = new Map<string, (token: string) => void>();
  readonly #keysSeen = new Map<string, number>();
  /** Per kind: when its last pass began, and live sessions that nobody has on record, by when they were first seen. */
  readonly #passes = new Map<string, number>();
  readonly #strays = new Map<string, Map<string, { readonly firstSeen: number; counts: boolean }>>();
  /** Per kind: when the last look began that was compared with the record. */
  readonly #looks = new Map<string, number>();
  #shrink: Shrink | undefined;
  #counter = 0;

  async acquire(want: Want): Promise<Grant> {
    const now = performance.now();
    this.#forgetDeadWaiters(now);
    const granted = this.#slotOf(want.token);
    if (granted) return this.#grantAgain(granted, want, now);
    if (!this.#strays.has(want.kind)) return { kind: "unready" };
    const ticket = want.ticket ?? this.#waiters.get(want.token)?.ticket ?? ++this.#counter;
    const grant = this.#decide(want, ticket, now);
    if (grant.kind === "reuse" || grant.kind === "create") {
      this.#waiters.delete(want.token);
      this.#wakeNext(now);
    }
    return grant;
  }

  #decide(want: Want, ticket: number, now: number): Grant {
    const earlier = this.#inLine().filter((waiter) => waiter.ticket < ticket);
    const { before, ofKind, locks } = this.#before(earlier, want.kind);
    const room = Math.max(0, this.#capFor(want, now) - this.#slots.size);
    const idle = [...this.#slots.values()].filter((slot) => slot.kind === want.kind && slot.state === "idle");
    const wait = (reason: WaitReason): Grant => this.#enqueue(want, ticket, now, reason);

    const blocked = this.#blocked(want);
    if (blocked) return wait(blocked);
    if (want.key !== undefined && locks.has(keyLock(want.key))) return wait("key");
    if (locksOf(want).some((lock) => locks.has(lock))) return wait("profile");
    // What is free and what could be made free goes to those who came earlier first.
    if (Math.max(0, room - (before - ofKind)) + idle.length <= ofKind)
      return wait(room + idle.length > 0 ? "queue" : "cap");

    const mine = locksOf(want).flatMap((lock) => this.#locks.get(lock) ?? []);
    const other = mine.find((slot) => !this.#fits(slot, want, now));
    if (other) return want.mayEvict ? this.#evict(other, want, ticket, now) : wait(this.#reasonOf(other, want));
    const warm = mine[0] ?? newest(idle.filter((slot) => this.#fits(slot, want, now)));
    if (warm) return this.#reuse(warm, want, ticket, now);
    if (room > before) return this.#create(want, ticket, now);
    const victim = oldest(idle);
    if (victim && want.mayEvict) return this.#evict(victim, want, ticket, now);
    return wait(room > 0 ? "queue" : "cap");
  }

  #inLine(): Waiter[] {
    return [...this.#waiters.values()].sort((a, b) => a.ticket - b.ticket);
  }

  /**
   * How many of those could be served, one for each lock: who waits for the same profile cannot be served at once. `ofKind`: those of them who
   * could take what is idle; for one whose eviction is on the way, room is on the way.
   */
  #before(earlier: readonly Waiter[], kind: string): { before: number; ofKind: number; locks: Set<string> } {
    const locks = new Set<string>();
    let before = 0;
    let ofKind = 0;
    for (const { want } of earlier) {
      const isBehind = locksOf(want).some((lock) => locks.has(lock));
      for (const lock of locksOf(want)) locks.add(lock);
      if (isBehind || this.#blocked(want)) continue;
      before += 1;
      if (want.kind === kind && want.mayEvict) ofKind += 1;
    }
    return { before, ofKind, locks };
  }

  /** Whether an idle slot can be lent to this want. */
  #fits(slot: Slot, want: Want, now: number): boolean {
    return want.shape !== undefined && slot.shape === want.shape && slot.kind === want.kind && slot.due > now;
  }

  /** The first of what is wanted that another slot has and cannot give up now. */
  #blocked(want: Want): WaitReason | undefined {
    for (const lock of locksOf(want)) {
      const slot = this.#locks.get(lock);
      if (slot && (slot.state !== "idle" || slot.kind !== want.kind)) return this.#reasonOf(slot, want);
    }
    return this.#mayBeWritten(want) ? "profile" : undefined;
  }

  /** Nobody knows which profile a stray has. */
  #mayBeWritten({ kind, profileId, exclusive }: Want): boolean {
    const strays = [...(this.#strays.get(kind)?.values() ?? [])];
    return exclusive && profileId !== undefined && strays.some(({ counts }) => counts);
  }

  #reasonOf(slot: Slot, want: Want): WaitReason {
    return want.key !== undefined && slot.key === want.key ? "key" : "profile";
  }

  #capFor({ cap }: Want, now: number): number {
    const strays = this.#strayCount(now);
    const shrunk = this.#shrink && this.#shrink.until > now ? this.#shrink.to : Number.POSITIVE_INFINITY;
    return Math.min(cap - strays, shrunk);
  }

  /**
   * Live sessions on nobody's record, of the kinds that somebody still looks at. The session of an unknown create and the slot that stands
   * for it are the same one: it is among those of its kind that do not count yet, or among those that do.
   */
  #strayCount(now: number): number {
    const looked = [...this.#strays].filter(([kind]) => (this.#looks.get(kind) ?? 0) + LOOK_MEMORY_MS > now);
    return looked.reduce((sum, [kind, ids]) => {
      const counted = [...ids.values()].filter(({ counts }) => counts).length;
      const unknown = [...this.#slots.values()].filter((slot) => slot.kind === kind && slot.state === "unknown").length;
      return sum + Math.max(0, counted - Math.max(0, unknown - (ids.size - counted)));
    }, 0);
  }

  #reuse(slot: Slot, want: Want, ticket: number, now: number): Grant {
    const { token, holder, leaseMs } = want;
    const idleLeftMs = slot.due - now;
    slot.uses += 1;
    slot.fence = ++this.#counter;
    this.#move(slot, "leased", now + leaseMs, { token, holder });
    const { fence, uses, sessionId = "" } = slot;
    return { kind: "reuse", ticket, slot: slot.id, sessionId, fence, uses, idleLeftMs };
  }

  #create(want: Want, ticket: number, now: number): Grant {
    const { kind, shape, key, profileId, token, holder, holdMs, exclusive, createMs } = want;
    const id = crypto.randomUUID();
    const fence = ++this.#counter;
    const due = now + createMs;
    const rest = { uses: 0, sessionId: undefined, endsAt: 0 };
    const slot: Slot = {
      id,
      kind,
      shape,
      key,
      profileId,
      holdMs,
      exclusive,
      state: "creating",
      due,
      token,
      holder,
      fence,
      ...rest,
    };
    this.#slots.set(id, slot);
    for (const lock of locksOf(want)) this.#locks.set(lock, slot);
    return this.#grantOfCreate(slot, ticket, now);
  }

  #grantOfCreate({ id, fence, key }: Slot, ticket: number, now: number): Grant {
    const mark = `${this.#space}/${id}`;
    return { kind: "create", ticket, slot: id, fence, mark, restarted: this.#hasSeen(key, now) };
  }

  #grantAgain(slot: Slot, want: Want, now: number): Grant {
    const { id, fence, uses, sessionId } = slot;
    const ticket = want.ticket ?? fence;
    if (sessionId === undefined) {
      slot.due = now + want.createMs;
      return this.#grantOfCreate(slot, ticket, now);
    }
    slot.due = now + want.leaseMs;
    return { kind: "reuse", ticket, slot: id, sessionId, fence, uses, idleLeftMs: 0 };
  }

  #evict(slot: Slot, want: Want, ticket: number, now: number): Grant {
    const queued = this.#enqueue({ ...want, mayEvict: false }, ticket, now, "cap");
    if (queued.kind === "full") return queued;
    return { kind: "evict", ticket, claim: this.#claim(slot, now + want.stopMs, "evicted") };
  }

  #enqueue(want: Want, ticket: number, now: number, reason: WaitReason): Grant {
    const waiting = this.#waiters.size;
    if (!this.#waiters.has(want.token) && waiting >= want.maxWaiters) return { kind: "full", ticket, waiting };
    this.#waiters.set(want.token, { want, ticket, until: now + want.waiterMs });
    return { kind: "wait", ticket, reason, waiting: this.#waiters.size };
  }

  async leave(token: string): Promise<void> {
    const now = performance.now();
    this.#waiters.delete(token);
    const slot = this.#slotOf(token);
    if (slot?.state === "creating") this.#remove(slot);
    else if (slot) this.#move(slot, "idle", Math.min(slot.due, slot.endsAt));
    this.#wakeNext(now);
  }

  async attach(
    id: string,
    token: string,
    sessionId: string,
    { leaseMs, lifeMs }: { readonly leaseMs: number; readonly lifeMs: number },
  ): Promise<boolean> {
    const now = performance.now();
    const slot = this.#held(id, token);
    if (slot?.state === "leased") {
      // The news of the first time did not arrive: the lease holds from now, unless it is over.
      const holds = slot.sessionId === sessionId && slot.due > now;
      if (holds) slot.due = now + leaseMs;
      return holds;
    }
    if (slot?.state !== "creating" || slot.due <= now || this.#bySession.has(sessionId)) return false;
    slot.sessionId = sessionId;
    slot.endsAt = now + lifeMs;
    this.#bySession.set(sessionId, slot);
    this.#strayGone(slot.kind, sessionId);
    if (slot.key !== undefined) this.#keysSeen.set(slot.key, now + KEY_MEMORY_MS);
    this.#move(slot, "leased", now + leaseMs, slot);
    return true;
  }

  async createFailed(id: string, token: string, failure: CreateFailure): Promise<void> {
    const now = performance.now();
    const slot = this.#held(id, token);
    if (slot?.state !== "creating") return;
    if (failure.outcome === "unknown") return this.#move(slot, "unknown", now + slot.holdMs);
    this.#remove(slot);
    if (failure.outcome === "full") this.#shrink = { to: this.#slots.size, until: now + failure.shrinkMs };
    this.#wakeNext(now);
  }

  async renew(
    leases: readonly { readonly slot: string; readonly token: string }[],
    leaseMs: number,
  ): Promise<string[]> {
    const now = performance.now();
    const refused: string[] = [];
    for (const { slot: id, token } of leases) {
      const slot = this.#held(id, token);
      // A late renewal is refused even when nobody took the slot.
      if (slot?.state === "leased" && slot.due > now) slot.due = now + leaseMs;
      else refused.push(token);
    }
    return refused;
  }

  async release(
    id: string,
    token: string,
    { to, idleMs, maxUses, stopMs }: ReleaseTerms,
  ): Promise<"idle" | "stop" | "lost"> {
    const now = performance.now();
    const slot = this.#held(id, token);
    if (slot?.state !== "leased" || slot.due <= now) return "lost";
    if (to === "idle" && slot.shape !== undefined && slot.uses + 1 < maxUses && slot.endsAt > now) {
      this.#move(slot, "idle", Math.min(now + idleMs, slot.endsAt));
      this.#wakeNext(now);
      return "idle";
    }
    this.#claim(slot, now + stopMs, "released");
    return "stop";
  }

  async stopped(id: string): Promise<void> {
    const slot = this.#slots.get(id);
    if (slot?.state !== "stopping" && slot?.state !== "unknown") return;
    this.#remove(slot);
    this.#wakeNext(performance.now());
  }

  async reap(kind: string, limit: number, stopMs: number): Promise<Reaped> {
    const now = performance.now();
    const due = [...this.#slots.values()].filter(
      (slot) => slot.kind === kind && slot.state !== "unknown" && slot.due <= now,
    );
    const claims: Claim[] = [];
    const unknown: string[] = [];
    for (const slot of due.sort((a, b) => a.due - b.due).slice(0, limit)) {
      if (slot.state === "creating") {
        this.#move(slot, "unknown", now + slot.holdMs);
        unknown.push(slot.id);
      } else claims.push(this.#claim(slot, now + stopMs, overdue(slot.state)));
    }
    return { claims, unknown };
  }

  async claimIdle(kind: string, holder: string, stopMs: number): Promise<Claim[]> {
    const now = performance.now();
    return [...this.#slots.values()]
      .filter((slot) => slot.kind === kind && slot.holder === holder && slot.state === "idle")
      .map((slot) => this.#claim(slot, now + stopMs, "closing"));
  }

  async beginPass(kind: string, everyMs: number): Promise<number | undefined> {
    const now = performance.now();
    const last = this.#passes.get(kind);
    if (last !== undefined && last <= now && last + everyMs > now) return undefined;
    this.#passes.set(kind, now);
    return now;
  }

  async reconcile({ kind, startedAt, live, graceMs, exclusive }: Pass): Promise<Reconciled> {
    const known = this.#strays.get(kind);
    const once = new Map(live.map((session) => [session.id, session]));
    const unrecorded = [...once.values()].filter(({ id }) => !this.#bySession.has(id));
    const strays = new Map(
      unrecorded.map(({ id }) => {
        const firstSeen = known?.get(id)?.firstSeen ?? startedAt;
        // Before the first look nothing is known, so that all that lives takes room; later, what may still be attached does not.
        return [
          id,
          { firstSeen, counts: !known || (known.get(id)?.counts ?? false) || firstSeen + graceMs <= startedAt },
        ];
      }),
    );
    this.#strays.set(kind, strays);
    const found = new Set(unrecorded.map(({ mark }) => this.#slotMarked(mark)));
    // What was not there at the look before, long after the outcome became unknown, cannot be what came of it.
    const lookedAt = this.#looks.get(kind) ?? Number.NEGATIVE_INFINITY;
    const lasting = unrecorded.filter(({ id }) => known?.has(id));
    const isClean = (slot: Slot) => (lookedAt >= slot.due - slot.holdMs + graceMs ? lasting : unrecorded).length === 0;
    const isSettled = (slot: Slot) =>
      slot.state === "unknown" &&
      slot.due <= startedAt &&
      !found.has(slot.id) &&
      (!(exclusive || slot.exclusive) || isClean(slot));
    this.#looks.set(kind, startedAt);
    const settled = [...this.#slots.values()].filter((slot) => slot.kind === kind && isSettled(slot));
    for (const slot of settled) this.#remove(slot);
    this.#wakeNext(performance.now());
    const old = unrecorded.filter(({ id }) => (strays.get(id)?.firstSeen ?? startedAt) + graceMs <= startedAt);
    return {
      strays: old.map(({ id, mark }): Stray => ({ id, slot: this.#slotMarked(mark) })),
      freed: settled.map(({ id }) => id),
    };
  }

  #slotMarked(mark: string | undefined): string | undefined {
    const prefix = `${this.#space}/`;
    return mark?.startsWith(prefix) ? mark.slice(prefix.length) : undefined;
  }

  async strayStopped(kind: string, sessionId: string): Promise<void> {
    this.#strayGone(kind, sessionId);
    this.#wakeNext(performance.now());
  }

  #strayGone(kind: string, sessionId: string): void {
    this.#strays.get(kind)?.delete(sessionId);
  }

  async isProfileHeld(profileId: string): Promise<boolean> {
    return this.#locks.has(profileLock(profileId));
  }

  async counts(): Promise<LeaseCounts> {
    const now = performance.now();
    this.#forgetDeadWaiters(now);
    return {
      creating: this.#count("creating"),
      leased: this.#count("leased"),
      idle: this.#count("idle"),
      stopping: this.#count("stopping"),
      unknown: this.#count("unknown"),
      waiting: this.#waiters.size,
      strays: this.#strayCount(now),
      ...(this.#shrink && this.#shrink.until > now && { shrunkTo: this.#shrink.to }),
    };
  }

  async slots(): Promise<SlotView[]> {
    const now = performance.now();
    return [...this.#slots.values()].map(({ id, state, kind, sessionId, profileId, holder, fence, uses, due }) => ({
      slot: id,
      state,
      kind,
      sessionId,
      profileId,
      holder,
      fence,
      uses,
      dueInMs: due - now,
    }));
  }

  watch(holder: string, wake: (token: string) => void): () => void {
    this.#wakers.set(holder, wake);
    return () => this.#wakers.delete(holder);
  }

  /** The one way from state to state. Locks stay with the slot in all of them; only a lease has a token. */
  #move(
    slot: Slot,
    state: SlotState,
    due: number,
    lease?: { readonly token: string | undefined; readonly holder: string },
  ): void {
    slot.state = state;
    slot.due = due;
    slot.token = lease?.token;
    if (lease) slot.holder = lease.holder;
  }

  /** The one way out. */
  #remove(slot: Slot): void {
    this.#slots.delete(slot.id);
    if (slot.sessionId !== undefined) this.#bySession.delete(slot.sessionId);
    for (const lock of locksOf(slot)) if (this.#locks.get(lock) === slot) this.#locks.delete(lock);
  }

  #claim(slot: Slot, due: number, why: Claim["why"]): Claim {
    this.#move(slot, "stopping", due);
    const { id, sessionId = "", profileId } = slot;
    return { slot: id, sessionId, profileId, why };
  }

  #held(id: string, token: string): Slot | undefined {
    const slot = this.#slots.get(id);
    return slot?.token === token ? slot : undefined;
  }

  #slotOf(token: string): Slot | undefined {
    return [...this.#slots.values()].find((slot) => slot.token === token);
  }

  #count(state: SlotState): number {
    return [...this.#slots.values()].filter((slot) => slot.state === state).length;
  }

  #hasSeen(key: string | undefined, now: number): boolean {
    for (const [seen, until] of this.#keysSeen) if (until <= now) this.#keysSeen.delete(seen);
    return key !== undefined && this.#keysSeen.has(key);
  }

  #forgetDeadWaiters(now: number): void {
    for (const [token, { until }] of this.#waiters) if (until <= now) this.#waiters.delete(token);
  }

  /** Wakes the first of each kind in line who could be served, and those before whose eviction has made room; whoever is served wakes the next. */
  #wakeNext(now: number): void {
    this.#forgetDeadWaiters(now);
    const kinds = new Set<string>();
    for (const { want } of this.#inLine()) {
      if (kinds.has(want.kind) || this.#blocked(want)) continue;
      // One whose eviction is on the way waits for room alone.
      if (!want.mayEvict && this.#capFor(want, now) <= this.#slots.size) continue;
      if (want.mayEvict) kinds.add(want.kind);
      this.#wakers.get(want.holder)?.(want.token);
    }
  }
}

function locksOf({ key, profileId }: Pick<Want, "key" | "profileId">): string[] {
  return [...(key === undefined ? [] : [keyLock(key)]), ...(profileId === undefined ? [] : [profileLock(profileId)])];
}

function keyLock(key: string): string {
  return `key:${key}`;
}

function profileLock(profileId: string): string {
  return `profile:${profileId.toLowerCase()}`;
}

function overdue(state: SlotState): Claim["why"] {
  if (state === "leased") return "lease over";
  return state === "idle" ? "idle over" : "stop again";
}

function oldest(slots: readonly Slot[]): Slot | undefined {
  return slots.reduce<Slot | undefined>((best, slot) => (best && best.fence <= slot.fence ? best : slot), undefined);
}

function newest(slots: readonly Slot[]): Slot | undefined {
  return slots.reduce<Slot | undefined>((best, slot) => (best && best.fence >= slot.fence ? best : slot), undefined);
}
