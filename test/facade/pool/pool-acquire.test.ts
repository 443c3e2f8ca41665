import { describe, expect, test } from "vitest";
import { InvalidInputError, LeaseLostError } from "../../../src/index.ts";
import { type AcquireRequest, type PoolOptions, SessionPool } from "../../../src/pool.ts";
import { type FakeRequest, FakeVendor } from "./fake-port.ts";
import { during, failure, kit, pass, useStillTime } from "./pool-kit.ts";

useStillTime();

test("A key gets the session that it had before, and is told how often that was lent", async () => {
  const { pool, vendor, events } = kit();
  const first = await pool.acquire({ key: "ticket:1" });
  await first.release();
  const second = await pool.acquire({ key: "ticket:1" });
  expect(second.session.id).toBe(first.session.id);
  expect([first, second].map(({ key, uses, restarted }) => ({ key, uses, restarted }))).toEqual([
    { key: "ticket:1", uses: 0, restarted: false },
    { key: "ticket:1", uses: 1, restarted: false },
  ]);
  expect(events.at(-1)).toEqual({ type: "reused", sessionId: "s1", fence: second.fence, uses: 1 });
  expect(vendor.count("open")).toBe(1);
});

test("A key never gets a session of another key, nor one of a group", async () => {
  const { pool } = kit();
  const ids = new Set<string>();
  for (const whose of [{ key: "a" }, { key: "b" }, { group: "a" }]) {
    const lease = await pool.acquire(whose);
    ids.add(lease.session.id);
    await lease.release();
  }
  expect(ids.size).toBe(3);
});

test("A group lends its sessions to whoever asks next, the one that was used last first", async () => {
  const { pool, vendor } = kit();
  const [one, two] = await Promise.all([pool.acquire({ group: "g" }), pool.acquire({ group: "g" })]);
  expect(one.session.id).not.toBe(two.session.id);
  await two.release();
  await one.release();
  const third = await pool.acquire({ group: "g" });
  expect(third).toMatchObject({ session: { id: two.session.id }, uses: 1, restarted: false, key: undefined });
  expect(vendor.count("open")).toBe(2);
});

test("Sessions that are opened with something else are not alike", async () => {
  const { pool, vendor } = kit();
  for (const color of ["red", "blue", "red"]) await (await pool.acquire({ group: "g", color })).release();
  expect(vendor.log.filter((line) => /open|get/.test(line))).toEqual(["open s1", "open s2", "get s1"]);
});

test("What each lease brings for itself makes no difference, and reaches the session that is lent", async () => {
  const { pool } = kit();
  await (await pool.acquire({ group: "g", note: "one" })).release();
  const { session } = await pool.acquire({ group: "g", note: "two" });
  expect(session).toMatchObject({ id: "s1", request: { note: "two" } });
});

test("With neither key nor group a session is fresh, and stopped at its release", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({})).release();
  expect(vendor.live.size).toBe(0);
  const second = await pool.acquire({});
  expect(second).toMatchObject({ session: { id: "s2" }, uses: 0 });
});

test("A key whose session is gone is told that its browser is a new one", async () => {
  const { pool, vendor } = kit();
  const first = await pool.acquire({ key: "k" });
  await first.release();
  vendor.becomes(first.session.id, "closed");
  const second = await during(pool.acquire({ key: "k" }));
  expect(second).toMatchObject({ restarted: true, uses: 0 });
  await second.release();
  expect(await pool.acquire({ key: "k" })).toMatchObject({ restarted: false, uses: 1 });
});

test("A key that asks for another sort of session gets a new one, is told so, and the old one is stopped first", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({ key: "k", color: "red" })).release();
  const second = await during(pool.acquire({ key: "k", color: "blue" }));
  expect(second.restarted).toBe(true);
  expect(vendor.log.slice(-2)).toEqual(["stop s1", "open s2"]);
});

test("A group is not told of restarts, as its sessions are nobody's", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({ group: "g" })).release();
  vendor.becomes("s1", "closed");
  expect(await during(pool.acquire({ group: "g" }))).toMatchObject({ restarted: false, uses: 0 });
});

