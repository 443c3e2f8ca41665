import { describe, expect, test, vi } from "vitest";
import { LeaseStoreError, PoolTimeoutError } from "../../../src/index.ts";
import { memoryLeaseStore, type PoolEvent } from "../../../src/pool.ts";
import { crooked, EVERYTHING } from "./crooked-store.ts";
import { FakeClient, FakeError, FakeVendor } from "./fake-port.ts";
import { during, failure, kit, pass, useStillTime } from "./pool-kit.ts";

useStillTime();

const down = () => {
  const store = crooked(memoryLeaseStore());
  return { store, ...kit({ store }) };
};

describe("A store that fails", () => {
  test("is a LeaseStoreError when the time is over, with what the store said as cause, and nothing is opened", async () => {
    const { store, pool, vendor } = down();
    for (const operation of EVERYTHING) store.fails.add(operation);
    const begun = performance.now();
    const error = await failure(pool.acquire({}, { waitTimeoutMs: 20_000 }));
    expect(error).toBeInstanceOf(LeaseStoreError);
    expect(error).toMatchObject({ cause: store.error });
    expect(performance.now() - begun).toBe(20_000);
    expect(vendor.count("open")).toBe(0);
    store.fails.clear();
  });

  test("is waited for: who is still there when it is back is served", async () => {
    const { store, pool } = down();
    for (const operation of EVERYTHING) store.fails.add(operation);
    const acquiring = pool.acquire({});
    await pass(10_000);
    store.fails.clear();
    await during(acquiring);
  });

  test("is told of by events, and asked less and less often", async () => {
    const { store, pool, events } = down();
    store.fails.add("acquire");
    await failure(pool.acquire({}, { waitTimeoutMs: 60_000 }));
    expect(events).toContainEqual({ type: "storeFailed", error: expect.any(LeaseStoreError) });
    expect(store.asked.filter((operation) => operation === "acquire").length).toBeLessThan(60);
  });

  test("after it had said what is waited for is what is told of at the end", async () => {
    const { store, pool } = down();
    const held = await Promise.all([pool.acquire({}), pool.acquire({}), pool.acquire({})]);
    const acquiring = failure(pool.acquire({}, { waitTimeoutMs: 20_000 }));
    await Promise.race([acquiring, pass(5_000)]);
    store.fails.add("acquire");
    expect(await acquiring).toBeInstanceOf(LeaseStoreError);
    expect(held).toHaveLength(3);
  });

  test("that throws no error of ours is a LeaseStoreError to whoever asks for numbers", async () => {
    const { store, pool } = down();
    store.fails.add("counts").add("slots").add("reap");
    for (const ask of [() => pool.stats(), () => pool.slots(), () => pool.reap()]) {
      expect(await failure(ask())).toBeInstanceOf(LeaseStoreError);
    }
    store.fails.clear();
  });
});

describe("A store that does not answer", () => {
  test.each([100, 3_000, 20_000])("is a LeaseStoreError when %i ms are over", async (waitTimeoutMs) => {
    const { store, pool, vendor } = down();
    await pool.stats();
    store.hangs.add("acquire");
    const begun = performance.now();
    const error = await failure(pool.acquire({}, { waitTimeoutMs }));
    expect(error).toBeInstanceOf(waitTimeoutMs < 500 ? PoolTimeoutError : LeaseStoreError);
    expect(performance.now() - begun).toBe(waitTimeoutMs);
    expect(vendor.count("open")).toBe(0);
    store.hangs.clear();
  });

  test("from the beginning is a LeaseStoreError too", async () => {
    const { store, pool } = down();
    for (const operation of EVERYTHING) store.hangs.add(operation);
    expect(await failure(pool.acquire({}, { waitTimeoutMs: 3_000 }))).toBeInstanceOf(LeaseStoreError);
    store.hangs.clear();
  });

  test("does not keep a lease from being released, nor a pool from being closed", async () => {
    const { store, pool, vendor } = down();
    const lease = await pool.acquire({});
    for (const operation of EVERYTHING) store.hangs.add(operation);
    await during(lease.release());
    await during(pool.close());
    expect(vendor.live.size).toBe(0);
  });
});

describe("A grant whose answer was lost", () => {
  test("to open a session is given again, so that nothing is counted twice", async () => {
    const { store, pool } = down();
    store.losesNext("acquire");
    await during(pool.acquire({ key: "k" }));
    expect(await pool.stats()).toMatchObject({ leased: 1, creating: 0, unknown: 0 });
  });

  test("to use a session again is given again", async () => {
    const { store, pool } = down();
    await (await pool.acquire({ key: "k" })).release();
    store.losesNext("acquire");
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ session: { id: "s1" } });
    expect(await pool.stats()).toMatchObject({ leased: 1, idle: 0 });
  });

  test("to a caller who then leaves is given back", async () => {
    const { store, pool } = down();
    await pool.stats();
    store.losesNext("acquire");
    await failure(pool.acquire({ key: "k" }, { waitTimeoutMs: 10 }));
    await pass(1_000);
    expect(await pool.stats()).toMatchObject({ creating: 0, waiting: 0 });
  });

  test("comes late to a caller who has left, and is given back", async () => {
    const { store, pool } = down();
    await pool.stats();
    store.delays.set("acquire", 4_000);
    await failure(pool.acquire({ key: "k" }, { waitTimeoutMs: 1_000 }));
    await pass(10_000);
    expect(await pool.stats()).toMatchObject({ creating: 0, waiting: 0, leased: 0 });
  });
});

