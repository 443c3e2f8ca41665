import { expect, test, vi } from "vitest";
import { LeaseLostError } from "../../../src/index.ts";
import { type LeaseStore, memoryLeaseStore, type ProjectLeases, SessionPool } from "../../../src/pool.ts";
import { answer, held, refusal, Service } from "../../support/service.ts";
import { v2Session } from "../../support/views.ts";
import { crooked } from "./crooked-store.ts";
import { closeLater, during, failure, kit, pass, stall, still, useStillTime } from "./pool-kit.ts";

useStillTime();

/** A process that is paused once, between the store's grant of a slot and the news of it. */
function pausedAfterGrant(pauseMs: number): LeaseStore {
  const store = memoryLeaseStore();
  let isPaused = false;
  const slow = (leases: ProjectLeases): ProjectLeases["acquire"] => {
    return async (want) => {
      const grant = await leases.acquire(want);
      if (grant.kind === "create" && !isPaused) {
        isPaused = true;
        stall(pauseMs);
      }
      return grant;
    };
  };
  return {
    ...store,
    project: (id) => {
      const leases = store.project(id);
      const bound = (name: keyof ProjectLeases) => (name === "acquire" ? slow(leases) : leases[name].bind(leases));
      return new Proxy(leases, { get: (_, name: keyof ProjectLeases) => bound(name) });
    },
  };
}

test.each([25_000, 70_000])(
  "A process that was paused for %i ms after it was granted a slot opens nothing on it",
  async (pauseMs) => {
    const { pool, vendor } = kit({ store: pausedAfterGrant(pauseMs) });
    const acquiring = pool.acquire({ group: "g" });
    await still();
    expect(vendor.count("open")).toBe(0);
    expect((await during(acquiring)).session.id).toBe("s1");
    expect(await pool.stats()).toMatchObject({ creating: 0, leased: 1 });
  },
);

test("A listener that rejects later ends nothing", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const { pool } = kit({ onEvent: async () => Promise.reject(new Error("The log is down.")) });
  await during((await pool.acquire({})).release());
  await still();
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

test("A renewal that fails is tried again soon: a store may be away for most of a lease", async () => {
  const store = crooked(memoryLeaseStore());
  const { pool, told } = kit({ store });
  const lease = await pool.acquire({});
  store.fails.add("renew");
  await pass(24_000);
  store.fails.delete("renew");
  await pass(10_000);
  expect(lease.signal.aborted).toBe(false);
  expect(told()).not.toContain("lost");
  await during(lease.release());
});

test("A session that cannot be looked at is kept for no longer than it would have been", async () => {
  const { pool, vendor } = kit({ idleTimeoutMs: 60_000 });
  await (await pool.acquire({ group: "g" })).release();
  for (let look = 0; look < 100; look++) vendor.next("get", { fails: "later" });
  const lease = await during(pool.acquire({ group: "g" }, { waitTimeoutMs: 120_000 }));
  expect(lease.session.id).toBe("s2");
  await pass(10_000);
  expect(vendor.count("stop s1")).toBe(1);
});

test("Closing tells the holders of leases that are still out, by their signal", async () => {
  const { pool } = kit();
  const lease = await pool.acquire({});
  await during(pool.close({ timeoutMs: 1_000 }));
  expect(lease.signal.reason).toBeInstanceOf(LeaseLostError);
  expect(await failure(pool.close({ timeoutMs: Number.NaN }))).toMatchObject({ code: "invalid_input" });
});

/** A pool over v2 sessions, whose service opens `s1` and finds it well. */
function v2Pool(service: Service) {
  service
    .on("GET /v2/sessions", { items: [], totalItems: 0, pageNumber: 1, pageSize: 100 })
    .on("POST /v2/sessions", v2Session())
    .on("GET /v2/sessions/s1", v2Session({ tasks: [] }))
    .on("PATCH /v2/sessions/s1", v2Session({ status: "stopped", finishedAt: "2026-03-01T11:00:00" }));
  const pool = new SessionPool(service.client({ maxRetries: 0 }).v2.sessions, { maxSessions: 5 });
  closeLater(pool);
  return pool;
}

test.each([422, 429, 402])(
  "A task that was refused with %i costs the key nothing: its session stays warm",
  async (status) => {
    const service = new Service().on("POST /v2/tasks", refusal(status, "No."));
    const pool = v2Pool(service);
    await failure(pool.use({ key: "k" }, (session) => session.start("Do it")));
    await pool.use({ key: "k" }, (_, lease) => expect(lease.restarted).toBe(false));
    expect(service.count("POST /v2/sessions")).toBe(1);
  },
);

test("A task of unknown outcome costs the key its session", async () => {
  const service = new Service().on("POST /v2/tasks", answer(500)).on("GET /v2/tasks", { items: [], totalItems: 0 });
  const pool = v2Pool(service);
  await failure(pool.use({ key: "k" }, (session) => session.start("Do it")));
  expect(service.count("PATCH /v2/sessions/s1")).toBe(1);
});

test("A session into which a file is still on its way is stopped, not lent again", async () => {
  const presign = held();
  const service = new Service().on("POST /v2/files/sessions/s1/presigned-url", presign.reply);
  const pool = v2Pool(service);
  const lease = await during(pool.acquire({ group: "g" }));
  const uploading = lease.session.upload({ name: "a.txt", data: new Uint8Array([1]) });
  const failed = failure(uploading);
  await still();
  await during(lease.release());
  presign.give(refusal(404, "Session not found"));
  await failed;
  expect(service.count("PATCH /v2/sessions/s1")).toBe(1);
});

test("Strays of a kind that nobody looks at any more take no room", async () => {
  const leases = memoryLeaseStore().project("p");
  const startedAt = (await leases.beginPass("old", 0)) ?? Number.NaN;
  await leases.reconcile({ kind: "old", startedAt, live: [{ id: "a" }], graceMs: 1, exclusive: false });
  expect(await leases.counts()).toMatchObject({ strays: 1 });
  await pass(11 * 60_000);
  expect(await leases.counts()).toMatchObject({ strays: 0 });
});
