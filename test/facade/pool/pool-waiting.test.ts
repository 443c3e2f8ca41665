import { describe, expect, test } from "vitest";
import { PoolTimeoutError } from "../../../src/index.ts";
import { memoryLeaseStore } from "../../../src/pool.ts";
import { during, failure, hashSlowly, isSettled, kit, pass, useStillTime } from "./pool-kit.ts";

useStillTime();

const MINUTE_MS = 60_000;

test("Never more sessions are open than the cap says, and who waits is served at the next release", async () => {
  const { pool, vendor } = kit({ maxSessions: 2 });
  const held = await Promise.all([pool.acquire({}), pool.acquire({})]);
  const third = pool.acquire({});
  await pass(10_000);
  expect(await isSettled(third)).toBe(false);
  await held[0].release();
  expect((await during(third)).session.id).toBe("s3");
  expect(vendor.most).toBe(2);
});

test("They are served in the order in which they came", async () => {
  const { pool } = kit({ maxSessions: 1 });
  const first = await pool.acquire({ group: "g" });
  const order: number[] = [];
  const turns = [1, 2, 3, 4, 5].map(async (number) => {
    const lease = await pool.acquire({ group: "g" });
    order.push(number);
    await lease.release();
  });
  await pass(5_000);
  await first.release();
  await during(Promise.all(turns));
  expect(order).toEqual([1, 2, 3, 4, 5]);
});

test("Those who came while the pool was still being connected are served in their order too", async () => {
  const { pool, vendor } = kit({ reapIntervalMs: 100_000 });
  vendor.cap = 1;
  vendor.next("account", { afterMs: 3_000 });
  const order: number[] = [];
  const turns = [1, 2, 3].map((number) => pool.use({ key: `k${number}` }, () => void order.push(number)));
  await during(Promise.all(turns));
  expect(order).toEqual([1, 2, 3]);
});

test("Who came first is first, however long the hashing of its key takes", async () => {
  const { pool } = kit({ maxSessions: 1 });
  const held = await pool.acquire({});
  const order: string[] = [];
  hashSlowly(50);
  const turns = [{ key: "slow" }, {}].map((what) => pool.use(what, () => void order.push(what.key ?? "quick")));
  await pass(1_000);
  await held.release();
  await during(Promise.all(turns));
  expect(order).toEqual(["slow", "quick"]);
});

test("Who waits is told of a release at once, and need not ask", async () => {
  const { pool } = kit({ maxSessions: 1 });
  const first = await pool.acquire({ group: "g" });
  const second = pool.acquire({ group: "g" });
  await pass(60_000);
  await first.release();
  const released = performance.now();
  await during(second);
  expect(performance.now() - released).toBe(0);
});

test("A release in the very moment in which somebody begins to wait is not missed", async () => {
  for (let ticks = 0; ticks < 40; ticks++) {
    const { pool } = kit({ maxSessions: 1 });
    const first = await pool.acquire({ group: "g" });
    const second = pool.acquire({ group: "g" });
    await pass(30_000);
    const third = pool.acquire({ group: "g" });
    for (let tick = 0; tick < ticks; tick++) await null;
    await first.release();
    const released = performance.now();
    await (await during(second)).release();
    await (await during(third)).release();
    expect(performance.now() - released, `after ${ticks} ticks`).toBeLessThan(100);
    await during(pool.close());
  }
});

test("Who waits for a profile or a key blocks nobody else", async () => {
  const { pool } = kit({ maxSessions: 3 });
  const held = [await pool.acquire({ key: "k" }), await pool.acquire({ profileId: "p" })];
  const blocked = [pool.acquire({ key: "k" }), pool.acquire({ profileId: "p" })];
  await pass(1_000);
  await during((await pool.acquire({ key: "other" })).release());
  expect(await Promise.all(blocked.map(isSettled))).toEqual([false, false]);
  await during(Promise.all(held.map((lease) => lease.release())));
  await during(Promise.all(blocked));
});

test("An idle session of another sort makes room for a new one: the one that was unused for longest", async () => {
  const { pool, vendor, events } = kit({ maxSessions: 2 });
  await (await pool.acquire({ key: "a" })).release();
  await (await pool.acquire({ key: "b" })).release();
  const lease = await during(pool.acquire({ key: "c" }));
  expect(lease.session.id).toBe("s3");
  expect(vendor.log).toContain("stop s1");
  expect(vendor.live.has("s2")).toBe(true);
  expect(vendor.most).toBe(2);
  expect(events).toContainEqual({ type: "stopped", sessionId: "s1", why: "evicted" });
});

test("One waiter has one session evicted at a time, however slow its stop is", async () => {
  const { pool, vendor } = kit({ maxSessions: 2 });
  await (await pool.acquire({ key: "a" })).release();
  await (await pool.acquire({ key: "b" })).release();
  vendor.next("stop", { afterMs: 20_000 });
  await during(pool.acquire({ key: "c" }));
  expect(vendor.count("stop")).toBe(1);
});

test("An eviction that fails does not end the wait: another session is evicted", async () => {
  const { pool, vendor } = kit({ maxSessions: 2 });
  await (await pool.acquire({ key: "a" })).release();
  await (await pool.acquire({ key: "b" })).release();
  vendor.next("stop", { fails: "later" });
  await during(pool.acquire({ key: "c" }));
  expect(vendor.log.filter((line) => /stop/.test(line))).toEqual(["stop s1", "stop s2"]);
  await pass(60_000);
  expect(vendor.live.has("s1")).toBe(false);
});

