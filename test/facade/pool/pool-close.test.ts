import { describe, expect, test, vi } from "vitest";
import { PoolClosedError } from "../../../src/index.ts";
import { memoryLeaseStore } from "../../../src/pool.ts";
import { rejection } from "../../support/clients.ts";
import { crooked, EVERYTHING } from "./crooked-store.ts";
import { FakeClient, FakeVendor } from "./fake-port.ts";
import { during, failure, isSettled, kit, mayLeave, pass, still, useStillTime } from "./pool-kit.ts";

useStillTime();

test("A closed pool lends nothing, opens nothing and cleans up nothing", async () => {
  const { pool, vendor } = kit();
  await pool.close();
  for (const call of [() => pool.acquire({}), () => pool.use({}, () => 1), () => pool.reap()]) {
    expect(await failure(call())).toBeInstanceOf(PoolClosedError);
  }
  expect(vendor.log).toEqual([]);
});

test("A pool that was never used is closed without asking anything, and leaves no timer however it is looked at", async () => {
  const { pool, vendor } = kit();
  await pool.close();
  expect(vendor.log).toEqual([]);
  await Promise.all([pool.stats(), pool.slots()].map(rejection)).catch(() => {});
  await still();
  expect(vi.getTimerCount()).toBe(0);
});

test("Closing twice is closing once, and leaving its block closes a pool", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({ group: "g" })).release();
  expect(pool.close()).toBe(pool.close());
  await pool[Symbol.asyncDispose]();
  expect(vendor.count("stop")).toBe(1);
});

test("A pool that is closed has no timer left", async () => {
  const { pool } = kit();
  await (await pool.acquire({ group: "g" })).release();
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  await pool.close();
  expect(vi.getTimerCount()).toBe(0);
});

test("Sessions that wait for their next lease are stopped", async () => {
  const { pool, vendor, events } = kit();
  for (const key of ["a", "b"]) await (await pool.acquire({ key })).release();
  await pool.close();
  expect(vendor.live.size).toBe(0);
  expect(events.filter(({ type }) => type === "stopped")).toEqual([
    { type: "stopped", sessionId: "s1", why: "closing" },
    { type: "stopped", sessionId: "s2", why: "closing" },
  ]);
});

test("Those who wait are refused at once, before the leases that are out come back", async () => {
  const { pool } = kit({ maxSessions: 1 });
  const lease = await pool.acquire({});
  const waiting = rejection(pool.acquire({}));
  await pass(1_000);
  const closing = pool.close();
  expect(await waiting).toBeInstanceOf(PoolClosedError);
  expect(await isSettled(closing)).toBe(false);
  await lease.release();
  await closing;
});

test("Leases that are out are waited for, and can be used until they are released", async () => {
  const { pool, vendor } = kit();
  const lease = await pool.acquire({ group: "g" });
  const closing = pool.close();
  await pass(20_000);
  await lease.session.send("still mine");
  expect(await isSettled(closing)).toBe(false);
  await lease.release();
  await closing;
  expect(vendor.live.size).toBe(0);
});

test.each([
  [undefined, 30_000],
  [5_000, 5_000],
])("Leases that are still out after %s ms are ended, and their sessions stopped", async (timeoutMs, expectedMs) => {
  const { pool, vendor } = kit();
  const leases = [await pool.acquire({ group: "g" }), await pool.acquire({})];
  const begun = performance.now();
  await during(pool.close({ timeoutMs }));
  expect(performance.now() - begun).toBe(expectedMs);
  expect(vendor.live.size).toBe(0);
  for (const { session } of leases) expect(await failure(session.send("late"))).toMatchObject({ code: "lease_lost" });
});

test("A pool can be closed without any limit of time", async () => {
  const { pool } = kit();
  const lease = await pool.acquire({});
  const closing = pool.close({ timeoutMs: Number.POSITIVE_INFINITY });
  await pass(60 * 60_000);
  await lease.session.send("still mine");
  await lease.release();
  await closing;
});

