import { describe, expect, onTestFinished, test, vi } from "vitest";
import { FakeError, FakeVendor } from "./fake-port.ts";
import { during, failure, kit, mayLeave, pass, stall, useStillTime } from "./pool-kit.ts";

useStillTime();

test("The slot is counted before the opening is asked for", async () => {
  const { pool, vendor } = kit();
  vendor.next("open", { afterMs: 5_000 });
  const opening = pool.acquire({});
  await pass(1_000);
  expect(await pool.stats()).toMatchObject({ creating: 1, leased: 0 });
  await during(opening);
  expect(await pool.stats()).toMatchObject({ creating: 0, leased: 1 });
});

test("An opening is told of, with the time that it took", async () => {
  const { pool, vendor, events } = kit();
  vendor.next("open", { afterMs: 5_000 });
  const { fence } = await during(pool.acquire({ key: "secret" }));
  expect(events).toEqual([{ type: "opened", sessionId: "s1", fence, tookMs: 5_000 }]);
});

test("An opening that is refused is the caller's to know, and its slot is free at once", async () => {
  const { pool, vendor, events } = kit();
  const refusal = new FakeError("refused");
  vendor.next("open", { fails: refusal });
  const begun = performance.now();
  expect(await failure(pool.acquire({ key: "k" }))).toBe(refusal);
  expect(performance.now() - begun).toBe(0);
  expect(events).toEqual([{ type: "openFailed", failure: "refused", error: refusal }]);
  expect(await pool.stats()).toMatchObject({ creating: 0, unknown: 0, waiting: 0 });
  expect(await pool.acquire({ key: "k" })).toMatchObject({ restarted: false });
});

test("An opening that may work soon is tried again until it does", async () => {
  const { pool, vendor } = kit();
  vendor.next("open", { fails: "later" }, { fails: "later" }, { fails: "later" });
  const lease = await during(pool.acquire({}));
  expect(lease.session.id).toBe("s1");
});

test("An opening that may work soon is tried less and less often", async () => {
  const { pool, vendor } = kit();
  vendor.usual.open = { fails: "later" };
  await failure(pool.acquire({}, { waitTimeoutMs: 60_000 }));
  expect(vendor.count("refuse")).toBeLessThan(70);
  expect(vendor.count("refuse")).toBeGreaterThan(15);
});

test("A session whose look fails again and again is looked at less and less often", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({ key: "k" })).release();
  vendor.usual.get = { fails: "later" };
  await failure(pool.acquire({ key: "k" }, { waitTimeoutMs: 60_000 }));
  vendor.usual.get = {};
  expect(vendor.count("get")).toBeLessThan(70);
});

describe("An opening of unknown outcome", () => {
  test("is the caller's to know, is never tried again, and keeps its slot", async () => {
    const { pool, vendor, events } = kit({ maxSessions: 1 });
    vendor.next("open", { fails: "unknown" });
    expect(await failure(pool.acquire({}))).toMatchObject({ failure: "unknown" });
    expect(vendor.count("refuse")).toBe(1);
    expect(await pool.stats()).toMatchObject({ unknown: 1 });
    expect(await failure(pool.acquire({}, { waitTimeoutMs: 10_000 }))).toMatchObject({ reason: "cap" });
    expect(events[0]).toMatchObject({ type: "openFailed", failure: "unknown" });
  });

  test("keeps its profile and its key", async () => {
    const { pool, vendor } = kit();
    vendor.next("open", { fails: "unknown" });
    await failure(pool.acquire({ profileId: "p", key: "k" }));
    const others = [{ profileId: "p" }, { key: "k" }].map((what) => pool.acquire(what, { waitTimeoutMs: 10_000 }));
    const reasons = await Promise.all(others.map(failure));
    expect(reasons).toMatchObject([{ reason: "profile" }, { reason: "key" }]);
  });

  test("frees its slot after the hold and a clean look at the vendor, not before", async () => {
    // Looks at the vendor a minute apart: with their usual jitter, one can come more than 70 s after the other.
    const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
    onTestFinished(() => random.mockRestore());
    const { pool, vendor } = kit({ maxSessions: 1 });
    vendor.next("open", { fails: "unknown" });
    await failure(pool.acquire({}));
    await pass(19.9 * 60_000);
    expect(await pool.stats()).toMatchObject({ unknown: 1 });
    await pass(70_000);
    expect(await pool.stats()).toMatchObject({ unknown: 0 });
    await pool.acquire({});
  });

  test("that had opened a session keeps its slot until that session is stopped, where it can be told to be ours", async () => {
    const { pool, vendor, events } = kit({ maxSessions: 1 });
    vendor.next("open", { fails: "unknown", done: true });
    await failure(pool.acquire({ profileId: "p" }));
    expect(vendor.live.size).toBe(1);
    await pass(4 * 60_000);
    expect(vendor.live.size).toBe(0);
    expect(events).toContainEqual({ type: "stray", sessionId: "s1", stopped: true });
    expect(await pool.stats()).toMatchObject({ unknown: 0, strays: 0 });
  });

  test("that had opened a session which carries no mark is only reported where others may open some as well", async () => {
    const vendor = new FakeVendor();
    vendor.keepsMarks = false;
    mayLeave(vendor);
    const { pool, events } = kit({ maxSessions: 2 }, { vendor });
    vendor.next("open", { fails: "unknown", done: true });
    await failure(pool.acquire({}));
    await pass(4 * 60_000);
    expect(vendor.live.size).toBe(1);
    expect(events.filter(({ type }) => type === "stray")).toEqual([{ type: "stray", sessionId: "s1", stopped: false }]);
    expect(await pool.stats()).toMatchObject({ unknown: 1 });
    await pool.acquire({});
    expect(vendor.most).toBe(2);
  });

  test("is settled in four minutes where nobody else opens sessions", async () => {
    const vendor = new FakeVendor();
    vendor.keepsMarks = false;
    const { pool } = kit({ maxSessions: 1, ownership: "exclusive" }, { vendor });
    vendor.next("open", { fails: "unknown", done: true });
    await failure(pool.acquire({}));
    await pass(3.9 * 60_000);
    expect(vendor.live.size).toBe(0);
    expect(await pool.stats()).toMatchObject({ unknown: 1 });
    await pass(80_000);
    expect(await pool.stats()).toMatchObject({ unknown: 0 });
  });
});

test("An opening has five sixths of the time, so that the store hears of a session before it gives the slot up", async () => {
  const { pool, vendor, events } = kit({ createTimeoutMs: 12_000 });
  vendor.next("open", { afterMs: 10_001 });
  const begun = performance.now();
  expect(await failure(pool.acquire({}))).toMatchObject({ failure: "unknown" });
  expect(performance.now() - begun).toBe(10_000);
  expect(events).toMatchObject([{ type: "openFailed", failure: "unknown" }]);
  await pass(240_000);
});

test("A session whose slot is gone by the time it is open is stopped by who opened it, which then goes on", async () => {
  const { pool, vendor, told } = kit({ createTimeoutMs: 12_000 });
  vendor.next("open", { afterMs: 9_000 });
  const acquiring = pool.acquire({ profileId: "p" });
  await pass(1_000);
  stall(20_000);
  const lease = await during(acquiring);
  expect(lease.session.id).toBe("s2");
  expect(vendor.log.filter((line) => /open|stop/.test(line))).toEqual(["open s1", "stop s1 saving", "open s2"]);
  expect(told()).toEqual(["unknown", "stopped", "opened"]);
});
