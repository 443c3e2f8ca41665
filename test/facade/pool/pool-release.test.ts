import { describe, expect, test } from "vitest";
import { LeaseLostError } from "../../../src/index.ts";
import { memoryLeaseStore, type PoolOptions } from "../../../src/pool.ts";
import { crooked } from "./crooked-store.ts";
import { during, failure, kit, pass, useStillTime } from "./pool-kit.ts";

useStillTime();

test("Releasing twice is releasing once", async () => {
  const { pool, vendor, told } = kit();
  const lease = await pool.acquire({});
  const [one, two] = [lease.release(), lease.release({ reuse: false })];
  expect(one).toBe(two);
  await one;
  await lease[Symbol.asyncDispose]();
  expect(vendor.count("stop")).toBe(1);
  expect(told()).toEqual(["opened", "released", "stopped"]);
});

test("A lease is released at the end of its block", async () => {
  const { pool } = kit();
  {
    await using lease = await pool.acquire({ group: "g" });
    expect(lease.session.id).toBe("s1");
  }
  expect(await pool.stats()).toMatchObject({ leased: 0, idle: 1 });
});

test("A release is done when the session is stopped, not before", async () => {
  const { pool, vendor } = kit();
  const lease = await pool.acquire({});
  vendor.next("stop", { afterMs: 4_000 });
  const begun = performance.now();
  await during(lease.release());
  expect(performance.now() - begun).toBe(4_000);
  expect(await pool.stats()).toMatchObject({ stopping: 0 });
});

test("A session that is in no state to be used again is stopped", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({ key: "k" })).release({ reuse: false });
  expect(vendor.log).toContain("stop s1");
  expect(await pool.acquire({ key: "k" })).toMatchObject({ session: { id: "s2" }, restarted: true });
});

test("A session in which a task may still run is never kept, but stopped", async () => {
  const { pool, vendor } = kit();
  const lease = await pool.acquire({ key: "k" });
  lease.session.quiet = false;
  await lease.release();
  expect(vendor.live.size).toBe(0);
});

test("A session's own stop gives it back and no more", async () => {
  const { pool, vendor } = kit();
  const lease = await pool.acquire({ key: "k" });
  await lease.session.stop();
  await lease.session.stop();
  expect(vendor.live.size).toBe(1);
  expect(await pool.stats()).toMatchObject({ idle: 1 });
});

test("What is called after the release sends nothing and says that the session was given back", async () => {
  const { pool, vendor } = kit();
  const lease = await pool.acquire({ key: "k" });
  const releasing = lease.release();
  const error = await failure(lease.session.send("late"));
  await releasing;
  expect(error).toBeInstanceOf(LeaseLostError);
  expect(error).toMatchObject({ sessionId: "s1", message: expect.stringContaining("it was given back") });
  expect(vendor.count("send")).toBe(0);
  expect(lease.signal.aborted).toBe(false);
});

test("A holder that comes late never disturbs who has its session now", async () => {
  const { pool, vendor } = kit();
  const first = await pool.acquire({ group: "g" });
  await first.release();
  const second = await pool.acquire({ group: "g" });
  expect(second.session.id).toBe(first.session.id);
  await failure(first.session.send("late"));
  await first.session.stop();
  await first.release({ reuse: false });
  await second.session.send("mine");
  expect(vendor.log.filter((line) => /send|stop/.test(line))).toEqual(["send s1 mine"]);
});