describe("What is under way when a pool is closed comes to its end before the pool does", () => {
  test("an opening, whose caller is refused at once and whose session is stopped", async () => {
    const { pool, vendor } = kit();
    vendor.next("open", { afterMs: 8_000 });
    vendor.next("stop", { afterMs: 4_000 });
    const acquiring = rejection(pool.acquire({ key: "k" }));
    await pass(1_000);
    const closing = pool.close();
    expect(await acquiring).toBeInstanceOf(PoolClosedError);
    await during(closing);
    expect(vendor.log.slice(-2)).toEqual(["open s1", "stop s1"]);
    expect(vendor.live.size).toBe(0);
  });

  test("an opening of a session for one lease alone", async () => {
    const { pool, vendor } = kit();
    vendor.next("open", { afterMs: 8_000 });
    vendor.next("stop", { afterMs: 4_000 });
    const acquiring = rejection(pool.acquire({}));
    await pass(1_000);
    await during(pool.close());
    expect(await acquiring).toBeInstanceOf(PoolClosedError);
    expect(vendor.live.size).toBe(0);
  });

  test("a look at a session that is to be lent", async () => {
    const { pool, vendor } = kit();
    await (await pool.acquire({ key: "k" })).release();
    vendor.next("get", { afterMs: 8_000 });
    const acquiring = rejection(pool.acquire({ key: "k" }));
    await pass(1_000);
    await during(pool.close());
    expect(await acquiring).toBeInstanceOf(PoolClosedError);
    expect(vendor.live.size).toBe(0);
  });

  test("a question to a slow store", async () => {
    const store = crooked(memoryLeaseStore());
    const { pool, vendor } = kit({ store });
    await pool.stats();
    store.delays.set("acquire", 8_000);
    const acquiring = rejection(pool.acquire({}));
    await pass(1_000);
    await during(pool.close());
    expect(await acquiring).toBeInstanceOf(PoolClosedError);
    const opened = vendor.count("open");
    await pass(20_000);
    expect(vendor.count("open")).toBe(opened);
    expect((await store.project("project-1").counts()).creating).toBe(0);
  });

  test("the connecting itself, after which nothing is opened", async () => {
    const { pool, vendor } = kit();
    vendor.next("account", { afterMs: 8_000 });
    const acquiring = rejection(pool.acquire({}));
    await pass(1_000);
    await during(pool.close());
    expect(await acquiring).toBeInstanceOf(PoolClosedError);
    await pass(10_000);
    expect(vendor.count("open")).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a stop", async () => {
    const { pool, vendor } = kit();
    const lease = await pool.acquire({});
    vendor.next("stop", { afterMs: 8_000 });
    const releasing = lease.release();
    await pass(1_000);
    const closing = pool.close();
    await during(closing);
    await releasing;
    expect(vendor.live.size).toBe(0);
  });
});

test("Whatever moment a pool is closed at, its caller has a lease that is ended or is refused, and no session is left", async () => {
  for (let ticks = 0; ticks < 100; ticks++) {
    const { pool, vendor } = kit();
    await pool.stats();
    vendor.usual.stop = { afterMs: 100 };
    const acquiring = pool.acquire({ key: "k" }).catch((error) => error.code);
    if (ticks % 2 === 0) await still();
    for (let tick = 0; tick < ticks / 2; tick++) await null;
    await during(pool.close({ timeoutMs: 50 }));
    expect([...vendor.live.keys()], `closed after ${ticks} ticks`).toEqual([]);
    const got = await acquiring;
    if (got !== "pool_closed") expect(await failure(got.session.send("late"))).toMatchObject({ code: "lease_lost" });
    expect(vi.getTimerCount()).toBe(0);
  }
});

test("Closing does not reject when a stop fails: that is told, and the other processes try again", async () => {
  const store = memoryLeaseStore();
  const vendor = new FakeVendor();
  const [one, other] = [kit({ store }, { vendor }), kit({ store }, { vendor })];
  await other.pool.stats();
  await (await one.pool.acquire({ group: "g" })).release();
  vendor.next("stop", { fails: "later" });
  await during(one.pool.close());
  expect(one.told()).toContain("stopFailed");
  expect(vendor.live.size).toBe(1);
  await pass(60_000);
  expect(vendor.live.size).toBe(0);
});

test("Closing does not reject when the store fails, and ends", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, vendor } = kit({ store });
  mayLeave(vendor);
  await (await pool.acquire({ key: "k" })).release();
  const lease = await pool.acquire({});
  for (const operation of EVERYTHING) store.fails.add(operation);
  const begun = performance.now();
  await during(pool.close({ timeoutMs: 1_000 }));
  expect(performance.now() - begun).toBeLessThan(60_000);
  expect(vendor.log).toContain(`stop ${lease.session.id}`);
  expect(vi.getTimerCount()).toBe(0);
});

test("A pool that is closed leaves the sessions of others alone", async () => {
  const client = new FakeClient(new FakeVendor());
  const [one, two] = [kit({}, { client }), kit({}, { client })];
  await (await one.pool.acquire({ key: "a" })).release();
  await (await two.pool.acquire({ key: "b" })).release();
  await one.pool.close();
  expect([...client.vendor.live.keys()]).toEqual(["s2"]);
  expect((await two.pool.acquire({ key: "b" })).session.id).toBe("s2");
});