test("An attachment whose answer was lost is asked for again, and holds", async () => {
  const { store, pool, vendor } = down();
  store.losesNext("attach");
  const lease = await during(pool.acquire({ key: "k" }));
  expect(lease.session.id).toBe("s1");
  expect(vendor.count("stop")).toBe(0);
});

test("A session that the store does not hear of in time is stopped by who opened it, and nobody gets it", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, vendor } = kit({ store, createTimeoutMs: 5_000 });
  store.fails.add("attach");
  const acquiring = pool.acquire({}, { waitTimeoutMs: 60_000 });
  await pass(6_000);
  expect(vendor.log).toContain("stop s1");
  store.fails.clear();
  const lease = await during(acquiring);
  expect(lease.session.id).not.toBe("s1");
});

test("A refused opening that the store does not hear of counts as unknown by and by, and is free after a clean look", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, vendor } = kit({ store, holdMs: 60_000 });
  store.fails.add("createFailed");
  vendor.next("open", { fails: "refused" });
  expect(await failure(pool.acquire({}, { waitTimeoutMs: 120_000 }))).toMatchObject({ failure: "refused" });
  await pass(10_000);
  expect(await pool.stats()).toMatchObject({ unknown: 1 });
  await pass(130_000);
  expect(await pool.stats()).toMatchObject({ unknown: 0 });
});

test("Events hold no key and no secret, and whoever listens cannot break anything", async () => {
  const events: PoolEvent[] = [];
  const vendor = new FakeVendor();
  const onEvent = (event: PoolEvent) => {
    events.push(event);
    throw new Error("The listener is broken.");
  };
  const { pool } = kit({ onEvent }, { vendor });
  const lease = await pool.acquire({ key: "ticket:secret", color: "password" });
  await lease.release();
  vendor.becomes("s1", "closed");
  await during((await during(pool.acquire({ key: "ticket:secret", color: "password" }))).release({ reuse: false }));
  vendor.next("open", { fails: new FakeError("refused") });
  await failure(pool.acquire({ key: "ticket:secret" }));
  expect(events.map(({ type }) => type)).toEqual([
    "opened",
    "released",
    "unusable",
    "released",
    "stopped",
    "opened",
    "released",
    "stopped",
    "openFailed",
  ]);
  expect(JSON.stringify(events)).not.toMatch(/secret|password/);
});

test("Nothing that goes to the store shows a key or what a session is opened with", async () => {
  const asked: unknown[] = [];
  const inner = memoryLeaseStore();
  const store = {
    ...inner,
    project: (id: string) =>
      new Proxy(inner.project(id), {
        get:
          (leases, name: "acquire") =>
          (...args: Parameters<typeof leases.acquire>) => {
            asked.push(args);
            return leases[name](...args);
          },
      }),
  };
  const { pool } = kit({ store });
  await (await pool.acquire({ key: "ticket:secret", color: "password" })).release();
  expect(asked.length).toBeGreaterThan(3);
  expect(JSON.stringify(asked)).not.toMatch(/secret|password/);
});

test("Without a listener, leaks and failed stops become process warnings, and nothing else does", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const { pool, vendor } = kit({ onEvent: undefined, leakWarningMs: 30_000 });
  const lease = await pool.acquire({});
  await pass(60_000);
  vendor.next("stop", { fails: "later" });
  await lease.release();
  expect(warn.mock.calls.map(([what]) => String(what))).toEqual([
    expect.stringContaining("has been leased for"),
    expect.stringContaining("The vendor says: later."),
  ]);
  await pass(60_000);
});

test("The store of the client counts for its pools, under the account's project; the pool's own goes first", async () => {
  const asked: string[] = [];
  const named = (name: string) => {
    const store = memoryLeaseStore();
    const project = (id: string) => {
      asked.push(`${name} ${id}`);
      return store.project(id);
    };
    return { ...store, project };
  };
  const client = new FakeClient(new FakeVendor(), { leaseStore: named("client's") });
  for (const options of [{}, { store: named("own") }, { project: "mine" }, { project: "mine", maxSessions: 2 }]) {
    await kit(options, { client }).pool.stats();
  }
  expect(asked).toEqual(["client's project-1", "own project-1", "client's mine", "client's mine"]);
  expect(client.vendor.count("account")).toBe(3);
});

test("A port that never answers a look or a stop keeps nobody waiting for ever", async () => {
  const { pool, vendor, told } = kit({ createTimeoutMs: 20_000 });
  await (await pool.acquire({ key: "k" })).release();
  vendor.next("get", { until: new Promise(() => {}) });
  const lease = await during(pool.acquire({ key: "k" }));
  expect(lease.session.id).toBe("s1");
  vendor.next("stop", { until: new Promise(() => {}) });
  await during(lease.release({ reuse: false }));
  expect(told()).toContain("stopFailed");
  await pass(60_000);
  expect(vendor.live.size).toBe(0);
});