test("A key is remembered for a day", async () => {
  const { pool } = kit({ reapIntervalMs: 3_600_000, reconcileIntervalMs: 3_600_000 });
  await (await pool.acquire({ key: "k" })).release({ reuse: false });
  await pass(24 * 60 * 60_000);
  expect((await pool.acquire({ key: "k" })).restarted).toBe(false);
});

test("The fence number grows with every lease, whatever is leased", async () => {
  const { pool } = kit();
  const fences: number[] = [];
  for (const whose of [{ key: "a" }, {}, { key: "a" }, { group: "g" }, { group: "g" }]) {
    const lease = await pool.acquire(whose);
    fences.push(lease.fence);
    await lease.release();
  }
  expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
});

test.each(["closed", "busy"] as const)(
  "A session that is found %s is not lent, but stopped and replaced",
  async (phase) => {
    const { pool, vendor, events } = kit();
    await (await pool.acquire({ group: "g" })).release();
    vendor.becomes("s1", phase);
    expect((await during(pool.acquire({ group: "g" }))).session.id).toBe("s2");
    expect(events).toContainEqual({ type: "unusable", sessionId: "s1", phase });
    expect(vendor.log).toContain("stop s1");
  },
);

test("A session that is still starting is lent", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({ group: "g" })).release();
  vendor.becomes("s1", "starting");
  expect((await pool.acquire({ group: "g" })).session.id).toBe("s1");
});

test("A session is looked at before each lease, however short a time it was unused", async () => {
  const { pool, vendor } = kit();
  for (let use = 0; use < 3; use++) await (await pool.acquire({ group: "g" })).release();
  expect(vendor.count("get s1")).toBe(2);
});

test("A look at a session that fails gives the session back and is tried again", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({ key: "k" })).release();
  vendor.next("get", { fails: "later" }, { fails: "unknown" });
  expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ session: { id: "s1" }, restarted: false });
});

test("A look that is refused for good is the caller's to know, and stands in nobody's way", async () => {
  const { pool, vendor } = kit();
  await (await pool.acquire({ key: "k" })).release();
  vendor.next("get", { fails: "refused" });
  expect(await failure(pool.acquire({ key: "k" }))).toMatchObject({ failure: "refused" });
  expect((await pool.acquire({ key: "k" })).session.id).toBe("s2");
  expect(vendor.count("stop s1")).toBe(1);
});

test("A session is lent as often as maxUses says", async () => {
  const { pool, vendor } = kit({ maxUses: 2 });
  for (let use = 0; use < 4; use++) await (await pool.acquire({ group: "g" })).release();
  expect(vendor.log.filter((line) => /open|stop/.test(line))).toEqual(["open s1", "stop s1", "open s2", "stop s2"]);
});

test("A session whose time is over is not lent any more, also when nobody has looked since", async () => {
  const { pool } = kit({ maxLifeMs: 60_000, idleTimeoutMs: 600_000, reapIntervalMs: 600_000 });
  await (await pool.acquire({ group: "g" })).release();
  await pass(60_000);
  expect((await during(pool.acquire({ group: "g" }))).session.id).toBe("s2");
});

test("A session lives three quarters of what the service allows, less up to 5 %", async () => {
  const { pool, vendor } = kit({ idleTimeoutMs: 24 * 60 * 60_000 });
  await (await pool.acquire({ group: "g" })).release();
  await pass(2.84 * 60 * 60_000);
  expect(vendor.live.has("s1")).toBe(true);
  await pass(0.17 * 60 * 60_000);
  expect(vendor.live.has("s1")).toBe(false);
});

test("An idle session is stopped when its idle time ends", async () => {
  const { pool, vendor, events } = kit({ idleTimeoutMs: 60_000 });
  await (await pool.acquire({ group: "g" })).release();
  await pass(59_000);
  expect(vendor.live.size).toBe(1);
  await pass(8_000);
  expect(vendor.live.size).toBe(0);
  expect(events).toContainEqual({ type: "stopped", sessionId: "s1", why: "idle over" });
});

