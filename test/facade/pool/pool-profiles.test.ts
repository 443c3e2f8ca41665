import { describe, expect, test } from "vitest";
import { ProfileInUseError } from "../../../src/index.ts";
import { memoryLeaseStore } from "../../../src/pool.ts";
import { FakeClient, FakeVendor } from "./fake-port.ts";
import { during, failure, isSettled, kit, pass, stall, useStillTime } from "./pool-kit.ts";

useStillTime();

const P = { profileId: "p" };

test("A profile is written by one session at a time, over all pools of a store, and who wants it waits", async () => {
  const store = memoryLeaseStore();
  const vendor = new FakeVendor();
  const [one, two] = [kit({ store }, { vendor }), kit({ store }, { vendor, kind: "else" })];
  const first = await one.pool.acquire(P);
  const second = two.pool.acquire({ profileId: "P" });
  await pass(60_000);
  expect(await isSettled(second)).toBe(false);
  await during(first.release());
  await during((await during(second)).release());
  expect(vendor.log.filter((line) => /open|stop/.test(line))).toEqual([
    "open s1",
    "stop s1 saving",
    "open s2",
    "stop s2 saving",
  ]);
});

test("Who waits for one profile does not keep anybody from another", async () => {
  const { pool } = kit();
  const held = await pool.acquire(P);
  const waiting = pool.acquire(P);
  await pass(1_000);
  await during((await pool.acquire({ profileId: "q" })).release());
  await during(held.release());
  await during((await during(waiting)).release());
});

test("Two leases of one process on one profile, one after the other, never find it in use", async () => {
  const { pool } = kit();
  const turns = Array.from({ length: 6 }, () =>
    pool.use(P, async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }),
  );
  await during(Promise.all(turns));
  for (const saveProfile of ["on-release", "on-idle"] as const) {
    const warm = kit({ saveProfile });
    for (const color of ["red", "red", "blue"]) {
      const lease = await during(warm.pool.acquire({ key: "k", ...P, color }));
      await during(lease.release());
    }
  }
});

test("A session with a profile is stopped at each release, so that the profile is saved, also for a key", async () => {
  const { pool, vendor } = kit();
  await during((await pool.acquire({ key: "k", ...P })).release());
  expect(vendor.log).toContain("stop s1 saving");
  expect(await pool.acquire({ key: "k", ...P })).toMatchObject({ session: { id: "s2" }, restarted: true, uses: 0 });
});

describe("With saveProfile on-idle", () => {
  test("a session is kept warm for its key, and its profile is saved when its idle time ends", async () => {
    const { pool, vendor, events } = kit({ saveProfile: "on-idle", idleTimeoutMs: 60_000 });
    await (await pool.acquire({ key: "k", ...P })).release();
    const second = await pool.acquire({ key: "k", ...P });
    expect(second).toMatchObject({ session: { id: "s1" }, uses: 1, restarted: false });
    await second.release();
    await pass(70_000);
    expect(vendor.log).toContain("stop s1 saving");
    expect(events).toContainEqual({ type: "stopped", sessionId: "s1", why: "idle over" });
  });

  test("a session is stopped, and its profile saved, for another who wants that profile", async () => {
    const { pool, vendor } = kit({ saveProfile: "on-idle" });
    await (await pool.acquire({ key: "k", ...P })).release();
    const other = await during(pool.acquire({ key: "l", ...P }));
    expect(other.session.id).toBe("s2");
    expect(vendor.log.slice(-2)).toEqual(["stop s1 saving", "open s2"]);
  });

  test("a session that is nobody's after its release is stopped then", async () => {
    const { pool, vendor } = kit({ saveProfile: "on-idle" });
    await during((await pool.acquire(P)).release());
    expect(vendor.live.size).toBe(0);
  });
});

test("After a stop the profile stays locked for as long as profileSettleMs says", async () => {
  const { pool, vendor } = kit({ profileSettleMs: 3_000 });
  const first = await pool.acquire(P);
  const second = pool.acquire(P);
  await pass(1_000);
  const releasing = first.release();
  await pass(2_999);
  expect(vendor.live.size).toBe(0);
  expect(await isSettled(second)).toBe(false);
  expect((await pool.stats()).stopping).toBe(1);
  await pass(1);
  await releasing;
  await during(second);
});

test("Without a profile nothing is waited for after a stop", async () => {
  const { pool } = kit({ profileSettleMs: 3_000 });
  const begun = performance.now();
  await (await pool.acquire({})).release();
  expect(performance.now()).toBe(begun);
});

test("A profile whose session could not be stopped stays locked until it is", async () => {
  const { pool, vendor } = kit({ stopRetryMs: 20_000 });
  const first = await pool.acquire(P);
  vendor.next("stop", { fails: "later" });
  await during(first.release());
  expect(await failure(pool.acquire(P, { waitTimeoutMs: 10_000 }))).toMatchObject({ reason: "profile" });
  await during(pool.acquire(P));
  expect(vendor.count("stop s1")).toBe(2);
});

test("A lost lease frees its profile when its session is stopped, not before", async () => {
  const { pool, vendor } = kit();
  await pool.acquire(P);
  await pass(100);
  vendor.next("stop", { afterMs: 8_000 });
  stall(60_000);
  await during(pool.acquire(P));
  expect(vendor.log.filter((line) => /open|stop/.test(line)).slice(0, 2)).toEqual(["open s1", "stop s1 saving"]);
});

