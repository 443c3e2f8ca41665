/** What one operation of the Redis store costs the server, at different sizes, measured in turns on one server. */
import { randomUUID } from "node:crypto";
import type { ProjectLeases } from "../../src/pool.ts";
import { median } from "./numbers.ts";
import { between, type MeasuredRedis, workOf } from "./redis.ts";
import { ask, type Held, inParallel, KEEP, KIND, look, open, STOP, shapeOf, want } from "./wants.ts";

/** One operation, per call. */
export interface Cost {
  /** In the script, of the server's one thread. */
  readonly us: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly published: number;
}

/** Operations by name. */
export type Costs = ReadonlyMap<string, Cost>;

/** Notes what calls cost, and gives the medians. */
export class Meter {
  readonly #redis: MeasuredRedis;
  readonly #seen = new Map<string, Cost[]>();

  constructor(redis: MeasuredRedis) {
    this.#redis = redis;
  }

  /** Does `call` so often. The answers to the looks themselves are not counted: they are some kilobytes. */
  async note<T>(name: string, count: number, call: (index: number) => Promise<T>): Promise<T[]> {
    const answers: T[] = [];
    const start = await workOf(this.#redis);
    const before = await workOf(this.#redis);
    for (let i = 0; i < count; i++) answers.push(await call(i));
    const done = between(before, await workOf(this.#redis));
    const look = between(start, before);
    const cost = {
      us: done.scriptUs / done.scripts,
      bytesIn: (done.bytesIn - look.bytesIn) / done.scripts,
      bytesOut: Math.max(0, done.bytesOut - look.bytesOut) / done.scripts,
      published: done.published / done.scripts,
    };
    this.#seen.set(name, [...(this.#seen.get(name) ?? []), cost]);
    return answers;
  }

  costs(): Costs {
    const of = (all: readonly Cost[], pick: (cost: Cost) => number) => median(all.map(pick));
    const entries = [...this.#seen].map(([name, all]): [string, Cost] => {
      const bytes = { bytesIn: of(all, ({ bytesIn }) => bytesIn), bytesOut: of(all, ({ bytesOut }) => bytesOut) };
      return [name, { us: of(all, ({ us }) => us), ...bytes, published: of(all, ({ published }) => published) }];
    });
    return new Map(entries);
  }
}

/** A project with so many sessions: nine of ten are leased, of the others half are of a group and half of keys. */
export class Filled {
  readonly leases: ProjectLeases;
  readonly size: number;
  readonly keys: string[] = [];
  readonly leased: Held[] = [];

  private constructor(leases: ProjectLeases, size: number) {
    this.leases = leases;
    this.size = size;
  }

  static async of(leases: ProjectLeases, size: number): Promise<Filled> {
    const filled = new Filled(leases, size);
    await look(leases);
    const idle = Math.max(8, Math.floor(size / 10));
    const toIdle: Held[] = [];
    await inParallel(size, 20, async (index) => {
      // Ten sessions to a holder, as in a fleet.
      const holder = `holder-${Math.floor(index / 10)}`;
      const key = index < idle && index % 2 === 1 ? shapeOf(`key-${index}`) : undefined;
      const held = await open(leases, { holder, ...(key && { key, shape: key }) });
      if (key) filled.keys.push(key);
      (index < idle ? toIdle : filled.leased).push(held);
    });
    await inParallel(toIdle.length, 20, async (i) =>
      leases.release(toIdle[i]?.slot ?? "", toIdle[i]?.token ?? "", KEEP),
    );
    return filled;
  }
}

const BATCH = 4;

/** One round of everything that a fleet does all the time. It leaves the project as it was. */
export async function everydayRound({ leases, keys, leased }: Filled, meter: Meter): Promise<void> {
  const wanted = Array.from({ length: BATCH }, () => want());
  const reused = await meter.note("acquire: warm, of a group", BATCH, (i) => ask(leases, "reuse", wanted[i] ?? want()));
  await meter.note("release: to idle", BATCH, (i) =>
    leases.release(reused[i]?.slot ?? "", wanted[i]?.token ?? "", KEEP),
  );
  const keyed = keys.slice(0, BATCH).map((key) => want({ key, shape: key }));
  const own = await meter.note("acquire: warm, of a key", BATCH, (i) => ask(leases, "reuse", keyed[i] ?? want()));
  for (const [i, { slot }] of own.entries()) await leases.release(slot, keyed[i]?.token ?? "", KEEP);
  const fresh = Array.from({ length: BATCH }, () => want({ shape: undefined }));
  const created = await meter.note("acquire: create", BATCH, (i) => ask(leases, "create", fresh[i] ?? want()));
  const at = (i: number) => [created[i]?.slot ?? "", fresh[i]?.token ?? ""] as const;
  await meter.note("attach", BATCH, (i) => leases.attach(...at(i), randomUUID(), { leaseMs: 3e6, lifeMs: 9e6 }));
  await meter.note("release: to stop", BATCH, (i) => leases.release(...at(i), STOP));
  await meter.note("stopped", BATCH, (i) => leases.stopped(at(i)[0]));
  const waiters = Array.from({ length: BATCH }, () => want({ shape: undefined, cap: 1, mayEvict: false }));
  await meter.note("acquire: wait", BATCH, (i) => ask(leases, "wait", waiters[i] ?? want()));
  await meter.note("leave", BATCH, (i) => leases.leave(waiters[i]?.token ?? ""));
  await meter.note("renew: ten leases", BATCH, () => leases.renew(leased.slice(0, 10), 3.6e6));
  await meter.note("reap: nothing due", BATCH, () => leases.reap(KIND, 10, 45_000));
  await meter.note("beginPass: not due", BATCH, () => leases.beginPass(KIND, 1e12));
  await meter.note("counts", BATCH, () => leases.counts());
}

/** What is done seldom, and looks at everything. */
export async function seldomRound({ leases, size }: Filled, meter: Meter): Promise<void> {
  const [views = []] = await meter.note("slots (for people)", 1, () => leases.slots());
  const live = views.map(({ sessionId = "" }) => ({ id: sessionId }));
  const startedAt = (await leases.beginPass(KIND, 0)) ?? 0;
  const pass = { kind: KIND, startedAt, graceMs: 90_000, exclusive: false };
  await meter.note("reconcile: all known", 1, () => leases.reconcile({ ...pass, live }));
  const strays = Array.from({ length: Math.ceil(size / 100) }, () => ({ id: randomUUID() }));
  await meter.note("reconcile: 1 % strays", 1, () => leases.reconcile({ ...pass, live: [...live, ...strays] }));
  await leases.reconcile({ ...pass, live });
  await meter.note("claimIdle: a pool closes that has none", 1, () => leases.claimIdle(KIND, "nobody", 45_000));
}

/** What those in line wait for. */
export type Line = "a group" | "a busy profile each";

/** A project whose 20 sessions are all leased, with a line of waiters. */
export class Crowded {
  readonly #leases: ProjectLeases;
  readonly #waiters: ReturnType<typeof want>[] = [];
  #held: Held[] = [];

  private constructor(leases: ProjectLeases) {
    this.#leases = leases;
  }

  static async of(leases: ProjectLeases, waiters: number, line: Line): Promise<Crowded> {
    const crowded = new Crowded(leases);
    await look(leases);
    const busy = line === "a group" ? 0 : waiters;
    for (let i = 0; i < busy; i++) await open(leases, { profileId: randomUUID(), holder: `writer-${i}` });
    const profiles = (await leases.slots()).map(({ profileId }) => profileId);
    for (let i = 0; i < 20; i++) crowded.#held.push(await open(leases));
    for (let i = 0; i < waiters; i++) await crowded.#enqueue(busy + 20, profiles[i]);
    return crowded;
  }

  /** One is given back, the first in line gets it and is followed by a new one; the last asks again. Nobody in line: only the first two. */
  async round(meter: Meter, cap: number): Promise<void> {
    const { slot = "", token = "" } = this.#held.shift() ?? {};
    await meter.note("release: to idle", 1, () => this.#leases.release(slot, token, KEEP));
    const first = this.#waiters[0]?.profileId === undefined ? this.#waiters.shift() : undefined;
    const next = first ?? want({ cap });
    const [grant] = await meter.note("acquire: warm", 1, () => ask(this.#leases, "reuse", next));
    this.#held = [...this.#held, { slot: grant?.slot ?? "", token: next.token }];
    if (first) await this.#enqueue(cap, undefined);
    const last = this.#waiters.at(-1);
    if (last) await meter.note("acquire: ask again, in vain", 1, () => ask(this.#leases, "wait", last));
  }

  async #enqueue(cap: number, profileId: string | undefined): Promise<void> {
    const waiter = want({ cap, profileId, maxWaiters: 1e6 });
    const { ticket } = await ask(this.#leases, "wait", waiter);
    this.#waiters.push({ ...waiter, ticket });
  }
}
