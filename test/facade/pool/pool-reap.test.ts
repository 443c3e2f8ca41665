import { describe, expect, test } from "vitest";
import { memoryLeaseStore, type PoolOptions } from "../../../src/pool.ts";
import { FakeVendor } from "./fake-port.ts";
import { during, failure, kit, mayLeave, pass, stall, useStillTime } from "./pool-kit.ts";

useStillTime();

describe("Live sessions on nobody's record", () => {
  const strays = async (options: PoolOptions, mark?: string) => {
    const vendor = new FakeVendor();
    const made = kit({ reconcileIntervalMs: 30_000, ...options }, { vendor });
    await made.pool.stats();
    vendor.openElsewhere({ id: "x", ...(mark !== undefined && { mark }) });
    return { ...made, vendor };
  };

  test("are told of once, and left alone, where others may open some as well", async () => {
    const { events, vendor, pool } = await strays({});
    mayLeave(vendor);
    await pass(10 * 60_000);
    expect(events).toEqual([{ type: "stray", sessionId: "x", stopped: false }]);
    expect(vendor.count("stop")).toBe(0);
    expect(await pool.stats()).toMatchObject({ strays: 1, outsideUse: 1 });
  });

  test("take their room from the cap", async () => {
    const { pool, vendor } = await strays({ maxSessions: 2 });
    mayLeave(vendor);
    await pass(3 * 60_000);
    await pool.acquire({});
    expect(await failure(pool.acquire({}, { waitTimeoutMs: 10_000 }))).toMatchObject({ reason: "cap" });
    vendor.becomes("x", "closed");
    await during(pool.acquire({}));
  });

  test("are stopped where nobody else opens any, once they were seen twice a grace apart", async () => {
    const { events, vendor } = await strays({ ownership: "exclusive" });
    await pass(90_000);
    expect(vendor.live.has("x")).toBe(true);
    await pass(65_000);
    expect(vendor.live.has("x")).toBe(false);
    expect(events).toEqual([
      { type: "stray", sessionId: "x", stopped: true },
      { type: "stopped", sessionId: "x", why: "stray" },
    ]);
  });

  test("that carry the mark of somebody else's store are not ours to stop", async () => {
    const { events, vendor } = await strays({}, "another-store/slot");
    mayLeave(vendor);
    await pass(5 * 60_000);
    expect(events).toEqual([{ type: "stray", sessionId: "x", stopped: false }]);
  });

  test("that cannot be stopped are told of, and tried again at the next look", async () => {
    const { told, vendor } = await strays({ ownership: "exclusive" });
    vendor.next("stop", { fails: "later" });
    await pass(5 * 60_000);
    expect(told()).toEqual(["stray", "stopFailed", "stopped"]);
    expect(vendor.live.size).toBe(0);
  });

  test("of another kind are those of its own pools to look at", async () => {
    const { pool, vendor, events } = kit({ ownership: "exclusive" });
    mayLeave(vendor);
    await pool.stats();
    vendor.openElsewhere({ id: "x", kind: "else" });
    await pass(5 * 60_000);
    expect(events).toEqual([]);
  });
});

test("Before anything is lent, the pool looks at what is live: all of that takes its room", async () => {
  const vendor = new FakeVendor();
  mayLeave(vendor);
  vendor.openElsewhere({ id: "x" });
  vendor.openElsewhere({ id: "y" });
  const { pool } = kit({}, { vendor });
  await pool.acquire({});
  expect(await failure(pool.acquire({}, { waitTimeoutMs: 5_000 }))).toMatchObject({ reason: "cap" });
  expect(vendor.log.filter((line) => /list|open/.test(line))).toEqual(["list", "open s1"]);
});

test("A first look that fails is tried again, and nothing is opened before it succeeds", async () => {
  const { pool, vendor } = kit();
  vendor.next("list", { fails: "later" }, { fails: "unknown" });
  await during(pool.acquire({}));
  expect(vendor.log.filter((line) => /list|open/.test(line))).toEqual(["list", "list", "list", "open s1"]);
});

test("A first look that is refused is the caller's to know", async () => {
  const { pool, vendor } = kit();
  vendor.usual.list = { fails: "refused" };
  expect(await failure(pool.acquire({}))).toMatchObject({ failure: "refused" });
  expect(vendor.count("open")).toBe(0);
});

test("An account that refuses is the caller's to know, and is asked again by the next", async () => {
  const { pool, vendor } = kit();
  vendor.next("account", { fails: "refused" });
  expect(await failure(pool.acquire({}))).toMatchObject({ failure: "refused" });
  await pool.acquire({});
});

