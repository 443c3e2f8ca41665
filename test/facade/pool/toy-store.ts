import type {
  Claim,
  CreateFailure,
  Grant,
  LeaseCounts,
  LeaseStore,
  Pass,
  ProjectLeases,
  ReleaseTerms,
  SlotState,
  WaitReason,
  Want,
} from "../../../src/facade/pool/lease-store.ts";

/** One slot, as a row that is never changed. `by`: who wanted it opened. */
interface Row {
  readonly slot: string;
  readonly by: Want;
  readonly state: SlotState;
  readonly due: number;
  readonly token?: string | undefined;
  readonly holder: string;
  readonly fence: number;
  readonly uses: number;
  readonly sessionId?: string | undefined;
  readonly endsAt: number;
}

interface Place {
  readonly want: Want;
  readonly ticket: number;
  readonly until: number;
}

interface Seen {
  readonly id: string;
  readonly since: number;
  readonly counts: boolean;
}

interface World {
  readonly rows: readonly Row[];
  readonly line: readonly Place[];
  readonly seen: Readonly<Record<string, readonly Seen[]>>;
  readonly begun: Readonly<Record<string, number>>;
  readonly looks: Readonly<Record<string, number>>;
  readonly keys: readonly string[];
  readonly shrink: { readonly to: number; readonly until: number };
}

/** Something that happened once and for all: what it makes of the world before it. */
type Fact = (world: World) => World;

const NOTHING: World = {
  rows: [],
  line: [],
  seen: {},
  begun: {},
  looks: {},
  keys: [],
  shrink: { to: Infinity, until: Infinity },
};

const ADD =
  (row: Row): Fact =>
  (world) => ({ ...world, rows: [...world.rows, row] });
const CHANGE =
  (slot: string, change: Partial<Row>): Fact =>
  (world) => ({ ...world, rows: world.rows.map((row) => (row.slot === slot ? { ...row, ...change } : row)) });
const REMOVE =
  (slot: string): Fact =>
  (world) => ({ ...world, rows: world.rows.filter((row) => row.slot !== slot) });
const LEAVE =
  (token: string): Fact =>
  (world) => ({ ...world, line: world.line.filter(({ want }) => want.token !== token) });
const WAIT =
  (place: Place): Fact =>
  (world) => ({ ...world, line: [...LEAVE(place.want.token)(world).line, place].sort((a, b) => a.ticket - b.ticket) });
const SEE =
  (kind: string, seen: readonly Seen[]): Fact =>
  (world) => ({ ...world, seen: { ...world.seen, [kind]: seen } });

/**
 * A store that is made like none of the others: a list of facts that only grows, from which the world is worked out anew on each
 * call. Far too slow for use. That it passes the same suite shows that the port asks for no Redis.
 */
export function toyLeaseStore(): LeaseStore {
  const projects: Record<string, ToyLeases> = {};
  const locks: { name: string; token: string; until: number }[] = [];
  return {
    project: (id) => {
      projects[id] ??= new ToyLeases();
      return projects[id];
    },
    lock: async (name, ttlMs) => {
      const now = performance.now();
      if (locks.some((lock) => lock.name === name && lock.until > now)) return undefined;
      const token = crypto.randomUUID();
      locks.push({ name, token, until: now + ttlMs });
      return token;
    },
    unlock: async (name, token) => {
      for (const lock of locks) if (lock.name === name && lock.token === token) lock.until = 0;
    },
  };
}

class ToyLeases implements ProjectLeases {
  readonly #origin = crypto.randomUUID();
  readonly #facts: Fact[] = [];
  readonly #ears: { holder: string; wake: (token: string) => void }[] = [];
  #numbers = 0;

