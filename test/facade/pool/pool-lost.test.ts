import { describe, expect, test } from "vitest";
import { LeaseLostError } from "../../../src/index.ts";
import { type LeaseStore, memoryLeaseStore, type ProjectLeases } from "../../../src/pool.ts";
import { crooked } from "./crooked-store.ts";
import { FakeVendor } from "./fake-port.ts";
import { during, failure, isSettled, kit, mayLeave, pass, stall, still, useStillTime } from "./pool-kit.ts";

useStillTime();

test("A lease is renewed three times in its time, all leases of a pool together, for as long as it is held", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool } = kit({ store, leaseMs: 30_000, leakWarningMs: 2 ** 30 });
  const leases = [await pool.acquire({ key: "a" }), await pool.acquire({})];
  await pass(30 * 60_000);
  const renewals = store.asked.filter((operation) => operation === "renew").length;
  expect(renewals).toBeGreaterThanOrEqual(179);
  expect(renewals).toBeLessThanOrEqual(181);
  for (const { session, signal } of leases) {
    await session.send("hello");
    expect(signal.aborted).toBe(false);
  }
});

test("Nothing is renewed when nothing is leased", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool } = kit({ store });
  await (await pool.acquire({ key: "a" })).release();
  await pass(15_000);
  store.asked.length = 0;
  await pass(60_000);
  expect(store.asked).not.toContain("renew");
});

describe("A lease that the store cannot be heard about", () => {
  const lost = async () => {
    const store = crooked(memoryLeaseStore());
    const made = kit({ store });
    const lease = await made.pool.acquire({ key: "k" });
    store.fails.add("renew");
    return { ...made, store, lease };
  };

  test("can be used until its own deadline, a tenth before its end, and not a moment longer", async () => {
    const { lease, vendor } = await lost();
    await pass(26_999);
    await lease.session.send("still mine");
    await pass(1);
    const error = await failure(lease.session.send("late"));
    expect(error).toBeInstanceOf(LeaseLostError);
    expect(error).toMatchObject({ sessionId: "s1", message: expect.stringContaining("could not be renewed in time") });
    expect(vendor.count("send")).toBe(1);
  });

  test("tells its holder by its signal, and the pool by an event", async () => {
    const { lease, events } = await lost();
    await pass(26_999);
    expect(lease.signal.aborted).toBe(false);
    await pass(1);
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError);
    expect(events).toContainEqual({ type: "lost", sessionId: "s1", error: lease.signal.reason });
  });

  test("has its session stopped at once, so that it is never lent again", async () => {
    const { pool, vendor, events } = await lost();
    await pass(27_000);
    expect(vendor.log.at(-1)).toBe("stop s1");
    expect(events.at(-1)).toEqual({ type: "stopped", sessionId: "s1", why: "lease over" });
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ session: { id: "s2" }, restarted: true });
  });

  test("is released without any effect afterwards", async () => {
    const { lease, vendor } = await lost();
    await pass(27_000);
    const stops = vendor.count("stop");
    await lease.release();
    await lease.session.stop();
    expect(vendor.count("stop")).toBe(stops);
  });

  test("goes on when the store is heard again in time", async () => {
    const { lease, store } = await lost();
    await pass(15_000);
    store.fails.clear();
    await pass(120_000);
    await lease.session.send("still mine");
  });
});

/** A store that tells whoever asks which leases it refuses to renew. */
function refusing(tokens: (held: readonly { readonly token: string }[]) => string[]): LeaseStore {
  const store = memoryLeaseStore();
  const project = (id: string): ProjectLeases =>
    new Proxy(store.project(id), {
      get: (leases, name: keyof ProjectLeases) =>
        name === "renew" ? async (held: { token: string }[]) => tokens(held) : leases[name].bind(leases),
    });
  return { ...store, project };
}