describe("A profile that the store gives again is not refused in the process where it was in doubt", () => {
  const two = () => {
    const client = new FakeClient(new FakeVendor(), { leaseStore: memoryLeaseStore() });
    return { first: kit({}, { client }), second: kit({}, { client, kind: "else" }), vendor: client.vendor };
  };

  test("after an opening of unknown outcome whose session was found and stopped", async () => {
    const { first, second, vendor } = two();
    vendor.next("open", { fails: "unknown", done: true });
    await failure(first.pool.acquire(P));
    const begun = performance.now();
    await during((await during(second.pool.acquire(P))).release());
    expect(performance.now() - begun).toBeLessThan(4 * 60_000);
    await during(first.pool.acquire(P));
  });

  test("after a lost lease whose session others have stopped before", async () => {
    const { first, second, vendor } = two();
    await second.pool.stats();
    const lease = await first.pool.acquire(P);
    vendor.next("stop", { until: new Promise(() => {}) });
    stall(60_000);
    await failure(Promise.all([lease.session.send("late")]));
    await first.pool.stats();
    const [slot] = await first.pool.slots();
    vendor.becomes(lease.session.id, "closed");
    await first.client.shared.leaseStore?.project("project-1").reap("fake", 10, 1);
    await first.client.shared.leaseStore?.project("project-1").stopped(slot?.slot ?? "");
    await second.pool.acquire(P, { waitTimeoutMs: 1_000 });
  });
});

test("Shared profiles are opened as often as one likes, and saved all the same", async () => {
  const vendor = new FakeVendor();
  vendor.profilesAreExclusive = false;
  const { pool } = kit({ profileAccess: "shared" }, { vendor });
  const leases = await Promise.all([pool.acquire(P), pool.acquire(P)]);
  await during(Promise.all(leases.map((lease) => lease.release())));
  expect(vendor.log.filter((line) => /stop/.test(line)).sort()).toEqual(["stop s1 saving", "stop s2 saving"]);
});

describe("A session that is opened beside the pool, in the same process", () => {
  const process = () => {
    return kit({}, { client: new FakeClient(new FakeVendor()) });
  };

  test("is refused while the pool has its profile, until that is saved", async () => {
    const { client, pool, vendor } = process();
    const lease = await pool.acquire(P);
    expect(() => client.guard.hold("p")).toThrow(ProfileInUseError);
    vendor.next("stop", { afterMs: 4_000 });
    const releasing = lease.release();
    await pass(3_000);
    expect(() => client.guard.hold("p")).toThrow(ProfileInUseError);
    await during(releasing);
    client.guard.hold("p").release();
  });

  test("keeps the pool from its profile: that is refused at once, and leaves nothing behind", async () => {
    const { client, pool, vendor } = process();
    const plain = client.guard.hold("p");
    expect(await failure(pool.acquire({ key: "k", ...P }))).toBeInstanceOf(ProfileInUseError);
    expect(vendor.count("open")).toBe(0);
    expect(await pool.stats()).toMatchObject({ creating: 0, waiting: 0 });
    plain.release();
    await pool.acquire({ key: "k", ...P });
  });

  test("is refused while a warm session of the pool has its profile, until that is stopped", async () => {
    const client = new FakeClient(new FakeVendor());
    const { pool } = kit({ saveProfile: "on-idle" }, { client });
    await (await pool.acquire({ key: "k", ...P })).release();
    expect(() => client.guard.hold("p")).toThrow(ProfileInUseError);
    await pool.use({ key: "k", ...P }, (session) => expect(session.id).toBe("s1"));
    await during(pool.close());
    client.guard.hold("p").release();
  });

  test("is refused no longer than the idle time when somebody else has stopped the warm session", async () => {
    const client = new FakeClient(new FakeVendor());
    const { pool, vendor } = kit({ saveProfile: "on-idle", idleTimeoutMs: 60_000 }, { client });
    const lease = await pool.acquire({ key: "k", ...P });
    await lease.release();
    vendor.becomes(lease.session.id, "closed");
    await pass(61_000);
    client.guard.hold("p").release();
  });

  test("is refused while an opening of the pool may have come to something", async () => {
    const { client, pool, vendor } = process();
    vendor.next("open", { fails: "unknown" });
    await failure(pool.acquire(P));
    expect(() => client.guard.hold("p")).toThrow(ProfileInUseError);
    await pass(21 * 60_000);
    client.guard.hold("p").release();
  });

  test("is free to have it after an opening that was surely refused", async () => {
    const { client, pool, vendor } = process();
    vendor.next("open", { fails: "refused" });
    await failure(pool.acquire(P));
    client.guard.hold("p").release();
  });

  test("is refused while the session of a lost lease is being stopped", async () => {
    const { client, pool, vendor } = process();
    const lease = await pool.acquire(P);
    vendor.next("stop", { afterMs: 8_000 });
    stall(60_000);
    await failure(Promise.all([lease.session.send("late")]));
    await pass(4_000);
    expect(vendor.live.size).toBe(1);
    expect(() => client.guard.hold("p")).toThrow(ProfileInUseError);
    await pass(6_000);
    client.guard.hold("p").release();
  });

  test("is refused after a stop that failed, until it is tried again", async () => {
    const { client, pool, vendor } = process();
    const lease = await pool.acquire(P);
    vendor.next("stop", { fails: "later" });
    await lease.release();
    await pass(44_000);
    expect(vendor.live.size).toBe(1);
    expect(() => client.guard.hold("p")).toThrow(ProfileInUseError);
    await during(pool.acquire(P));
  });
});