  #world(now: number): World {
    const world = this.#facts.reduce((before, fact) => fact(before), NOTHING);
    const shrink = world.shrink.until > now ? world.shrink : NOTHING.shrink;
    return { ...world, line: world.line.filter(({ until }) => until > now), shrink };
  }

  #happen(...facts: readonly Fact[]): void {
    this.#facts.push(...facts);
  }

  #wake(): void {
    const world = this.#world(performance.now());
    const room = ({ cap }: Want) => Math.min(cap - strays(world), world.shrink.to) - world.rows.length;
    const servable = world.line.filter(
      ({ want }) => blocker(world, want) === undefined && (want.mayEvict || room(want) > 0),
    );
    const isFirst = ({ want }: Place, i: number) =>
      !servable.slice(0, i).some((other) => other.want.kind === want.kind && other.want.mayEvict);
    for (const { want } of servable.filter(isFirst))
      for (const { holder, wake } of this.#ears) if (holder === want.holder) wake(want.token);
  }

  async acquire(want: Want): Promise<Grant> {
    const now = performance.now();
    const world = this.#world(now);
    const mine = world.rows.find(({ token }) => token === want.token);
    if (mine) return this.#again(mine, want, now);
    if (!world.seen[want.kind]) return { kind: "unready" };
    const known = world.line.find((place) => place.want.token === want.token)?.ticket;
    const ticket = want.ticket ?? known ?? ++this.#numbers;
    return this.#decide(want, ticket, now, world);
  }

  #again(row: Row, want: Want, now: number): Grant {
    const isOpen = row.sessionId !== undefined;
    this.#happen(CHANGE(row.slot, { due: now + (isOpen ? want.leaseMs : want.createMs) }));
    return this.#granted(row, want.ticket ?? row.fence, isOpen);
  }

  #granted({ slot, fence, uses, sessionId = "", by }: Row, ticket: number, isOpen: boolean, idleLeftMs = 0): Grant {
    if (isOpen) return { kind: "reuse", ticket, slot, sessionId, fence, uses, idleLeftMs };
    const restarted = by.key !== undefined && this.#world(0).keys.includes(by.key);
    return { kind: "create", ticket, slot, fence, mark: `${this.#origin}/${slot}`, restarted };
  }

  #decide(want: Want, ticket: number, now: number, world: World): Grant {
    const { rows, line } = world;
    const earlier = line.filter((place) => place.ticket < ticket).map((place) => place.want);
    const served = earlier.filter((one, i) => !blocker(world, one) && !earlier.slice(0, i).some(shares(one)));
    const sameKind = served.filter(({ kind, mayEvict }) => kind === want.kind && mayEvict).length;
    const idle = rows.filter(({ by, state }) => by.kind === want.kind && state === "idle").sort(byFence);
    const room = Math.max(0, Math.min(want.cap - strays(world), world.shrink.to) - rows.length);
    const wait = (reason: WaitReason): Grant => this.#wait(want, ticket, now, world, reason);
    const evict = (row: Row): Grant => {
      const queued = this.#wait({ ...want, mayEvict: false }, ticket, now, world, "cap");
      if (queued.kind === "full") return queued;
      return { kind: "evict", ticket, claim: this.#claim(row, now + want.stopMs, "evicted") };
    };

    const reason = blocker(world, want) ?? earlierOn(earlier, want);
    if (reason) return wait(reason);
    const left = Math.max(0, room - (served.length - sameKind)) + idle.length - sameKind;
    if (left <= 0) return wait(room + idle.length > 0 ? "queue" : "cap");

    const usable = (row: Row) => want.shape !== undefined && row.by.shape === want.shape && row.due > now;
    const locked = locksOf(want).flatMap((lock) => rows.filter(({ by }) => locksOf(by).includes(lock)));
    const unfit = locked.find((row) => !usable(row));
    if (unfit) return want.mayEvict ? evict(unfit) : wait(reasonOf(unfit, want));
    const warm = locked[0] ?? idle.filter(usable).at(-1);
    if (warm) return this.#lend(warm, want, ticket, now);
    if (room > served.length) return this.#create(want, ticket, now);
    const [oldest] = idle;
    if (oldest && want.mayEvict) return evict(oldest);
    return wait(room > 0 ? "queue" : "cap");
  }

  #wait(want: Want, ticket: number, now: number, { line }: World, reason: WaitReason): Grant {
    const isIn = line.some((place) => place.want.token === want.token);
    if (!isIn && line.length >= want.maxWaiters) return { kind: "full", ticket, waiting: line.length };
    this.#happen(WAIT({ want, ticket, until: now + want.waiterMs }));
    return { kind: "wait", ticket, reason, waiting: line.length + (isIn ? 0 : 1) };
  }

  #lend(row: Row, want: Want, ticket: number, now: number): Grant {
    const { token, holder } = want;
    const lease = { token, holder, fence: ++this.#numbers, uses: row.uses + 1 };
    this.#happen(CHANGE(row.slot, { ...lease, state: "leased", due: now + want.leaseMs }), LEAVE(token));
    this.#wake();
    return this.#granted({ ...row, ...lease }, ticket, true, row.due - now);
  }

  #create(want: Want, ticket: number, now: number): Grant {
    const { token, holder } = want;
    const times = { due: now + want.createMs, endsAt: 0 };
    const numbers = { fence: ++this.#numbers, uses: 0 };
    const row: Row = { slot: crypto.randomUUID(), by: want, state: "creating", token, holder, ...times, ...numbers };
    this.#happen(ADD(row), LEAVE(token));
    this.#wake();
    return this.#granted(row, ticket, false);
  }

  #claim({ slot, sessionId = "", by }: Row, due: number, why: Claim["why"]): Claim {
    this.#happen(CHANGE(slot, { state: "stopping", due, token: undefined }));
    return { slot, sessionId, profileId: by.profileId, why };
  }

  #held(slot: string, token: string, state: SlotState): Row | undefined {
    return this.#world(0).rows.find((row) => row.slot === slot && row.token === token && row.state === state);
  }

  async leave(token: string): Promise<void> {
    const row = this.#world(0).rows.find((one) => one.token === token);
    const idle = row && { state: "idle" as const, due: Math.min(row.due, row.endsAt), token: undefined };
    this.#happen(LEAVE(token));
    if (row) this.#happen(row.state === "creating" ? REMOVE(row.slot) : CHANGE(row.slot, idle ?? {}));
    this.#wake();
  }

  async attach(
    slot: string,
    token: string,
    sessionId: string,
    { leaseMs, lifeMs }: { readonly leaseMs: number; readonly lifeMs: number },
  ): Promise<boolean> {
    const now = performance.now();
    const row = this.#held(slot, token, "creating");
    if (!row) {
      const again = this.#held(slot, token, "leased");
      const holds = again?.sessionId === sessionId && again.due > now;
      if (holds) this.#happen(CHANGE(slot, { due: now + leaseMs }));
      return holds;
    }
    const { rows, seen } = this.#world(now);
    if (row.due <= now || rows.some((one) => one.sessionId === sessionId)) return false;
    const { kind, key } = row.by;
    this.#happen(CHANGE(slot, { state: "leased", sessionId, due: now + leaseMs, endsAt: now + lifeMs }));
    if (seen[kind]) this.#happen(SEE(kind, without(seen[kind], sessionId)));
    if (key !== undefined) this.#happen((world) => ({ ...world, keys: [...world.keys, key] }));
    return true;
  }

  async createFailed(slot: string, token: string, failure: CreateFailure): Promise<void> {
    const now = performance.now();
    const row = this.#held(slot, token, "creating");
    if (!row) return;
    const unknown = { state: "unknown", due: now + row.by.holdMs, token: undefined } as const;
    this.#happen(failure.outcome === "unknown" ? CHANGE(slot, unknown) : REMOVE(slot));
    if (failure.outcome === "full") {
      const until = now + failure.shrinkMs;
      this.#happen((world) => ({ ...world, shrink: { to: world.rows.length, until } }));
    }
    if (failure.outcome !== "unknown") this.#wake();
  }

  async renew(leases: readonly { readonly slot: string; readonly token: string }[], leaseMs: number) {
    const now = performance.now();
    return leases.flatMap(({ slot, token }) => {
      if ((this.#held(slot, token, "leased")?.due ?? 0) <= now) return token;
      this.#happen(CHANGE(slot, { due: now + leaseMs }));
      return [];
    });
  }

  async release(slot: string, token: string, { to, idleMs, maxUses, stopMs }: ReleaseTerms) {
    const now = performance.now();
    const row = this.#held(slot, token, "leased");
    if (!row || row.due <= now) return "lost";
    const isGood = row.by.shape !== undefined && row.uses + 1 < maxUses && row.endsAt > now;
    if (to === "stop" || !isGood) {
      this.#claim(row, now + stopMs, "released");
      return "stop";
    }
    this.#happen(CHANGE(slot, { state: "idle", due: Math.min(now + idleMs, row.endsAt), token: undefined }));
    this.#wake();
    return "idle";
  }

  async stopped(slot: string): Promise<void> {
    const row = this.#world(0).rows.find((one) => one.slot === slot);
    if (row?.state !== "stopping" && row?.state !== "unknown") return;
    this.#happen(REMOVE(slot));
    this.#wake();
  }

  async reap(kind: string, limit: number, stopMs: number) {
    const now = performance.now();
    const late = this.#world(now).rows.filter(
      (row) => row.by.kind === kind && row.state !== "unknown" && row.due <= now,
    );
    const due = late.sort((a, b) => a.due - b.due).slice(0, limit);
    const lost = due.filter(({ state }) => state === "creating");
    for (const { slot, by } of lost)
      this.#happen(CHANGE(slot, { state: "unknown", due: now + by.holdMs, token: undefined }));
    const over = due.filter((row) => !lost.includes(row));
    const claims = over.map((row) => this.#claim(row, now + stopMs, WHY[row.state] ?? "stop again"));
    return { claims, unknown: lost.map(({ slot }) => slot) };
  }

  async claimIdle(kind: string, holder: string, stopMs: number): Promise<Claim[]> {
    const now = performance.now();
    const idle = this.#world(now).rows.filter(({ state, by }) => state === "idle" && by.kind === kind);
    return idle.filter((row) => row.holder === holder).map((row) => this.#claim(row, now + stopMs, "closing"));
  }

  async beginPass(kind: string, everyMs: number): Promise<number | undefined> {
    const now = performance.now();
    const last = this.#world(now).begun[kind] ?? -Infinity;
    if (last <= now && last + everyMs > now) return undefined;
    this.#happen((world) => ({ ...world, begun: { ...world.begun, [kind]: now } }));
    return now;
  }

  async reconcile({ kind, startedAt, live, graceMs, exclusive }: Pass) {
    const { rows, seen, looks } = this.#world(performance.now());
    const onRecord = new Set(rows.map(({ sessionId }) => sessionId));
    const before = new Map(seen[kind]?.map((one) => [one.id, one]));
    const foreign = live.filter(({ id }) => !onRecord.has(id));
    const now = foreign.map(({ id }): Seen => {
      const since = before.get(id)?.since ?? startedAt;
      const counts = !seen[kind] || before.get(id)?.counts === true || since + graceMs <= startedAt;
      return { id, since, counts };
    });
    const unknown = rows.filter(({ by, state }) => by.kind === kind && state === "unknown");
    const slotOf = (mark = "") => (mark.startsWith(`${this.#origin}/`) ? mark.split("/")[1] : undefined);
    const isFound = ({ slot }: Row) => foreign.some(({ mark }) => slotOf(mark) === slot);
    const lasting = foreign.filter(({ id }) => before.has(id));
    const isClean = ({ due, by }: Row) =>
      ((looks[kind] ?? -Infinity) >= due - by.holdMs + graceMs ? lasting : foreign).length === 0;
    const isSettled = (row: Row) =>
      row.due <= startedAt && !isFound(row) && ((!exclusive && !row.by.exclusive) || isClean(row));
    const freed = unknown.filter(isSettled);
    this.#happen(SEE(kind, now), (world) => ({ ...world, looks: { ...world.looks, [kind]: startedAt } }));
    this.#happen(...freed.map(({ slot }) => REMOVE(slot)));
    this.#wake();
    const strays = foreign.filter((_, i) => (now[i]?.since ?? startedAt) + graceMs <= startedAt);
    return {
      strays: strays.map(({ id, mark }) => ({ id, slot: slotOf(mark) })),
      freed: freed.map(({ slot }) => slot),
    };
  }

  async strayStopped(kind: string, sessionId: string): Promise<void> {
    const seen = this.#world(0).seen[kind];
    if (seen) this.#happen(SEE(kind, without(seen, sessionId)));
    this.#wake();
  }

  async isProfileHeld(profileId: string): Promise<boolean> {
    return this.#world(0).rows.some(({ by }) => locksOf(by).includes(`profile ${profileId.toLowerCase()}`));
  }

  async counts(): Promise<LeaseCounts> {
    const world = this.#world(performance.now());
    const count = (state: SlotState) => world.rows.filter((row) => row.state === state).length;
    return {
      creating: count("creating"),
      leased: count("leased"),
      idle: count("idle"),
      stopping: count("stopping"),
      unknown: count("unknown"),
      waiting: world.line.length,
      strays: strays(world),
      ...(world.shrink.to < Infinity && { shrunkTo: world.shrink.to }),
    };
  }

  async slots() {
    const now = performance.now();
    return this.#world(now).rows.map(({ by: { kind, profileId }, token: _, endsAt: __, due, ...row }) => ({
      ...row,
      kind,
      profileId,
      sessionId: row.sessionId,
      dueInMs: due - now,
    }));
  }

  watch(holder: string, wake: (token: string) => void): () => void {
    const ear = { holder, wake };
    this.#ears.push(ear);
    return () => {
      ear.holder = "";
    };
  }
}