test("A fleet looks at the vendor once a minute, however many processes it has", async () => {
  const store = memoryLeaseStore();
  const vendor = new FakeVendor();
  const fleet = [1, 2, 3, 4].map(() => kit({ store }, { vendor }));
  await Promise.all(fleet.map(({ pool }) => pool.stats()));
  await pass(10 * 60_000);
  expect(vendor.count("list")).toBeGreaterThanOrEqual(9);
  expect(vendor.count("list")).toBeLessThanOrEqual(11);
});

describe("Cleaning up after processes that are gone", () => {
  const dead = async () => {
    const store = memoryLeaseStore();
    const vendor = new FakeVendor();
    // A process that is gone hears no timer: nothing of it happens any more.
    const gone = kit({ store, reapIntervalMs: 2 ** 30, leaseMs: 30_000 }, { vendor });
    return { store, vendor, gone };
  };

  test("stops what is overdue, and says what it did", async () => {
    const { store, vendor, gone } = await dead();
    await gone.pool.acquire({ key: "k" });
    await (await gone.pool.acquire({ group: "g" })).release();
    stall(5 * 60_000);
    const { pool, events } = kit({ store }, { vendor });
    expect(await during(pool.reap())).toEqual({ stopped: 2, failed: 0, unknown: 0, strays: 0 });
    expect(vendor.live.size).toBe(0);
    expect(events.filter(({ type }) => type === "stopped")).toEqual(
      [
        { type: "stopped", sessionId: "s2", why: "idle over" },
        { type: "stopped", sessionId: "s1", why: "lease over" },
      ].sort((a, b) => a.sessionId.localeCompare(b.sessionId)),
    );
  });

  test("counts stops that fail, and tries them again another time", async () => {
    const { store, vendor, gone } = await dead();
    await gone.pool.acquire({});
    stall(60_000);
    const { pool } = kit({ store, stopRetryMs: 10_000 }, { vendor });
    vendor.next("stop", { fails: "later" });
    expect(await during(pool.reap())).toMatchObject({ stopped: 0, failed: 1 });
    await pass(20_000);
    expect(vendor.live.size).toBe(0);
  });

  test("finds openings that came to no end, which then count as unknown", async () => {
    const { store, vendor, gone } = await dead();
    vendor.next("open", { until: new Promise(() => {}) });
    gone.pool.acquire({ profileId: "p" }).catch(() => {});
    await pass(1_000);
    stall(61_000);
    const { pool, events } = kit({ store }, { vendor });
    expect(await during(pool.reap())).toEqual({ stopped: 0, failed: 0, unknown: 1, strays: 0 });
    expect(events).toEqual([{ type: "unknown", slot: expect.any(String) }]);
    expect(await pool.slots()).toMatchObject([{ state: "unknown", profileId: "p", kind: "fake" }]);
    await pass(60_000);
  });

  test("is done to the end, however much there is", async () => {
    const { store, vendor, gone } = await dead();
    vendor.cap = 35;
    await Promise.all(Array.from({ length: 35 }, () => gone.pool.acquire({})));
    stall(60_000);
    const { pool } = kit({ store }, { vendor });
    expect(await during(pool.reap())).toMatchObject({ stopped: 35 });
  });

  test("shares the work: two that clean up at once stop nothing twice", async () => {
    const { store, vendor, gone } = await dead();
    vendor.cap = 20;
    await Promise.all(Array.from({ length: 20 }, () => gone.pool.acquire({})));
    stall(60_000);
    vendor.usual.stop = { afterMs: 1_000 };
    const reapings = [kit({ store }, { vendor }), kit({ store }, { vendor })].map(({ pool }) => pool.reap());
    const [one, two] = await during(Promise.all(reapings));
    expect((one?.stopped ?? 0) + (two?.stopped ?? 0)).toBe(20);
    expect(vendor.count("stop")).toBe(20);
  });

  test("looks at the vendor, also when that was just done", async () => {
    const { pool, vendor } = kit({ ownership: "exclusive", graceMs: 60_001 });
    await pool.stats();
    vendor.openElsewhere({ id: "x" });
    await during(pool.reap());
    await pass(30_000);
    const looks = vendor.count("list");
    await during(pool.reap());
    expect(vendor.count("list")).toBe(looks + 1);
    await pass(31_000);
    expect(await during(pool.reap())).toMatchObject({ strays: 1 });
    expect(vendor.live.size).toBe(0);
  });
});

test("A lease that is held for suspiciously long is told of once, with the place where it was acquired", async () => {
  const { pool, events } = kit({ leakWarningMs: 60_000 });
  await pool.acquire({});
  await pass(59_000);
  expect(events.filter(({ type }) => type === "leak")).toEqual([]);
  await pass(5 * 60_000);
  const leaks = events.filter((event) => event.type === "leak");
  expect(leaks).toEqual([
    { type: "leak", sessionId: "s1", heldMs: expect.any(Number), stack: expect.stringContaining("pool-reap.test.ts") },
  ]);
  expect(leaks[0]?.heldMs).toBeGreaterThanOrEqual(60_000);
});
