import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type {
  Claim,
  Grant,
  LeaseStore,
  LiveSession,
  Pass,
  ProjectLeases,
  Reconciled,
  ReleaseTerms,
  SlotState,
  Want,
} from "../../../src/facade/pool/lease-store.ts";

/** A store to test, and how it is given up. */
export interface OpenedStore {
  readonly store: LeaseStore;
  readonly close?: (() => Promise<void>) | undefined;
}

/** Nothing that takes so long ends within a test. */
export const LONG: number = 60_000;
/** What takes so long is over after `soon()`. */
export const SHORT: number = 30;

/** Until everything of {@link SHORT} is over. */
export async function soon(): Promise<void> {
  await sleep(2 * SHORT);
}

/** What a pool wants by default: a session for itself, of a project with room for two. */
export function want(changes: Partial<Want> = {}): Want {
  return {
    token: crypto.randomUUID(),
    holder: "pool-1",
    kind: "v3",
    exclusive: false,
    cap: 2,
    maxWaiters: 10,
    mayEvict: true,
    waiterMs: LONG,
    leaseMs: LONG,
    createMs: LONG,
    holdMs: LONG,
    stopMs: LONG,
    ...changes,
  };
}

const KEEP: ReleaseTerms = { to: "idle", idleMs: LONG, maxUses: 100, stopMs: LONG };
const STOP: ReleaseTerms = { ...KEEP, to: "stop" };

/** A lease as its holder has it. */
export interface Lease {
  readonly slot: string;
  readonly token: string;
  readonly sessionId: string;
  readonly fence: number;
}

type GrantOf<Kind extends Grant["kind"]> = Extract<Grant, { readonly kind: Kind }>;

function isKind<Kind extends Grant["kind"]>(grant: Grant, kind: Kind): grant is GrantOf<Kind> {
  return grant.kind === kind;
}

/** Asks, and expects this kind of answer. */
export async function ask<Kind extends Grant["kind"]>(
  leases: ProjectLeases,
  kind: Kind,
  wanted: Want,
): Promise<GrantOf<Kind>> {
  const grant = await leases.acquire(wanted);
  if (isKind(grant, kind)) return grant;
  throw new Error(`Expected ${kind}, got ${JSON.stringify(grant)}.`);
}

/** Opens a session and has its lease. */
export async function open(leases: ProjectLeases, changes: Partial<Want> = {}, lifeMs = LONG): Promise<Lease> {
  const wanted = want(changes);
  const { slot, fence } = await ask(leases, "create", wanted);
  const sessionId = `session-${crypto.randomUUID()}`;
  expect(await leases.attach(slot, wanted.token, sessionId, { leaseMs: wanted.leaseMs, lifeMs })).toBe(true);
  return { slot, token: wanted.token, sessionId, fence };
}

/** Opens a session and leaves it idle. */
async function openIdle(leases: ProjectLeases, changes: Partial<Want> = {}, terms = KEEP): Promise<Lease> {
  const lease = await open(leases, { shape: "shape", ...changes });
  expect(await leases.release(lease.slot, lease.token, terms)).toBe("idle");
  return lease;
}

/** Opens two sessions of a shape, and leaves them idle: first the older one, then the newer. */
async function openTwoIdle(leases: ProjectLeases, newer: ReleaseTerms = KEEP): Promise<[Lease, Lease]> {
  const two: [Lease, Lease] = [await open(leases, { shape: "shape" }), await open(leases, { shape: "shape" })];
  expect(await leases.release(two[0].slot, two[0].token, KEEP)).toBe("idle");
  expect(await leases.release(two[1].slot, two[1].token, newer)).toBe("idle");
  return two;
}

/** Stops a session for good. */
export async function close(leases: ProjectLeases, { slot, token }: Lease): Promise<void> {
  expect(await leases.release(slot, token, STOP)).toBe("stop");
  await leases.stopped(slot);
}

/** Looks at the vendor now. */
export async function look(
  leases: ProjectLeases,
  live: readonly LiveSession[] = [],
  changes: Partial<Pass> = {},
): Promise<Reconciled> {
  const kind = changes.kind ?? "v3";
  const startedAt = (await leases.beginPass(kind, 0)) ?? Number.NaN;
  return leases.reconcile({ kind, startedAt, live, graceMs: LONG, exclusive: true, ...changes });
}

/** A slot in each state, with a profile and a key. */
const withProfile = { profileId: "Profile-1", key: "key-1", shape: "shape" };
const inState: Readonly<Record<SlotState, (leases: ProjectLeases) => Promise<unknown>>> = {
  creating: (leases) => ask(leases, "create", want(withProfile)),
  leased: (leases) => open(leases, withProfile),
  idle: (leases) => openIdle(leases, withProfile),
  stopping: async (leases) => {
    const { slot, token } = await open(leases, withProfile);
    await leases.release(slot, token, STOP);
  },
  unknown: (leases) => openUnknown(leases, withProfile),
};

async function openUnknown(leases: ProjectLeases, changes: Partial<Want> = {}): Promise<GrantOf<"create">> {
  const wanted = want(changes);
  const grant = await ask(leases, "create", wanted);
  await leases.createFailed(grant.slot, wanted.token, { outcome: "unknown" });
  return grant;
}

const STATES: readonly SlotState[] = ["creating", "leased", "idle", "stopping", "unknown"];