test("Work with a session releases it, and gives what came of it", async () => {
  const { pool, vendor } = kit();
  const answer = await pool.use({ group: "g" }, async (session, lease) => {
    await session.send("hello");
    return [session.id, lease.uses];
  });
  expect(answer).toEqual(["s1", 0]);
  expect(await pool.stats()).toMatchObject({ leased: 0, idle: 1 });
  expect(vendor.log).toContain("send s1 hello");
});

test("Work that fails releases its session too, and its failure is handed on", async () => {
  const { pool } = kit();
  const mine = new Error("mine");
  const using = pool.use({}, () => {
    throw mine;
  });
  expect(await failure(using)).toBe(mine);
  expect(await pool.stats()).toMatchObject({ leased: 0 });
});

test("A session that left its work is refused from then on", async () => {
  const { pool } = kit();
  const session = await pool.use({ group: "g" }, (own) => own);
  expect(await failure(session.send("late"))).toBeInstanceOf(LeaseLostError);
});

describe("Nothing is asked of anybody", () => {
  test.each<[string, object, RegExp]>([
    ["a key and a group", { key: "a", group: "b" }, /key or a group, not both/],
    ["an empty key", { key: "" }, /key must be a text that is not empty/],
    ["an empty group", { group: "" }, /group must be a text that is not empty/],
    ["a key that is no text", { key: 7 }, /key must be a text/],
    ["a key that is null", { key: null }, /key must be a text/],
    ["what the port refuses", { wrong: true }, /This request is wrong/],
  ])("for %s", async (_, request, message) => {
    const { pool, vendor } = kit();
    const error = await failure(pool.acquire(request as AcquireRequest<FakeRequest>));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(vendor.log).toEqual([]);
  });

  test.each<[object, RegExp]>([
    [{ waitTimeout: 5 }, /acquire has no option "waitTimeout"/],
    [{ waitTimeoutMs: 0 }, /waitTimeoutMs must be more than 0/],
    [{ waitTimeoutMs: Number.NaN }, /waitTimeoutMs must be more than 0/],
    [{ signal: new AbortController() }, /pass its signal/],
  ])("with the options %j", async (options, message) => {
    const { pool, vendor } = kit();
    const error = await failure(pool.acquire({}, options));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(vendor.log).toEqual([]);
  });
});

test.each([undefined, null, {}, new FakeVendor()])("A pool is not made of %s", (source) => {
  expect(() => new SessionPool(source as never)).toThrow(/whose sessions can be pooled/);
});

describe("A pool is not made with", () => {
  test.each<[object, RegExp]>([
    [{ maxSession: 3 }, /SessionPool has no option "maxSession"/],
    [{ maxSessions: 0 }, /maxSessions must be at least 1/],
    [{ maxSessions: 1.5 }, /maxSessions must be a whole number/],
    [{ maxSessions: "3" }, /maxSessions must be a whole number/],
    [{ maxUses: 0 }, /maxUses must be at least 1/],
    [{ maxWaiters: -1 }, /maxWaiters must be a whole number/],
    [{ project: "" }, /project must not be empty/],
    [{ ownership: "mine" }, /ownership must be "shared" or "exclusive"/],
    [{ profileAccess: "both" }, /profileAccess must be "exclusive" or "shared"/],
    [{ saveProfile: "never" }, /saveProfile must be "on-release" or "on-idle"/],
    [{ onEvent: "log" }, /onEvent must be a function/],
    [{ graceMs: 60_000 }, /graceMs must be more than createTimeoutMs/],
    [{ createTimeoutMs: 90_000 }, /graceMs must be more than createTimeoutMs/],
    ...["idleTimeoutMs", "maxLifeMs", "leaseMs", "createTimeoutMs", "holdMs", "graceMs", "stopRetryMs"].map(
      (name): [object, RegExp] => [{ [name]: 0 }, new RegExp(`${name} must be more than 0`)],
    ),
    ...["reapIntervalMs", "reconcileIntervalMs", "leakWarningMs", "profileSettleMs"].map((name): [object, RegExp] => [
      { [name]: Number.NaN },
      new RegExp(`${name} must be more than 0`),
    ]),
  ])("%j", (options, message) => {
    expect(() => kit(options as PoolOptions)).toThrow(message);
    expect(() => kit(options as PoolOptions)).toThrow(InvalidInputError);
  });
});