const WHY: Partial<Record<SlotState, Claim["why"]>> = { leased: "lease over", idle: "idle over" };

function locksOf({ key, profileId }: Want): string[] {
  const named = [key !== undefined && `key ${key}`, profileId !== undefined && `profile ${profileId.toLowerCase()}`];
  return named.filter((lock) => lock !== false);
}

function shares(want: Want): (other: Want) => boolean {
  return (other) => locksOf(other).some((lock) => locksOf(want).includes(lock));
}

function reasonOf({ by }: Row, want: Want): WaitReason {
  return want.key !== undefined && by.key === want.key ? "key" : "profile";
}

/** Why a slot that cannot give up a key or a profile now keeps this one waiting. */
function blocker({ rows, seen }: World, want: Want): WaitReason | undefined {
  const owners = locksOf(want).flatMap((lock) => rows.filter(({ by }) => locksOf(by).includes(lock)));
  const blocking = owners.find(({ state, by }) => state !== "idle" || by.kind !== want.kind);
  if (blocking) return reasonOf(blocking, want);
  const mayWrite = want.exclusive && want.profileId !== undefined && seen[want.kind]?.some(({ counts }) => counts);
  return mayWrite ? "profile" : undefined;
}

/** Why those who came earlier keep this one waiting, whatever room there is. */
function earlierOn(earlier: readonly Want[], want: Want): WaitReason | undefined {
  const taken = earlier.flatMap(locksOf);
  const lock = locksOf(want).find((one) => taken.includes(one));
  if (lock === undefined) return undefined;
  return lock.startsWith("key ") ? "key" : "profile";
}

function strays({ seen, rows, looks }: World): number {
  const ofKind = ([kind, all]: [string, readonly Seen[]]) => {
    if ((looks[kind] ?? 0) + 10 * 60_000 <= performance.now()) return 0;
    const counted = all.filter(({ counts }) => counts).length;
    const unknown = rows.filter(({ by, state }) => by.kind === kind && state === "unknown").length;
    return Math.max(0, counted - Math.max(0, unknown - (all.length - counted)));
  };
  return Object.entries(seen)
    .map(ofKind)
    .reduce((a, b) => a + b, 0);
}

function without(seen: readonly Seen[], id: string): readonly Seen[] {
  return seen.filter((one) => one.id !== id);
}

function byFence(a: Row, b: Row): number {
  return a.fence - b.fence;
}