describe("A release never rejects", () => {
  test("when the stop fails, which is told and tried again", async () => {
    const { pool, vendor, events } = kit({ stopRetryMs: 20_000 });
    const lease = await pool.acquire({});
    vendor.next("stop", { fails: "later" }, { fails: new Error("no") });
    await lease.release();
    expect(await pool.stats()).toMatchObject({ stopping: 1 });
    expect(events.at(-1)).toEqual({ type: "stopFailed", sessionId: "s1", error: expect.any(Error) });
    await pass(19_000);
    expect(vendor.count("stop")).toBe(1);
    await pass(40_000);
    expect(vendor.count("stop")).toBe(3);
    expect(events.at(-1)).toEqual({ type: "stopped", sessionId: "s1", why: "stop again" });
    expect(await pool.stats()).toMatchObject({ stopping: 0 });
  });

  test("when the session is to be kept and the store does not hear of it: then its lease runs out, and it is stopped", async () => {
    const store = crooked(memoryLeaseStore());
    const { pool, vendor, events } = kit({ store });
    const lease = await pool.acquire({ key: "k" });
    store.fails.add("release");
    await during(lease.release());
    expect(vendor.count("stop")).toBe(0);
    expect(events.map(({ type }) => type)).toContain("storeFailed");
    store.fails.clear();
    await pass(40_000);
    expect(vendor.log).toContain("stop s1");
    expect(await pool.stats()).toMatchObject({ leased: 0, stopping: 0 });
  });

  test("when the session is to be stopped and the store does not hear of it: it is stopped all the same", async () => {
    const store = crooked(memoryLeaseStore());
    const { pool, vendor } = kit({ store });
    const lease = await pool.acquire({});
    store.fails.add("release");
    await during(lease.release());
    expect(vendor.count("stop")).toBe(1);
    store.fails.clear();
    await pass(60_000);
    expect(await pool.stats()).toMatchObject({ leased: 0, stopping: 0 });
  });

  test("when the store does not hear of the stop: the slot counts until somebody stops the session again", async () => {
    const store = crooked(memoryLeaseStore());
    const { pool, vendor } = kit({ store });
    const lease = await pool.acquire({});
    store.fails.add("stopped");
    await during(lease.release());
    expect(await pool.stats()).toMatchObject({ stopping: 1 });
    store.fails.clear();
    await pass(60_000);
    expect(vendor.count("stop")).toBeGreaterThanOrEqual(2);
    expect(await pool.stats()).toMatchObject({ stopping: 0 });
  });
});

test("A release whose answer was lost does not stop the session, which may be somebody else's by now", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, vendor } = kit({ store });
  const other = kit({ store }, { vendor });
  const first = await pool.acquire({ group: "g" });
  store.losesNext("release");
  const releasing = first.release();
  const second = await during(other.pool.acquire({ group: "g" }));
  expect(second.session.id).toBe(first.session.id);
  await during(releasing);
  await second.session.send("mine");
  expect(vendor.count("stop")).toBe(0);
  await second.release();
});

test("A stop whose claim was given but not heard of is made all the same", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, vendor } = kit({ store });
  const lease = await pool.acquire({});
  store.losesNext("release");
  await during(lease.release());
  expect(vendor.count("stop")).toBe(1);
  expect(await pool.stats()).toMatchObject({ stopping: 0, leased: 0 });
});

test("A lease that is released while its renewal is under way is never taken for lost", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, vendor, told } = kit({ store });
  const first = await pool.acquire({ group: "g" });
  const other = await pool.acquire({ group: "other" });
  store.delays.set("renew", 5_000);
  await pass(12_000);
  await first.release();
  await pass(10_000);
  expect(told()).not.toContain("lost");
  expect(first.signal.aborted).toBe(false);
  expect(vendor.count("stop")).toBe(0);
  expect((await pool.acquire({ group: "g" })).session.id).toBe(first.session.id);
  await other.release();
});

test.each<[string, PoolOptions, object]>([
  ["a session of its own", {}, {}],
  ["a profile that is saved at each release", {}, { key: "k", profileId: "p" }],
  ["a session used as often as it may be", { maxUses: 1 }, { key: "k" }],
])("What is told of the release of %s is that it goes to be stopped", async (_, options, what) => {
  const { pool, events } = kit(options);
  await during((await pool.acquire(what)).release());
  expect(events).toContainEqual({ type: "released", sessionId: "s1", to: "stop" });
  expect(events).toContainEqual({ type: "stopped", sessionId: "s1", why: "released" });
});