describe("After waitTimeoutMs, a wait ends and says what it waited for", () => {
  const waiting = async (what: object, held: readonly object[], waitTimeoutMs = 30_000) => {
    const { pool } = kit({ maxSessions: 2 });
    for (const request of held) await pool.acquire(request);
    const begun = performance.now();
    const error = await failure(pool.acquire(what, { waitTimeoutMs }));
    expect(performance.now() - begun).toBe(waitTimeoutMs);
    expect(error).toBeInstanceOf(PoolTimeoutError);
    return error;
  };

  test("the key", async () => {
    expect(await waiting({ key: "k" }, [{ key: "k" }])).toMatchObject({
      reason: "key",
      message: "No session within 30000 ms: another lease, or what is left of one, has the key.",
    });
  });

  test("the profile", async () => {
    expect(await waiting({ profileId: "p" }, [{ profileId: "p" }])).toMatchObject({ reason: "profile" });
  });

  test("the cap", async () => {
    expect(await waiting({}, [{}, {}])).toMatchObject({
      reason: "cap",
      message: expect.stringContaining("all sessions that the project may have are in use"),
    });
  });

  test("the queue, in which one who is gone keeps its place for six seconds", async () => {
    const store = memoryLeaseStore();
    const { pool } = kit({ maxSessions: 1, project: "p", store });
    const held = await pool.acquire({});
    const times = { waiterMs: 6_000, leaseMs: 1, createMs: 1, holdMs: 1, stopMs: 1 };
    const gone = {
      token: "t",
      holder: "gone",
      kind: "fake",
      exclusive: false,
      cap: 1,
      maxWaiters: 9,
      mayEvict: true,
      ...times,
    };
    await store.project("p").acquire(gone);
    await held.release();
    expect(await failure(pool.acquire({}, { waitTimeoutMs: 5_000 }))).toMatchObject({ reason: "queue" });
    await during(pool.acquire({}, { waitTimeoutMs: 5_000 }));
  });

  test("an opening that takes too long, which goes on and is pooled for the next in line", async () => {
    const { pool, vendor } = kit();
    vendor.next("open", { afterMs: 20_000 });
    const error = await failure(pool.acquire({ key: "k" }, { waitTimeoutMs: 5_000 }));
    expect(error).toMatchObject({ reason: "opening" });
    await pass(20_000);
    expect(await pool.acquire({ key: "k" })).toMatchObject({ session: { id: "s1" }, uses: 1 });
    expect(vendor.count("open")).toBe(1);
  });

  test("a vendor that does not do its part, with the last failure as cause", async () => {
    const { pool, vendor } = kit();
    vendor.usual.open = { fails: "later" };
    const error = await failure(pool.acquire({}, { waitTimeoutMs: 5_000 }));
    expect(error).toMatchObject({ reason: "vendor", cause: { failure: "later" } });
  });

  test("the vendor's own cap, with its refusal as cause", async () => {
    const { pool, vendor } = kit();
    vendor.usual.open = { fails: "full" };
    const error = await failure(pool.acquire({}, { waitTimeoutMs: 10_000 }));
    expect(error).toMatchObject({ reason: "cap", cause: { failure: "full" } });
  });

  test("an account that does not answer", async () => {
    const { pool, vendor } = kit();
    vendor.next("account", { afterMs: 60_000 });
    expect(await failure(pool.acquire({}, { waitTimeoutMs: 5_000 }))).toMatchObject({
      reason: "vendor",
      message: expect.stringContaining("account"),
    });
  });

  test("a first look at the vendor that does not end", async () => {
    const { pool, vendor } = kit();
    vendor.next("list", { afterMs: 60_000 });
    expect(await failure(pool.acquire({}, { waitTimeoutMs: 5_000 }))).toMatchObject({ reason: "vendor" });
  });
});

test("By default one waits for five minutes", async () => {
  const { pool } = kit({ maxSessions: 1 });
  await pool.acquire({});
  const begun = performance.now();
  expect(await failure(pool.acquire({}))).toBeInstanceOf(PoolTimeoutError);
  expect(performance.now() - begun).toBe(5 * MINUTE_MS);
});

test("Who is one too many is refused at once, with the numbers", async () => {
  const { pool } = kit({ maxSessions: 1, maxWaiters: 2 });
  const held = await pool.acquire({});
  const waiting = [pool.acquire({}), pool.acquire({})];
  await pass(100);
  const begun = performance.now();
  const error = await failure(pool.acquire({}));
  expect(error).toMatchObject({
    reason: "full",
    message: "2 wait already, of at most 2 (maxWaiters), for 1 sessions (maxSessions).",
  });
  expect(performance.now() - begun).toBe(0);
  await held.release();
  for (const wait of waiting) await (await during(wait)).release();
});

test("With no waiters allowed, one is served at once or not at all", async () => {
  const { pool } = kit({ maxSessions: 1, maxWaiters: 0 });
  const held = await pool.acquire({});
  expect(await failure(pool.acquire({}))).toMatchObject({ reason: "full" });
  await held.release();
  await pool.acquire({});
});
