import { describe, expect, test } from "vitest";
import { type BrowserUse, LeaseStoreError, type Profile, ProfileInUseError } from "../../../src/index.ts";
import { type LeaseStore, memoryLeaseStore, SessionPool } from "../../../src/pool.ts";
import { rejection } from "../../support/clients.ts";
import { answer, delayed, type Reply, refusal, Service } from "../../support/service.ts";
import { browser, profile } from "../../support/views.ts";
import { crooked } from "./crooked-store.ts";
import { closeLater, during, failure, pass, useStillTime } from "./pool-kit.ts";

useStillTime();

const LIST = "GET /v3/profiles";
const CREATE = "POST /v3/profiles";
const P = "7b1d7a4e-0000-4000-8000-00000000000a";
const NAME = { name: "acme" };

/** A project whose list is slow to answer, so that whoever looks sees nothing yet. */
function project(): { readonly service: Service; readonly profiles: Profile[] } {
  const service = new Service();
  const profiles: Profile[] = [];
  const page: Reply = () => ({ items: [...profiles], totalItems: profiles.length, pageNumber: 1, pageSize: 100 });
  const create: Reply = ({ body }) => {
    const created = profile(`new${profiles.length + 1}`, { ...(body as object) });
    profiles.push(created);
    return created;
  };
  service.on(LIST, delayed(200, page)).on(CREATE, delayed(200, create));
  return { service, profiles };
}

function clients(service: Service, leaseStore?: LeaseStore): [BrowserUse, BrowserUse, BrowserUse] {
  return [service.client({ leaseStore }), service.client({ leaseStore }), service.client({ leaseStore })];
}

