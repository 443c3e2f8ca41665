import { describe, expect, test } from "vitest";
import type { Lease } from "../../../src/pool.ts";
import { FakeClient, type FakeSession, FakeVendor } from "./fake-port.ts";
import { during, failure, isSettled, kit, mayLeave, pass, still, useStillTime } from "./pool-kit.ts";

useStillTime();

const MINUTE_MS = 60_000;

test("The cap is the account's, and asked for once", async () => {
  const { pool, vendor } = kit();
  vendor.cap = 2;
  const held = await Promise.all([pool.acquire({}), pool.acquire({})]);
  expect(await failure(pool.acquire({}, { waitTimeoutMs: 5_000 }))).toMatchObject({ reason: "cap" });
  expect(held).toHaveLength(2);
  expect(vendor.count("account")).toBe(1);
  expect(await pool.stats()).toMatchObject({ maxSessions: 2, leased: 2 });
});

test("The account is not asked for what the options say", async () => {
  const { pool, vendor } = kit({ maxSessions: 1 });
  await pool.acquire({});
  expect(vendor.count("account")).toBe(0);
});

test("The cap is asked for again every ten minutes, and a look that fails changes nothing", async () => {
  const { pool, vendor } = kit();
  const held = [await pool.acquire({}), await pool.acquire({}), await pool.acquire({})];
  vendor.cap = 4;
  vendor.next("account", { fails: "later" });
  await pass(10 * MINUTE_MS);
  expect(await failure(pool.acquire({}, { waitTimeoutMs: 5_000 }))).toMatchObject({ reason: "cap" });
  await pass(10 * MINUTE_MS);
  held.push(await during(pool.acquire({})));
  expect(await pool.stats()).toMatchObject({ maxSessions: 4, leased: held.length });
  expect(vendor.count("account")).toBe(3);
});

describe("When the vendor is full although there is room", () => {
  test("the cap is lower for a while, the place in line is kept, and the use by others is shown", async () => {
    const { pool, vendor, events } = kit();
    await pool.acquire({});
    vendor.openElsewhere({ id: "x1", kind: "else" });
    vendor.openElsewhere({ id: "x2", kind: "else" });
    mayLeave(vendor);
    const second = pool.acquire({});
    await pass(1_000);
    expect(await pool.stats()).toMatchObject({ maxSessions: 3, outsideUse: 2, shrunkTo: 1, waiting: 1 });
    expect(events).toContainEqual(expect.objectContaining({ type: "openFailed", failure: "full" }));
    vendor.becomes("x1", "closed");
    await during(second);
    expect((await pool.stats()).outsideUse).toBe(0);
  });

  test("it is asked again a few times a minute, not all the time", async () => {
    const { pool, vendor } = kit();
    vendor.usual.open = { fails: "full" };
    await failure(pool.acquire({}, { waitTimeoutMs: 60_000 }));
    expect(vendor.count("refuse")).toBeLessThanOrEqual(5);
    expect(vendor.count("refuse")).toBeGreaterThanOrEqual(3);
  });
});

test("Two pools of one client count together, also those of different kinds", async () => {
  const client = new FakeClient(new FakeVendor());
  const [one, two] = [kit({ maxSessions: 2 }, { client, kind: "a" }), kit({ maxSessions: 2 }, { client, kind: "b" })];
  await one.pool.acquire({});
  await (await two.pool.acquire({ group: "g" })).release();
  const third: Promise<Lease<FakeSession>> = one.pool.acquire({});
  await pass(30_000);
  expect(await isSettled(third)).toBe(false);
  expect(await one.pool.stats()).toMatchObject({ leased: 1, idle: 1, waiting: 1 });
  await during(two.pool.close());
  await during(third);
  await still();
});

test("Two pools of one kind and client lend each other's sessions", async () => {
  const client = new FakeClient(new FakeVendor());
  const [one, two] = [kit({}, { client }), kit({}, { client })];
  await (await one.pool.acquire({ group: "g" })).release();
  const lease = await two.pool.acquire({ group: "g" });
  expect(lease).toMatchObject({ session: { id: "s1" }, uses: 1 });
  await lease.release();
});
