import { describe, expect, test } from "vitest";
import { rejection } from "../../support/clients.ts";
import { countedSignal } from "../../support/service.ts";
import type { FakeVendor } from "./fake-port.ts";
import { during, failure, kit, pass, still, useStillTime } from "./pool-kit.ts";

useStillTime();

const REASON = new Error("The caller has left.");

test("A signal that has aborted before asks nothing of anybody", async () => {
  const { pool, vendor } = kit();
  expect(await failure(pool.acquire({}, { signal: AbortSignal.abort(REASON) }))).toBe(REASON);
  expect(vendor.log).toEqual([]);
});

describe("A caller that leaves is rejected at once with its own reason, and leaves nothing behind", () => {
  const leaving = async (prepare: (vendor: FakeVendor) => void, afterMs: number, what: object = {}) => {
    const made = kit();
    prepare(made.vendor);
    const control = new AbortController();
    const acquiring = rejection(made.pool.acquire(what, { signal: control.signal }));
    await pass(afterMs);
    control.abort(REASON);
    await still();
    const begun = performance.now();
    expect(await acquiring).toBe(REASON);
    expect(performance.now()).toBe(begun);
    return made;
  };

  test("while the account is asked for", async () => {
    const { pool, vendor } = await leaving((on) => on.next("account", { afterMs: 5_000 }), 1_000);
    await pass(10_000);
    expect(vendor.count("open")).toBe(0);
    expect(await pool.stats()).toMatchObject({ waiting: 0, creating: 0 });
  });

  test("while the pool looks at the vendor for the first time", async () => {
    const { vendor } = await leaving((on) => on.next("list", { afterMs: 5_000 }), 1_000);
    await pass(10_000);
    expect(vendor.count("open")).toBe(0);
  });

  test("while it waits in line", async () => {
    const { pool, vendor } = kit({ maxSessions: 1 });
    const held = await pool.acquire({});
    const control = new AbortController();
    const acquiring = rejection(pool.acquire({}, { signal: control.signal }));
    await pass(3_000);
    expect(await pool.stats()).toMatchObject({ waiting: 1 });
    control.abort(REASON);
    expect(await acquiring).toBe(REASON);
    await still();
    expect(await pool.stats()).toMatchObject({ waiting: 0 });
    await held.release();
    expect(vendor.count("open")).toBe(1);
  });

  test("while a session is opened for its key, which then waits for that key", async () => {
    const { pool, vendor } = await leaving((on) => on.next("open", { afterMs: 8_000 }), 1_000, { key: "k" });
    expect(await pool.stats()).toMatchObject({ creating: 1, waiting: 0 });
    await pass(8_000);
    expect(await pool.stats()).toMatchObject({ idle: 1, leased: 0 });
    expect(await pool.acquire({ key: "k" })).toMatchObject({ session: { id: "s1" } });
    expect(vendor.count("open")).toBe(1);
  });

  test("while a session is opened for it alone, which is then stopped", async () => {
    const { pool, vendor } = await leaving((on) => on.next("open", { afterMs: 8_000 }), 1_000);
    await pass(8_000);
    expect(vendor.log.slice(-2)).toEqual(["open s1", "stop s1"]);
    expect(await pool.stats()).toMatchObject({ idle: 0, leased: 0, creating: 0 });
  });

  test("while an opening is under way that then fails", async () => {
    const { pool } = await leaving((on) => on.next("open", { afterMs: 8_000, fails: "refused" }), 1_000);
    await pass(8_000);
    expect(await pool.stats()).toMatchObject({ creating: 0, waiting: 0 });
  });

  test("while a session is looked at, which then waits for the next", async () => {
    const { pool, vendor } = kit();
    await (await pool.acquire({ key: "k" })).release();
    vendor.next("get", { afterMs: 5_000 });
    const control = new AbortController();
    const acquiring = rejection(pool.acquire({ key: "k" }, { signal: control.signal }));
    await pass(1_000);
    control.abort(REASON);
    expect(await acquiring).toBe(REASON);
    await pass(5_000);
    expect(await pool.stats()).toMatchObject({ idle: 1, leased: 0, waiting: 0 });
  });

  test("while another session is evicted for it", async () => {
    const { pool, vendor } = kit({ maxSessions: 1 });
    await (await pool.acquire({ key: "a" })).release();
    vendor.next("stop", { afterMs: 5_000 });
    const control = new AbortController();
    const acquiring = rejection(pool.acquire({ key: "b" }, { signal: control.signal }));
    await pass(1_000);
    control.abort(REASON);
    expect(await acquiring).toBe(REASON);
    await pass(5_000);
    expect(await pool.stats()).toMatchObject({ idle: 0, stopping: 0, waiting: 0 });
    expect(vendor.count("open")).toBe(1);
  });
});

test("A session is had by its caller or given back, at whatever moment the caller leaves", async () => {
  for (let ticks = 0; ticks < 120; ticks++) {
    const { pool, vendor } = kit({ maxSessions: 1 });
    const control = new AbortController();
    await pool.stats();
    const acquiring = pool.acquire({ key: "k" }, { signal: control.signal }).catch(() => undefined);
    await still();
    const again = (await acquiring) ? undefined : "none";
    expect(again).toBe(undefined);
    await (await acquiring)?.release();
    const second = pool.acquire({ key: "k" }, { signal: control.signal }).catch(() => undefined);
    for (let tick = 0; tick < ticks; tick++) await null;
    control.abort();
    const lease = await second;
    await still();
    const { leased, idle, waiting } = await pool.stats();
    expect({ leased, idle, waiting }, `after ${ticks} ticks`).toEqual(
      lease ? { leased: 1, idle: 0, waiting: 0 } : { leased: 0, idle: 1, waiting: 0 },
    );
    await during(pool.close());
    expect(vendor.live.size).toBe(0);
  }
});

test("Who was next in line is served when the one before leaves", async () => {
  const { pool } = kit({ maxSessions: 1 });
  const held = await pool.acquire({ group: "g" });
  const control = new AbortController();
  const leaving = rejection(pool.acquire({ group: "g" }, { signal: control.signal }));
  const staying = pool.acquire({ group: "g" });
  await pass(3_000);
  control.abort(REASON);
  await leaving;
  await held.release();
  const released = performance.now();
  await during(staying);
  expect(performance.now() - released).toBe(0);
});

test("Nobody is left listening to a caller's signal, whatever came of it", async () => {
  const { pool, vendor } = kit({ maxSessions: 1 });
  const { control, listeners } = countedSignal();
  const { signal } = control;
  const lease = await pool.acquire({ key: "k" }, { signal });
  expect(listeners()).toBe(0);
  await failure(pool.acquire({}, { signal, waitTimeoutMs: 1_000 }));
  await lease.release();
  await (await pool.acquire({ key: "k" }, { signal })).release();
  vendor.next("open", { fails: "refused" });
  await failure(pool.acquire({}, { signal }));
  await failure(pool.acquire({ wrong: true }, { signal }));
  expect(listeners()).toBe(0);
});