describe("profiles.ensure", () => {
  test("of several processes on one store creates one profile, and all get that", async () => {
    const { service } = project();
    const fleet = clients(service, memoryLeaseStore());
    const ensured = await during(Promise.all(fleet.map((client) => client.profiles.ensure(NAME))));
    expect(new Set(ensured.map(({ id }) => id))).toEqual(new Set(["new1"]));
    expect(ensured.filter(({ created }) => created)).toHaveLength(1);
    expect(service.count(CREATE)).toBe(1);
  });

  test("without a store creates several, which shows that the test above can fail", async () => {
    const { service } = project();
    const fleet = clients(service);
    await during(Promise.all(fleet.map((client) => client.profiles.ensure(NAME))));
    expect(service.count(CREATE)).toBeGreaterThan(1);
  });

  test("of different names or users does not wait for each other", async () => {
    const { service } = project();
    const [one, two] = clients(service, memoryLeaseStore());
    const begun = performance.now();
    const ensuring = [one.profiles.ensure({ name: "a" }), two.profiles.ensure({ name: "b" })];
    await during(Promise.all(ensuring));
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(service.count(CREATE)).toBe(2);
  });

  test("asks no store for a profile that is there, nor when it is told to create none", async () => {
    const { service, profiles } = project();
    const store = crooked(memoryLeaseStore());
    const [client] = clients(service, store);
    const strictly = client.profiles.ensure(NAME, { strict: true });
    expect(await failure(strictly)).toMatchObject({ code: "not_found" });
    profiles.push(profile("there", NAME));
    expect(await during(client.profiles.ensure(NAME))).toMatchObject({ id: "there" });
    expect(store.asked).toEqual([]);
  });

  test("is a LeaseStoreError when the store fails, and creates nothing", async () => {
    const { service } = project();
    const store = crooked(memoryLeaseStore());
    store.fails.add("lock");
    const error = await failure(service.client({ leaseStore: store }).profiles.ensure(NAME));
    expect(error).toBeInstanceOf(LeaseStoreError);
    expect(error).toMatchObject({ cause: store.error });
    expect(service.count(CREATE)).toBe(0);
  });

  test("is a LeaseStoreError when the store does not answer, and creates nothing", async () => {
    const { service } = project();
    const store = crooked(memoryLeaseStore());
    store.hangs.add("lock");
    const begun = performance.now();
    expect(await failure(service.client({ leaseStore: store }).profiles.ensure(NAME))).toBeInstanceOf(LeaseStoreError);
    expect(performance.now() - begun).toBeLessThan(61_000);
    expect(service.count(CREATE)).toBe(0);
  });

  test("is a LeaseStoreError when another process does not finish for a minute", async () => {
    const { service } = project();
    const store = memoryLeaseStore();
    const locks: string[] = [];
    const noting = {
      ...store,
      lock: (name: string, ttlMs: number) => {
        locks.push(name);
        return store.lock(name, ttlMs * 10);
      },
    };
    const [one, two] = clients(service, noting);
    service.on(CREATE, delayed(110_000, answer(500)));
    const dead = rejection(one.profiles.ensure(NAME, { timeoutMs: 120_000 }));
    await pass(1_000);
    expect(await failure(two.profiles.ensure(NAME))).toBeInstanceOf(LeaseStoreError);
    expect(locks[0]).toMatch(/^ensure:[0-9a-f]{64}$/);
    await during(dead);
  });

  test("gives its lock back when it failed, so that the next one is not kept waiting", async () => {
    const { service } = project();
    const store = memoryLeaseStore();
    service.on(CREATE, refusal(402, "no"), profile("new1", NAME));
    const [one, two] = clients(service, store);
    expect(await failure(one.profiles.ensure(NAME))).toMatchObject({ status: 402 });
    const begun = performance.now();
    expect(await during(two.profiles.ensure(NAME))).toMatchObject({ created: true });
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test("has its profile, whether or not the store hears that the lock is given back", async () => {
    const { service } = project();
    const store = crooked(memoryLeaseStore());
    store.fails.add("unlock");
    const client = service.client({ leaseStore: store });
    expect(await during(client.profiles.ensure(NAME))).toMatchObject({ created: true });
  });

  test("has its profile also when the store never answers that", async () => {
    const { service } = project();
    const store = crooked(memoryLeaseStore());
    store.hangs.add("unlock");
    const client = service.client({ leaseStore: store });
    expect(await during(client.profiles.ensure(NAME))).toMatchObject({ created: true });
  });
});

describe("profiles.delete refuses a profile that is held", () => {
  const DELETE = `DELETE /v3/profiles/${P}`;
  const service = () =>
    new Service()
      .on("GET /v3/browsers", { items: [], totalItems: 0, pageNumber: 1, pageSize: 100 })
      .on("POST /v3/browsers", browser())
      .on("GET /v3/browsers/b1", browser())
      .on("PATCH /v3/browsers/b1", browser({ status: "stopped", finishedAt: "2026-03-01T11:00:00Z" }))
      .on("GET /v3/billing/account", { projectId: "project-1", rateLimit: 3 })
      .on(DELETE, answer(204));

  test("by a session of the client", async () => {
    const on = service();
    const client = on.client();
    const open = await client.browsers.open({ profileId: P });
    expect(await rejection(client.profiles.delete(P.toUpperCase()))).toBeInstanceOf(ProfileInUseError);
    await open.stop();
    await client.profiles.delete(P);
    expect(on.count(DELETE)).toBe(1);
  });

  test.each(["on-release", "on-idle"] as const)("by a pool of the client, saved %s", async (saveProfile) => {
    const on = service();
    const client = on.client();
    const pool = new SessionPool(client.browsers, { saveProfile });
    closeLater(pool);
    const lease = await pool.acquire({ key: "k", profileId: P });
    expect(await failure(client.profiles.delete(P))).toBeInstanceOf(ProfileInUseError);
    await during(lease.release());
    if (saveProfile === "on-idle") {
      expect(await failure(client.profiles.delete(P.toUpperCase()))).toBeInstanceOf(ProfileInUseError);
      await during(pool.close());
    }
    expect(on.count(DELETE)).toBe(0);
    await client.profiles.delete(P);
    expect(on.count(DELETE)).toBe(1);
  });

  test("by a pool of another process on the same store", async () => {
    const on = service();
    const leaseStore = memoryLeaseStore();
    const [one, two] = clients(on, leaseStore);
    const pool = new SessionPool(one.browsers, { saveProfile: "on-idle" });
    closeLater(pool);
    await (await pool.acquire({ key: "k", profileId: P })).release();
    expect(await failure(two.profiles.delete(P))).toBeInstanceOf(ProfileInUseError);
    expect(on.count(DELETE)).toBe(0);
    await during(pool.close());
    await two.profiles.delete(P);
    expect(on.count(DELETE)).toBe(1);
  });

  test("and asks no account where nothing is shared", async () => {
    const on = service();
    await on.client().profiles.delete(P);
    expect(on.operations).toEqual([DELETE]);
  });
});