/** What every store must do, whatever it is made of. Times are real and short. */
export function leaseStoreConformance(name: string, openStore: () => Promise<OpenedStore>): void {
  describe(`lease store: ${name}`, () => {
    let opened: OpenedStore;
    beforeAll(async () => {
      opened = await openStore();
    });
    afterAll(() => opened.close?.());

    const fresh = () => opened.store.project(crypto.randomUUID());
    const ready = async (...live: LiveSession[]) => {
      const leases = fresh();
      await look(leases, live);
      return leases;
    };

    describe("counting", () => {
      it("grants nothing of a kind before the vendor's list of that kind was looked at", async () => {
        const leases = fresh();
        expect(await leases.acquire(want())).toEqual({ kind: "unready" });
        await look(leases);
        await ask(leases, "create", want());
        expect(await leases.acquire(want({ kind: "browser" }))).toEqual({ kind: "unready" });
      });

      it("counts a create before it is opened, over all kinds", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        await ask(leases, "create", want());
        await ask(leases, "create", want({ kind: "browser" }));
        expect(await leases.acquire(want())).toMatchObject({ kind: "wait", reason: "cap", waiting: 1 });
        expect(await leases.counts()).toMatchObject({ creating: 2, waiting: 1 });
      });

      it.each(STATES.filter((state) => state !== "idle"))("counts a slot that is %s", async (state) => {
        const leases = await ready();
        await inState[state](leases);
        expect(await leases.counts()).toMatchObject({ [state]: 1 });
        expect(await leases.acquire(want({ cap: 1 }))).toMatchObject({ kind: "wait", reason: "cap" });
      });

      it("keeps projects apart", async () => {
        const [one, other] = [await ready(), await ready()];
        await open(one, { cap: 1, key: "key", profileId: "profile" });
        await open(other, { cap: 1, key: "key", profileId: "profile" });
        expect(await one.counts()).toMatchObject({ leased: 1 });
      });

      it("gives the same slots to whoever names the same project", async () => {
        const id = crypto.randomUUID();
        await look(opened.store.project(id));
        const { slot } = await open(opened.store.project(id));
        expect(await opened.store.project(id).slots()).toMatchObject([{ slot, state: "leased" }]);
      });

      it("counts exactly under many askers at once", async () => {
        const leases = await ready();
        const answers = await Promise.all(
          Array.from({ length: 30 }, () => leases.acquire(want({ cap: 5, maxWaiters: 100 }))),
        );
        expect(answers.filter(({ kind }) => kind === "create")).toHaveLength(5);
        expect(await leases.counts()).toMatchObject({ creating: 5, waiting: 25 });
      });

      it("shows every slot with what people want to know", async () => {
        const leases = await ready();
        const { slot, sessionId, fence } = await open(leases, { profileId: "Profile-1", holder: "pool-7" });
        const [view, ...others] = await leases.slots();
        const known = { slot, sessionId, fence, state: "leased", kind: "v3", profileId: "Profile-1", holder: "pool-7" };
        expect(view).toMatchObject({ ...known, uses: 0 });
        expect(view?.dueInMs).toBeGreaterThan(LONG / 2);
        expect(view?.dueInMs).toBeLessThanOrEqual(LONG);
        expect(others).toEqual([]);
      });

      it("shows no session and no profile where there is none", async () => {
        const leases = await ready();
        await ask(leases, "create", want({ createMs: SHORT }));
        await soon();
        const [view] = await leases.slots();
        expect(view).toMatchObject({ state: "creating", sessionId: undefined, profileId: undefined });
        expect(view?.dueInMs).toBeLessThan(0);
      });
    });

    describe("asking again", () => {
      it("gives the same create again, and counts it once", async () => {
        const leases = await ready();
        const wanted = want({ cap: 1 });
        const { slot, fence, mark } = await ask(leases, "create", wanted);
        expect(await ask(leases, "create", wanted)).toMatchObject({ slot, fence, mark });
        expect(await leases.counts()).toMatchObject({ creating: 1, waiting: 0 });
      });

      it("gives the same reuse again", async () => {
        const leases = await ready();
        const { slot, sessionId } = await openIdle(leases);
        const wanted = want({ shape: "shape" });
        const { fence } = await ask(leases, "reuse", wanted);
        expect(await ask(leases, "reuse", wanted)).toMatchObject({ slot, sessionId, fence, uses: 1 });
      });

      it("keeps the place in line, also of one that lost its ticket", async () => {
        const leases = await ready();
        const lease = await open(leases, { cap: 1 });
        const [first, second] = [want({ cap: 1, profileId: "profile" }), want({ cap: 1 })];
        const { ticket } = await ask(leases, "wait", first);
        await ask(leases, "wait", second);
        expect(await ask(leases, "wait", first)).toMatchObject({ ticket, waiting: 2 });
        await close(leases, lease);
        await ask(leases, "create", first);
      });

      it("asks with its ticket after its place was lost, and has it again", async () => {
        const leases = await ready();
        const lease = await open(leases, { cap: 1 });
        const first = want({ cap: 1, waiterMs: SHORT });
        const { ticket } = await ask(leases, "wait", first);
        await ask(leases, "wait", want({ cap: 1 }));
        await soon();
        await ask(leases, "wait", { ...first, ticket, waiterMs: LONG });
        await close(leases, lease);
        await ask(leases, "create", { ...first, ticket });
      });
    });

    describe("leaving", () => {
      it("gives back a create that was granted unheard", async () => {
        const leases = await ready();
        const wanted = want({ cap: 1, profileId: "profile" });
        await ask(leases, "create", wanted);
        await leases.leave(wanted.token);
        expect(await leases.isProfileHeld("profile")).toBe(false);
        await ask(leases, "create", want({ cap: 1 }));
      });

      it("keeps a session warm that was lent unheard", async () => {
        const leases = await ready();
        const { sessionId } = await openIdle(leases);
        const wanted = want({ shape: "shape" });
        await ask(leases, "reuse", wanted);
        await leases.leave(wanted.token);
        expect(await leases.counts()).toMatchObject({ idle: 1, leased: 0 });
        expect(await ask(leases, "reuse", want({ shape: "shape" }))).toMatchObject({ sessionId });
      });

      it("takes a waiter out of line", async () => {
        const leases = await ready();
        const lease = await open(leases, { cap: 1 });
        const [first, second] = [want({ cap: 1 }), want({ cap: 1 })];
        await ask(leases, "wait", first);
        await ask(leases, "wait", second);
        await leases.leave(first.token);
        expect(await leases.counts()).toMatchObject({ waiting: 1 });
        await close(leases, lease);
        await ask(leases, "create", second);
      });
    });

    describe("attaching", () => {
      it("refuses a session that comes too late, and holds the slot as unknown", async () => {
        const leases = await ready();
        const wanted = want({ createMs: SHORT, profileId: "profile" });
        const { slot } = await ask(leases, "create", wanted);
        await soon();
        expect(await leases.attach(slot, wanted.token, "session", { leaseMs: LONG, lifeMs: LONG })).toBe(false);
        expect(await leases.reap("v3", 10, LONG)).toEqual({ claims: [], unknown: [slot] });
        expect(await leases.attach(slot, wanted.token, "session", { leaseMs: LONG, lifeMs: LONG })).toBe(false);
        expect(await leases.isProfileHeld("profile")).toBe(true);
      });

      it("refuses whoever does not have the slot", async () => {
        const leases = await ready();
        const { slot } = await ask(leases, "create", want());
        expect(await leases.attach(slot, "another", "session", { leaseMs: LONG, lifeMs: LONG })).toBe(false);
        expect(await leases.attach("no-slot", "another", "session", { leaseMs: LONG, lifeMs: LONG })).toBe(false);
        expect(await leases.counts()).toMatchObject({ creating: 1 });
      });

      it("refuses a session that is on record already", async () => {
        const leases = await ready();
        const { sessionId } = await open(leases);
        const wanted = want();
        const { slot } = await ask(leases, "create", wanted);
        expect(await leases.attach(slot, wanted.token, sessionId, { leaseMs: LONG, lifeMs: LONG })).toBe(false);
      });

      it("says yes again to the same session, and no to another", async () => {
        const leases = await ready();
        const { slot, token, sessionId } = await open(leases);
        expect(await leases.attach(slot, token, sessionId, { leaseMs: LONG, lifeMs: LONG })).toBe(true);
        expect(await leases.attach(slot, token, "another", { leaseMs: LONG, lifeMs: LONG })).toBe(false);
      });
    });

    describe("keys and profiles", () => {
      it.each(STATES)("has a profile and a key for the slot while it is %s", async (state) => {
        const leases = await ready();
        await inState[state](leases);
        expect(await leases.isProfileHeld("profile-1")).toBe(true);
        const mayEvict = false;
        const profile = want({ cap: 5, profileId: "PROFILE-1", mayEvict });
        expect(await leases.acquire(profile)).toMatchObject({ kind: "wait", reason: "profile" });
        expect(await leases.acquire(want({ cap: 5, key: "key-1", mayEvict }))).toMatchObject({
          kind: "wait",
          reason: "key",
        });
      });

      it("frees a profile when the stop is confirmed, and not when it is asked for", async () => {
        const leases = await ready();
        const { slot, token } = await open(leases, { profileId: "profile" });
        expect(await leases.release(slot, token, STOP)).toBe("stop");
        expect(await leases.isProfileHeld("profile")).toBe(true);
        await leases.stopped(slot);
        expect(await leases.isProfileHeld("profile")).toBe(false);
        await ask(leases, "create", want({ profileId: "profile" }));
      });

      it("holds a profile longer than the lease, the create and the claim last", async () => {
        const leases = await ready();
        const short = { leaseMs: SHORT, createMs: SHORT, stopMs: SHORT, waiterMs: SHORT };
        await open(leases, { profileId: "profile", createMs: LONG, leaseMs: SHORT });
        await ask(leases, "create", want({ ...short, profileId: "other" }));
        await soon();
        await leases.reap("v3", 10, SHORT);
        await soon();
        expect(await leases.isProfileHeld("profile")).toBe(true);
        expect(await leases.isProfileHeld("other")).toBe(true);
      });

      it("frees key and profile of a create that was refused", async () => {
        const leases = await ready();
        const wanted = want({ key: "key", profileId: "profile" });
        const { slot } = await ask(leases, "create", wanted);
        await leases.createFailed(slot, wanted.token, { outcome: "refused" });
        await ask(leases, "create", want({ key: "key", profileId: "profile" }));
      });

      it("lends a key's session to the same key", async () => {
        const leases = await ready();
        const { sessionId } = await openIdle(leases, { key: "key" });
        expect(await leases.acquire(want({ key: "key", shape: "shape" }))).toMatchObject({ kind: "reuse", sessionId });
      });

      it("has an idle session stopped whose profile or key is wanted for another shape", async () => {
        const leases = await ready();
        const { slot, sessionId } = await openIdle(leases, { profileId: "Profile" });
        const wanted = want({ cap: 5, profileId: "profile", shape: "another" });
        const { claim } = await ask(leases, "evict", wanted);
        expect(claim).toEqual({ slot, sessionId, profileId: "Profile", why: "evicted" });
        await ask(leases, "wait", { ...wanted, mayEvict: false });
        await leases.stopped(slot);
        await ask(leases, "create", wanted);
      });

      it("lets a pool of another kind wait for a profile, as it cannot stop that session", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        await openIdle(leases, { profileId: "profile" });
        const wanted = want({ cap: 5, kind: "browser", profileId: "profile", shape: "shape" });
        expect(await leases.acquire(wanted)).toMatchObject({ kind: "wait", reason: "profile" });
      });

      it("says that a key's browser is a new one when it had one before", async () => {
        const leases = await ready();
        const wanted = want({ key: "key" });
        const { slot, restarted } = await ask(leases, "create", wanted);
        await leases.createFailed(slot, wanted.token, { outcome: "refused" });
        await close(leases, await open(leases, { key: "key" }));
        const [again, other] = [want({ key: "key" }), want({ key: "other" })];
        expect(restarted).toBe(false);
        expect(await leases.acquire(again)).toMatchObject({ kind: "create", restarted: true });
        expect(await leases.acquire(again)).toMatchObject({ kind: "create", restarted: true });
        expect(await leases.acquire(other)).toMatchObject({ kind: "create", restarted: false });
      });
    });

    describe("the queue", () => {
      /** Fills a project, and lets these wait in their order. */
      async function inLine(cap: number, ...wants: readonly Want[]): Promise<[ProjectLeases, Lease[], Want[]]> {
        const leases = await ready();
        const held: Lease[] = [];
        for (let i = 0; i < cap; i++) held.push(await open(leases, { cap }));
        const waiting: Want[] = [];
        for (const wanted of wants) {
          const { ticket } = await ask(leases, "wait", wanted);
          waiting.push({ ...wanted, ticket });
        }
        return [leases, held, waiting];
      }

      it("serves who came first", async () => {
        const [leases, held, [first, second]] = await inLine(1, want({ cap: 1 }), want({ cap: 1 }));
        for (const lease of held) await close(leases, lease);
        expect(await leases.acquire(second as Want)).toMatchObject({ kind: "wait", reason: "queue" });
        expect(await leases.acquire(want({ cap: 1 }))).toMatchObject({ kind: "wait", reason: "queue" });
        await ask(leases, "create", first as Want);
        expect(await leases.acquire(second as Want)).toMatchObject({ kind: "wait", reason: "cap" });
      });

      it("serves the next before the first has asked, when there is enough for both", async () => {
        const wants = [want(), want(), want()];
        const [leases, held, [, second, third]] = await inLine(2, ...wants);
        for (const lease of held) await close(leases, lease);
        await ask(leases, "wait", third as Want);
        await ask(leases, "create", second as Want);
        expect(await leases.acquire(third as Want)).toMatchObject({ kind: "wait", reason: "queue" });
      });

      it("lends a warm session to no one who came later than who could use it or its place", async () => {
        const [leases, [held], [first]] = await inLine(1, want({ cap: 1 }));
        const lease = held as Lease;
        await close(leases, lease);
        const { slot, token } = await open(leases, { ...(first as Want), shape: "shape" });
        const second = want({ cap: 1 });
        const { ticket } = await ask(leases, "wait", second);
        await leases.release(slot, token, KEEP);
        const late = want({ cap: 1, shape: "shape" });
        expect(await leases.acquire(late)).toMatchObject({ kind: "wait", reason: "queue" });
        await ask(leases, "evict", { ...second, ticket });
      });

      it("lets who waits for a profile or a key block no other", async () => {
        const leases = await ready();
        await open(leases, { cap: 2, profileId: "profile", key: "key" });
        await ask(leases, "wait", want({ profileId: "profile" }));
        await ask(leases, "wait", want({ key: "key" }));
        await ask(leases, "create", want());
      });

      it("counts those who wait for one profile as one, as they cannot be served at once", async () => {
        const profileId = "profile";
        const wants = [want({ profileId }), want({ profileId }), want()];
        const [leases, held, [, second, third]] = await inLine(2, ...wants);
        for (const lease of held) await close(leases, lease);
        expect(await leases.acquire(second as Want)).toMatchObject({ kind: "wait", reason: "profile" });
        await ask(leases, "create", third as Want);
      });

      it("lets no one pass who waits for the same key", async () => {
        const wants = [want({ key: "key" }), want({ key: "key" })];
        const [leases, held, [first, second]] = await inLine(2, ...wants);
        for (const lease of held) await close(leases, lease);
        expect(await leases.acquire(second as Want)).toMatchObject({ kind: "wait", reason: "key" });
        await ask(leases, "create", first as Want);
      });

      it("keeps room for an earlier waiter of another kind", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        const lease = await open(leases, { cap: 1 });
        const browser = want({ cap: 1, kind: "browser" });
        const { ticket } = await ask(leases, "wait", browser);
        await close(leases, lease);
        expect(await leases.acquire(want({ cap: 1 }))).toMatchObject({ kind: "wait", reason: "queue" });
        await ask(leases, "create", { ...browser, ticket });
      });

      it("has a session of one's kind stopped rather than take the room of an earlier waiter of another kind", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        const lease = await open(leases);
        const { slot } = await openIdle(leases);
        const browser = want({ kind: "browser" });
        const { ticket } = await ask(leases, "wait", browser);
        await close(leases, lease);
        expect(await leases.acquire(want({ shape: "another" }))).toMatchObject({ kind: "evict", claim: { slot } });
        await ask(leases, "create", { ...browser, ticket });
      });

      it("lends an idle session of one's kind while waiters of another kind wait for room", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        const { sessionId } = await openIdle(leases, { cap: 1 });
        expect(await leases.acquire(want({ cap: 1, kind: "browser", shape: "shape" }))).toMatchObject({ kind: "wait" });
        expect(await leases.acquire(want({ cap: 1, shape: "shape" }))).toMatchObject({ kind: "reuse", sessionId });
      });

      it("refuses more waiters than it may have, but none of those in line", async () => {
        const [leases, , [first]] = await inLine(1, want({ cap: 1 }));
        expect(await leases.acquire(want({ cap: 1, maxWaiters: 1 }))).toMatchObject({ kind: "full", waiting: 1 });
        expect(await leases.acquire({ ...(first as Want), maxWaiters: 1 })).toMatchObject({ kind: "wait", waiting: 1 });
        expect(await leases.counts()).toMatchObject({ waiting: 1 });
      });

      it("forgets a waiter that no longer asks", async () => {
        const [leases, held] = await inLine(1, want({ cap: 1, waiterMs: SHORT }));
        await soon();
        for (const lease of held) await close(leases, lease);
        expect(await leases.counts()).toMatchObject({ waiting: 0 });
        await ask(leases, "create", want({ cap: 1 }));
      });

      it("has who is served out of line", async () => {
        const [leases, held, [first]] = await inLine(1, want({ cap: 1 }));
        for (const lease of held) await close(leases, lease);
        await ask(leases, "create", first as Want);
        expect(await leases.counts()).toMatchObject({ waiting: 0, creating: 1 });
      });
    });

    describe("making room", () => {
      it("has the longest idle session of the kind stopped, for who then comes first", async () => {
        const leases = await ready();
        const [oldest] = await openTwoIdle(leases);
        const wanted = want({ shape: "another" });
        const { claim, ticket } = await ask(leases, "evict", wanted);
        expect(claim).toMatchObject({ slot: oldest.slot, sessionId: oldest.sessionId, why: "evicted" });
        await ask(leases, "wait", { ...wanted, ticket, mayEvict: false });
        await leases.stopped(claim.slot);
        expect(await leases.acquire(want({ shape: "third", mayEvict: false }))).toMatchObject({ kind: "wait" });
        await ask(leases, "create", { ...wanted, ticket });
      });

      it("stops no session when the caller still waits for one", async () => {
        const leases = await ready();
        await openIdle(leases, { cap: 1 });
        expect(await leases.acquire(want({ cap: 1, mayEvict: false }))).toMatchObject({ kind: "wait", reason: "cap" });
        expect(await leases.counts()).toMatchObject({ idle: 1 });
      });

      it("stops no session of another kind", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        await openIdle(leases, { cap: 1 });
        expect(await leases.acquire(want({ cap: 1, kind: "browser" }))).toMatchObject({ kind: "wait", reason: "cap" });
      });

      it("stops no session for who cannot even wait", async () => {
        const leases = await ready();
        await openIdle(leases, { cap: 1 });
        expect(await leases.acquire(want({ cap: 1, maxWaiters: 0 }))).toMatchObject({ kind: "full", waiting: 0 });
        expect(await leases.counts()).toMatchObject({ idle: 1 });
      });
    });

    describe("reuse", () => {
      it("lends the session that was used last, with a higher fence and one more use", async () => {
        const leases = await ready();
        const [, newest] = await openTwoIdle(leases);
        const grant = await ask(leases, "reuse", want({ shape: "shape" }));
        expect(grant).toMatchObject({ slot: newest.slot, sessionId: newest.sessionId, uses: 1 });
        expect(grant.fence).toBeGreaterThan(newest.fence);
      });

      it("lends no session of another shape, or of no shape at all", async () => {
        const leases = await ready();
        await openIdle(leases);
        await ask(leases, "create", want({ cap: 5, shape: "another" }));
        await ask(leases, "create", want({ cap: 5 }));
      });

      it("keeps no session that has no shape", async () => {
        const leases = await ready();
        const { slot, token } = await open(leases);
        expect(await leases.release(slot, token, KEEP)).toBe("stop");
        expect(await leases.counts()).toMatchObject({ stopping: 1, idle: 0 });
      });

      it("lends no session that is past its idle time, and claims it as such", async () => {
        const leases = await ready();
        const { slot, sessionId } = await openIdle(leases, {}, { ...KEEP, idleMs: SHORT });
        await soon();
        await ask(leases, "create", want({ shape: "shape" }));
        const { claims } = await leases.reap("v3", 10, LONG);
        expect(claims).toEqual([{ slot, sessionId, profileId: undefined, why: "idle over" }]);
      });

      it("lends an older session when the newest is past its time", async () => {
        const leases = await ready();
        const [{ sessionId }] = await openTwoIdle(leases, { ...KEEP, idleMs: SHORT });
        await soon();
        expect(await ask(leases, "reuse", want({ shape: "shape" }))).toMatchObject({ sessionId });
      });

      it("has a session stopped that has been used as often as it may", async () => {
        const leases = await ready();
        const { slot } = await openIdle(leases, {}, { ...KEEP, maxUses: 2 });
        const wanted = want({ shape: "shape" });
        await ask(leases, "reuse", wanted);
        expect(await leases.release(slot, wanted.token, { ...KEEP, maxUses: 2 })).toBe("stop");
      });

      it("has a session stopped whose life is over", async () => {
        const leases = await ready();
        const { slot, token } = await open(leases, { shape: "shape" }, SHORT);
        await soon();
        expect(await leases.release(slot, token, KEEP)).toBe("stop");
      });

      it("keeps no session idle beyond its life", async () => {
        const leases = await ready();
        const { slot, token } = await open(leases, { shape: "shape" }, LONG / 2);
        expect(await leases.release(slot, token, KEEP)).toBe("idle");
        expect((await leases.slots())[0]?.dueInMs).toBeLessThanOrEqual(LONG / 2);
      });
    });

    describe("leases", () => {
      it("prolongs those that run, and names those that do not", async () => {
        const leases = await ready();
        const running = await open(leases, { leaseMs: 5_000 });
        const over = await open(leases, { leaseMs: SHORT });
        await soon();
        const another = { slot: running.slot, token: "another" };
        expect(await leases.renew([running, over, another], LONG)).toEqual([over.token, "another"]);
        const view = (await leases.slots()).find(({ slot }) => slot === running.slot);
        expect(view?.dueInMs).toBeGreaterThan(LONG / 2);
      });

      it("renews none of none", async () => {
        expect(await (await ready()).renew([], LONG)).toEqual([]);
      });

      it("refuses a late renewal even when nobody took the session", async () => {
        const leases = await ready();
        const { slot, token } = await open(leases, { leaseMs: SHORT });
        await soon();
        expect(await leases.renew([{ slot, token }], LONG)).toEqual([token]);
        expect(await leases.renew([{ slot, token }], LONG)).toEqual([token]);
        expect(await leases.counts()).toMatchObject({ leased: 1 });
      });

      it("takes nothing back from whose lease is over, or who gave it back", async () => {
        const leases = await ready();
        const late = await open(leases, { leaseMs: SHORT, shape: "shape" });
        await soon();
        expect(await leases.release(late.slot, late.token, KEEP)).toBe("lost");
        const { slot, token } = await openIdle(leases);
        expect(await leases.release(slot, token, KEEP)).toBe("lost");
        expect(await leases.counts()).toMatchObject({ leased: 1, idle: 1 });
      });

      it("has a session stopped whose lease is over, and never lends it again", async () => {
        const leases = await ready();
        const { slot, token, sessionId } = await open(leases, { leaseMs: SHORT, shape: "shape", profileId: "profile" });
        await soon();
        await ask(leases, "wait", want({ shape: "shape", profileId: "profile" }));
        const { claims } = await leases.reap("v3", 10, LONG);
        expect(claims).toEqual([{ slot, sessionId, profileId: "profile", why: "lease over" }]);
        expect(await leases.counts()).toMatchObject({ stopping: 1, idle: 0, leased: 0 });
        expect(await leases.renew([{ slot, token }], LONG)).toEqual([token]);
        expect(await leases.release(slot, token, KEEP)).toBe("lost");
        expect(await leases.acquire(want({ shape: "shape", profileId: "profile" }))).toMatchObject({ kind: "wait" });
      });

      it("frees nothing when a stop is confirmed of a session that is in use", async () => {
        const leases = await ready();
        const { slot } = await open(leases);
        await leases.stopped(slot);
        await leases.stopped("no-slot");
        expect(await leases.counts()).toMatchObject({ leased: 1 });
      });
    });

    describe("reaping", () => {
      it("gives no claim to two reapers", async () => {
        const leases = await ready();
        const slots: string[] = [];
        for (let i = 0; i < 5; i++) slots.push((await open(leases, { cap: 5, leaseMs: SHORT })).slot);
        await soon();
        const rounds = await Promise.all([1, 2, 3].map(() => leases.reap("v3", 2, LONG)));
        const claimed = rounds.flatMap(({ claims }) => claims.map(({ slot }) => slot));
        expect(claimed.sort()).toEqual(slots.sort());
        expect(rounds.every(({ claims }) => claims.length <= 2)).toBe(true);
      });

      it("gives a claim to the next when the stop is not confirmed in time, and not before", async () => {
        const leases = await ready();
        const { slot, token, sessionId } = await open(leases);
        await leases.release(slot, token, STOP);
        expect(await leases.reap("v3", 10, LONG)).toEqual({ claims: [], unknown: [] });
        const other = await open(leases);
        await leases.release(other.slot, other.token, { ...STOP, stopMs: SHORT });
        await soon();
        const again: Claim = { slot: other.slot, sessionId: other.sessionId, profileId: undefined, why: "stop again" };
        expect((await leases.reap("v3", 10, SHORT)).claims).toEqual([again]);
        await soon();
        expect((await leases.reap("v3", 10, LONG)).claims).toEqual([again]);
        expect((await leases.reap("v3", 10, LONG)).claims).toEqual([]);
        expect(sessionId).not.toBe(other.sessionId);
      });

      it("leaves other kinds to their own pools", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        const { slot } = await open(leases, { kind: "browser", leaseMs: SHORT });
        await soon();
        expect(await leases.reap("v3", 10, LONG)).toEqual({ claims: [], unknown: [] });
        expect((await leases.reap("browser", 10, LONG)).claims).toMatchObject([{ slot }]);
      });

      it("claims what a pool was the last to use and left idle, whoever opened it, and nothing else", async () => {
        const leases = await ready();
        const mine = await openIdle(leases, { cap: 9, shape: "a", holder: "pool-2" });
        await openIdle(leases, { cap: 9, shape: "b", holder: "pool-2" });
        await open(leases, { cap: 9, shape: "c", holder: "pool-1" });
        const wanted = want({ cap: 9, shape: "a", holder: "pool-1" });
        await ask(leases, "reuse", wanted);
        await leases.release(mine.slot, wanted.token, KEEP);
        const claims = await leases.claimIdle("v3", "pool-1", LONG);
        expect(claims).toMatchObject([{ slot: mine.slot, sessionId: mine.sessionId, why: "closing" }]);
        expect(await leases.counts()).toMatchObject({ idle: 1, leased: 1, stopping: 1 });
      });
    });

    describe("creates that fail", () => {
      it("frees the slot of one that was surely refused", async () => {
        const leases = await ready();
        const wanted = want({ cap: 1 });
        const { slot } = await ask(leases, "create", wanted);
        await leases.createFailed(slot, "another", { outcome: "refused" });
        expect(await leases.counts()).toMatchObject({ creating: 1 });
        await leases.createFailed(slot, wanted.token, { outcome: "refused" });
        await ask(leases, "create", want({ cap: 1 }));
      });

      it("has no more slots than there are when the vendor is full, for a while", async () => {
        const leases = await ready();
        await open(leases, { cap: 5 });
        const wanted = want({ cap: 5 });
        const { slot } = await ask(leases, "create", wanted);
        await leases.createFailed(slot, wanted.token, { outcome: "full", shrinkMs: 150 });
        expect(await leases.counts()).toMatchObject({ leased: 1, creating: 0, shrunkTo: 1 });
        expect(await leases.acquire(want({ cap: 5 }))).toMatchObject({ kind: "wait", reason: "cap" });
        await sleep(200);
        expect(await leases.counts()).not.toHaveProperty("shrunkTo");
        await ask(leases, "create", want({ cap: 5 }));
      });

      it("counts an unknown outcome, with its profile, until it was held long enough and a later look is clean", async () => {
        const leases = await ready();
        const early = await leases.beginPass("v3", 0);
        const { slot } = await openUnknown(leases, { cap: 1, profileId: "profile", holdMs: SHORT });
        expect(await look(leases)).toMatchObject({ freed: [] });
        await soon();
        const pass = { kind: "v3", startedAt: early ?? 0, live: [], graceMs: LONG, exclusive: true };
        expect(await leases.reconcile(pass)).toMatchObject({ freed: [] });
        expect(await leases.reap("v3", 10, LONG)).toEqual({ claims: [], unknown: [] });
        expect(await leases.counts()).toMatchObject({ unknown: 1 });
        expect(await leases.isProfileHeld("profile")).toBe(true);
        expect(await look(leases)).toEqual({ strays: [], freed: [slot] });
        expect(await leases.isProfileHeld("profile")).toBe(false);
        await ask(leases, "create", want({ cap: 1 }));
      });

      it("settles no unknown outcome by a look that shows a stray, where nobody else opens sessions", async () => {
        const leases = await ready();
        await openUnknown(leases, { holdMs: SHORT });
        await soon();
        expect(await look(leases, [{ id: "stray" }])).toEqual({ strays: [], freed: [] });
        expect(await leases.counts()).toMatchObject({ unknown: 1 });
      });

      it("confirms a session again whose first news was lost, for a whole lease from then, but not once the lease is over", async () => {
        const leases = await ready();
        const wanted = want({ cap: 5 });
        const { slot } = await ask(leases, "create", wanted);
        const attach = (leaseMs: number) => leases.attach(slot, wanted.token, "s", { leaseMs, lifeMs: LONG });
        expect(await attach(400)).toBe(true);
        expect(await attach(LONG)).toBe(true);
        await sleep(450);
        expect(await leases.renew([{ slot, token: wanted.token }], SHORT)).toEqual([]);
        await soon();
        expect(await attach(LONG)).toBe(false);
      });

      it("says how much of its idle time a warm session has left", async () => {
        const leases = await ready();
        await openIdle(leases, {}, { ...KEEP, idleMs: LONG / 2 });
        const { idleLeftMs } = await ask(leases, "reuse", want({ shape: "shape" }));
        expect(idleLeftMs).toBeLessThanOrEqual(LONG / 2);
        expect(idleLeftMs).toBeGreaterThan(LONG / 4);
      });

      it("keeps no idle session for one whose eviction is on the way", async () => {
        const leases = await ready();
        await openTwoIdle(leases);
        const evicting = want({ shape: "another" });
        const { ticket, claim } = await ask(leases, "evict", evicting);
        const next = want({ shape: "shape" });
        await ask(leases, "reuse", next);
        expect(await leases.acquire({ ...evicting, ticket, mayEvict: false })).toMatchObject({ kind: "wait" });
        await leases.stopped(claim.slot);
        await ask(leases, "create", { ...evicting, ticket });
      });

      it("settles an unknown outcome although others are opened all the time: what was not there at the look before is not it", async () => {
        const leases = await ready();
        const { slot } = await openUnknown(leases, { holdMs: SHORT });
        await soon();
        expect(await look(leases, [{ id: "young" }, { id: "old" }], { graceMs: 1 })).toMatchObject({ freed: [] });
        expect(await look(leases, [{ id: "younger" }, { id: "old" }], { graceMs: 1 })).toMatchObject({ freed: [] });
        expect(await look(leases, [{ id: "youngest" }], { graceMs: 1 })).toMatchObject({ freed: [slot] });
      });

      it("settles no outcome of a pool that owns the kind by the look of one that does not", async () => {
        const leases = await ready();
        await openUnknown(leases, { holdMs: SHORT, exclusive: true });
        await soon();
        expect(await look(leases, [{ id: "a" }], { exclusive: false })).toMatchObject({ freed: [] });
      });

      it("takes a foreign session of another kind for no unknown one's", async () => {
        const leases = await ready();
        await look(leases, [{ id: "b" }], { kind: "browser" });
        await openUnknown(leases, { cap: 3 });
        expect(await leases.counts()).toMatchObject({ unknown: 1, strays: 1 });
      });

      it("settles an unknown outcome by time where others open sessions too", async () => {
        const leases = await ready();
        const { slot } = await openUnknown(leases, { holdMs: SHORT });
        await soon();
        expect(await look(leases, [{ id: "foreign" }], { exclusive: false })).toEqual({ strays: [], freed: [slot] });
      });

      it("settles no unknown outcome while the session that carries its mark is live", async () => {
        const leases = await ready();
        const wanted = want({ holdMs: SHORT });
        const { slot, mark } = await ask(leases, "create", wanted);
        await leases.createFailed(slot, wanted.token, { outcome: "unknown" });
        await soon();
        const live = [{ id: "late", mark }];
        expect(await look(leases, live, { exclusive: false })).toEqual({ strays: [], freed: [] });
        expect(await look(leases, [], { exclusive: false })).toEqual({ strays: [], freed: [slot] });
      });

      it("settles unknown outcomes of the kind that was looked at", async () => {
        const leases = await ready();
        await openUnknown(leases, { holdMs: SHORT });
        await soon();
        expect(await look(leases, [], { kind: "browser" })).toEqual({ strays: [], freed: [] });
        expect(await leases.counts()).toMatchObject({ unknown: 1 });
      });

      it("frees an unknown outcome whose session was found and stopped", async () => {
        const leases = await ready();
        const { slot } = await openUnknown(leases);
        await leases.stopped(slot);
        expect(await leases.counts()).toMatchObject({ unknown: 0 });
      });

      it("treats a create that does not end in time as unknown", async () => {
        const leases = await ready();
        const { slot } = await ask(leases, "create", want({ createMs: SHORT }));
        expect(await leases.reap("v3", 10, LONG)).toEqual({ claims: [], unknown: [] });
        await soon();
        expect(await leases.reap("v3", 10, LONG)).toEqual({ claims: [], unknown: [slot] });
        expect(await leases.counts()).toMatchObject({ creating: 0, unknown: 1 });
      });
    });

    describe("strays", () => {
      it("take room at once when the vendor is looked at for the first time", async () => {
        const leases = await ready({ id: "a" }, { id: "b" });
        expect(await leases.counts()).toMatchObject({ strays: 2 });
        const wanted = want({ cap: 2 });
        expect(await leases.acquire(wanted)).toMatchObject({ kind: "wait", reason: "cap" });
        await ask(leases, "create", { ...wanted, cap: 3 });
      });

      it("take room later only when they were seen twice a grace apart, and are reported then", async () => {
        const leases = await ready();
        expect(await look(leases, [{ id: "a" }], { graceMs: SHORT })).toMatchObject({ strays: [] });
        expect(await leases.counts()).toMatchObject({ strays: 0 });
        await soon();
        const { strays } = await look(leases, [{ id: "a" }, { id: "b" }], { graceMs: SHORT });
        expect(strays).toEqual([{ id: "a", slot: undefined }]);
        expect(await leases.counts()).toMatchObject({ strays: 1 });
      });

      it("are reported after the grace although they took room from the start", async () => {
        const leases = await ready({ id: "a" });
        expect(await look(leases, [{ id: "a" }])).toMatchObject({ strays: [] });
        await soon();
        expect(await look(leases, [{ id: "a" }], { graceMs: SHORT })).toMatchObject({ strays: [{ id: "a" }] });
        expect(await leases.counts()).toMatchObject({ strays: 1 });
      });

      it("may write any profile where nobody else opens sessions: none is granted until they are gone", async () => {
        const leases = await ready({ id: "a" });
        const wanted = want({ cap: 5, exclusive: true, profileId: "P" });
        expect(await leases.acquire(wanted)).toMatchObject({ kind: "wait", reason: "profile" });
        await open(leases, { cap: 5, exclusive: true });
        await open(leases, { cap: 5, profileId: "q" });
        await leases.strayStopped("v3", "a");
        await ask(leases, "create", wanted);
      });

      it("that may still be attached, or are of another kind, keep no profile back", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        await look(leases, [{ id: "a" }]);
        await look(leases, [{ id: "b" }], { kind: "browser", graceMs: 0 });
        expect(await leases.counts()).toMatchObject({ strays: 1 });
        await open(leases, { cap: 5, exclusive: true, profileId: "P" });
      });

      it("take no room once they are gone or stopped", async () => {
        const leases = await ready({ id: "a" }, { id: "b" }, { id: "c" });
        await look(leases, [{ id: "a" }, { id: "b" }]);
        expect(await leases.counts()).toMatchObject({ strays: 2 });
        await leases.strayStopped("v3", "a");
        await leases.strayStopped("v3", "a");
        expect(await leases.counts()).toMatchObject({ strays: 1 });
      });

      it("are none once they are attached", async () => {
        const leases = await ready({ id: "a" });
        const wanted = want();
        const { slot } = await ask(leases, "create", wanted);
        expect(await leases.attach(slot, wanted.token, "a", { leaseMs: LONG, lifeMs: LONG })).toBe(true);
        expect(await leases.counts()).toMatchObject({ leased: 1, strays: 0 });
        expect(await look(leases, [{ id: "a" }], { graceMs: 0 })).toMatchObject({ strays: [] });
      });

      it("and the unknown creates that they came from count once", async () => {
        const leases = await ready();
        await openUnknown(leases, { cap: 3 });
        await look(leases, [{ id: "a" }, { id: "b" }], { graceMs: 0 });
        expect(await leases.counts()).toMatchObject({ unknown: 1, strays: 1 });
        await ask(leases, "create", want({ cap: 3 }));
        expect(await leases.acquire(want({ cap: 3 }))).toMatchObject({ kind: "wait", reason: "cap" });
      });

      it("are told from others by the mark of their grant", async () => {
        const leases = await ready();
        const { slot, mark } = await openUnknown(leases);
        const live = [{ id: "mine", mark }, { id: "foreign", mark: `elsewhere/${slot}` }, { id: "bare" }];
        const { strays } = await look(leases, live, { graceMs: 0 });
        expect(strays).toEqual([
          { id: "mine", slot },
          { id: "foreign", slot: undefined },
          { id: "bare", slot: undefined },
        ]);
      });

      it("of one kind are left alone by a look at another", async () => {
        const leases = await ready({ id: "a" });
        await look(leases, [{ id: "b" }], { kind: "browser" });
        await look(leases, []);
        expect(await leases.counts()).toMatchObject({ strays: 1 });
      });

      it("may be thousands", async () => {
        const live = Array.from({ length: 9_000 }, (_, i) => ({ id: `session-${i}` }));
        const leases = await ready(...live);
        expect(await leases.counts()).toMatchObject({ strays: 9_000 });
        const { strays } = await look(leases, live, { graceMs: 0 });
        expect(strays).toHaveLength(9_000);
      });

      it("are looked for by one of many who want to, once in a time for each kind", async () => {
        const leases = fresh();
        const begun = await Promise.all([1, 2, 3].map(() => leases.beginPass("v3", LONG)));
        expect(begun.filter((startedAt) => startedAt !== undefined)).toHaveLength(1);
        expect(await leases.beginPass("browser", LONG)).toBeTypeOf("number");
        await soon();
        const [before] = begun.filter((startedAt) => startedAt !== undefined);
        expect(await leases.beginPass("v3", SHORT)).toBeGreaterThan(before ?? Number.NaN);
      });
    });

    describe("waking", () => {
      /** Hears for a holder, and knows when the ear is open. */
      function hear(leases: ProjectLeases, holder: string): string[] {
        const heard: string[] = [];
        onTestFinished(leases.watch(holder, (token) => heard.push(token)));
        return heard;
      }

      it("tells the pool of who could be served next, and no other", async () => {
        const leases = await ready();
        const [mine, others] = [hear(leases, "pool-1"), hear(leases, "pool-2")];
        const lease = await open(leases, { cap: 1 });
        const [first, second] = [want({ cap: 1 }), want({ cap: 1, holder: "pool-2" })];
        await ask(leases, "wait", first);
        await ask(leases, "wait", second);
        await close(leases, lease);
        await vi.waitFor(async () => {
          await leases.leave("nobody");
          expect(mine).toContain(first.token);
        });
        expect(others).toEqual([]);
        await ask(leases, "create", first);
        await vi.waitFor(() => expect(others).toContain(second.token));
      });

      it("wakes one of each kind, and passes over who waits for a profile", async () => {
        const leases = await ready();
        await look(leases, [], { kind: "browser" });
        const heard = hear(leases, "pool-1");
        await open(leases, { cap: 1, profileId: "profile" });
        const blocked = want({ cap: 1, profileId: "profile" });
        const [agent, next, browser] = [want({ cap: 1 }), want({ cap: 1 }), want({ cap: 1, kind: "browser" })];
        for (const wanted of [blocked, agent, next, browser]) await ask(leases, "wait", wanted);
        await vi.waitFor(async () => {
          await leases.leave("nobody");
          expect(new Set(heard)).toEqual(new Set([agent.token, browser.token]));
        });
      });

      it("passes over one whose eviction is on the way until that has made room", async () => {
        const leases = await ready();
        const heard = hear(leases, "pool-1");
        const [, newer] = await openTwoIdle(leases);
        const user = want({ shape: "shape", cap: 2 });
        await ask(leases, "reuse", user);
        const evicting = want({ shape: "another" });
        const { claim } = await ask(leases, "evict", evicting);
        const next = want({ shape: "shape" });
        await ask(leases, "wait", next);
        await leases.release(newer.slot, user.token, KEEP);
        await vi.waitFor(async () => {
          await leases.leave("nobody");
          expect(heard).toContain(next.token);
        });
        expect(heard).not.toContain(evicting.token);
        await leases.stopped(claim.slot);
        await vi.waitFor(() => expect(heard).toContain(evicting.token));
      });

      it("is over when nobody listens any more", async () => {
        const leases = await ready();
        const heard: string[] = [];
        const unwatch = leases.watch("pool-1", (token) => heard.push(token));
        await open(leases, { cap: 1 });
        await ask(leases, "wait", want({ cap: 1 }));
        await vi.waitFor(async () => {
          await leases.leave("nobody");
          expect(heard).not.toEqual([]);
        });
        unwatch();
        unwatch();
        await soon();
        const before = heard.length;
        await leases.leave("nobody");
        await soon();
        expect(heard).toHaveLength(before);
      });
    });

    describe("short locks", () => {
      it("are had by one at a time, until they are given back by who has them", async () => {
        const { store } = opened;
        const name = crypto.randomUUID();
        const token = await store.lock(name, LONG);
        expect(token).toBeTypeOf("string");
        expect(await store.lock(name, LONG)).toBeUndefined();
        await store.unlock(name, "another");
        expect(await store.lock(name, LONG)).toBeUndefined();
        await store.unlock(name, token ?? "");
        expect(await store.lock(name, LONG)).toBeTypeOf("string");
      });

      it("end by themselves, and then belong to the next", async () => {
        const { store } = opened;
        const name = crypto.randomUUID();
        const late = await store.lock(name, SHORT);
        await soon();
        expect(await store.lock(name, LONG)).toBeTypeOf("string");
        await store.unlock(name, late ?? "");
        expect(await store.lock(name, LONG)).toBeUndefined();
      });
    });
  });
}