test("A lease that the store refuses to renew is lost at once", async () => {
  const { pool, vendor, events } = kit({ store: refusing((held) => held.map(({ token }) => token)) });
  const lease = await pool.acquire({ key: "k" });
  await pass(9_999);
  expect(lease.signal.aborted).toBe(false);
  await pass(1);
  expect(lease.signal.reason).toMatchObject({ message: expect.stringContaining("was over when it was to be renewed") });
  expect(events).toContainEqual(expect.objectContaining({ type: "lost", sessionId: "s1" }));
  expect(vendor.live.size).toBe(0);
});

test("A store that refuses what nobody has asked for harms nobody", async () => {
  const { pool } = kit({ store: refusing(() => ["a token of somebody else", ""]) });
  const lease = await pool.acquire({ key: "k" });
  await pass(25_000);
  await lease.session.send("still mine");
});

describe("An event loop that stands still for longer than a lease", () => {
  test("lets nothing more through, although no timer has had the time to say so", async () => {
    const { pool, vendor } = kit();
    const lease = await pool.acquire({ key: "k" });
    stall(27_000);
    expect(lease.signal.aborted).toBe(false);
    expect(await failure(Promise.all([lease.session.send("late")]))).toBeInstanceOf(LeaseLostError);
    expect(lease.signal.aborted).toBe(true);
    expect(vendor.count("send")).toBe(0);
  });

  test("loses the lease, and its session is stopped although nobody took it since", async () => {
    const { pool, vendor, told } = kit();
    const lease = await pool.acquire({ key: "k" });
    stall(60_000);
    await pass(30_000);
    expect(lease.signal.aborted).toBe(true);
    expect(told()).toContain("lost");
    expect(vendor.live.size).toBe(0);
    expect(await pool.stats()).toMatchObject({ leased: 0, stopping: 0 });
  });

  test("never gets its session back by a late renewal", async () => {
    const { pool, vendor } = kit({ reapIntervalMs: 1_000_000 });
    const lease = await pool.acquire({ key: "k" });
    await pass(9_000);
    stall(40_000);
    await pass(2_000);
    expect(lease.signal.aborted).toBe(true);
    expect(vendor.live.size).toBe(0);
  });

  test("meets another process that has stopped the session and gone on without it", async () => {
    const store = memoryLeaseStore();
    const vendor = new FakeVendor();
    const zombie = kit({ store, reapIntervalMs: 1_000_000 }, { vendor });
    const lease = await zombie.pool.acquire({ key: "k" });
    const healthy = kit({ store }, { vendor });
    const taking = healthy.pool.acquire({ key: "k" });
    await pass(100);
    stall(31_000);
    await healthy.pool.reap();
    expect(await during(taking)).toMatchObject({ session: { id: "s2" }, restarted: true });
    expect(await failure(lease.session.send("late"))).toBeInstanceOf(LeaseLostError);
    await still();
    expect(vendor.live.has("s2")).toBe(true);
  });
});

test("A lost lease whose session cannot be stopped is stopped by whoever reaps", async () => {
  const { pool, vendor } = kit();
  await pool.acquire({ key: "k" });
  vendor.next("stop", { fails: "later" });
  stall(60_000);
  await pass(5_000);
  expect(vendor.live.size).toBe(1);
  await pass(60_000);
  expect(vendor.live.size).toBe(0);
});

test("A lost lease is no longer waited for when the pool is closed", async () => {
  const { pool } = kit();
  await pool.acquire({ key: "k" });
  await pass(1_000);
  stall(60_000);
  await pass(10_000);
  expect(await isSettled(pool.close())).toBe(true);
});

test("A store that is silent about renewals loses its leases, and no others once it speaks again", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, vendor } = kit({ store });
  mayLeave(vendor);
  const first = await pool.acquire({ key: "a" });
  store.hangs.add("renew");
  await pass(28_000);
  expect(first.signal.aborted).toBe(true);
  store.hangs.clear();
  const second = await pool.acquire({ key: "b" });
  await pass(120_000);
  expect(second.signal.aborted).toBe(false);
});

test("A session is stopped at the loss of its lease also when the store does not answer", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, vendor } = kit({ store });
  await pool.acquire({ key: "a" });
  store.hangs.add("renew").add("release");
  await pass(45_000);
  expect(vendor.count("stop")).toBeGreaterThan(0);
  store.hangs.clear();
});
