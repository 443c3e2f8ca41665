import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { LeaseStoreError } from "../../src/index.ts";
import { redisIsThere } from "../support/redis-server.ts";
import { type Bundle, bundleWorker, WorkerProcess } from "./fleet.ts";
import { TIMES, type WorkerConfig } from "./protocol.ts";
import { poolOn, Reaper } from "./reaper.ts";
import { RedisProcess } from "./redis-process.ts";
import type { Pool } from "./tickets.ts";
import { startVendor, type Vendor, type VendorOptions } from "./vendor.ts";
import { CALM_VENDOR, CAP, EMPTY_VENDOR_MS } from "./weather.ts";

// One fault at a time. Holders are processes of their own; who waits beside them is in this one.

/** For a reaper to look, and for what it does, on a busy machine. */
const SLACK_MS = 2_000;
const STOPPED_BY_OTHERS_MS = TIMES.leaseMs + TIMES.reapIntervalMs + SLACK_MS;
const isRedisThere = redisIsThere();
let bundle: Bundle;

beforeAll(async () => {
  bundle = await bundleWorker();
});
afterAll(() => bundle.remove());

interface Scene {
  readonly vendor: Vendor;
  readonly redis: RedisProcess;
  holder(name: string, changes?: Partial<WorkerConfig>): WorkerProcess;
  pool(name: string, ownership?: "exclusive" | "shared"): Pool;
}

/** A vendor without any fault, a store, and all that is put on them, which ends with the test. */
async function scene(changes: Partial<VendorOptions> = {}): Promise<Scene> {
  const redis = await RedisProcess.start();
  onTestFinished(() => redis.close());
  const calm = { startMs: [20, 20], taskMs: [50, 50], stopMs: [20, 20], listLagMs: [0, 0] } as const;
  const vendor = await startVendor({ ...CALM_VENDOR, ...calm, seed: 1, ...changes });
  onTestFinished(() => vendor.close());
  return {
    vendor,
    redis,
    holder: (name, more) => holder(vendor, redis, name, more),
    pool: (name, ownership) => {
      const client = new Redis(redis.url);
      client.on("error", () => {});
      const pool = poolOn(vendor, client, name, ownership);
      onTestFinished(async () => {
        await pool.close().catch(() => {});
        client.disconnect();
      });
      return pool;
    },
  };
}

function holder(vendor: Vendor, redis: RedisProcess, name: string, changes: Partial<WorkerConfig> = {}): WorkerProcess {
  const worker = new WorkerProcess(bundle, {
    name,
    seed: 1,
    baseUrl: vendor.baseUrl,
    redisUrl: redis.url,
    client: "redis",
    times: TIMES,
    ownership: "exclusive",
    saveProfile: "on-release",
    cap: CAP,
    mode: "told",
    profiles: [],
    lanes: 0,
    blocks: 0,
    mix: "all",
    zombies: false,
    ...changes,
  });
  onTestFinished(() => worker.kill());
  return worker;
}

async function until(isSo: () => boolean, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!isSo()) {
    expect(performance.now(), `${isSo} within ${limitMs} ms`).toBeLessThan(deadline);
    await sleep(10);
  }
}

function expectNoViolation({ judge }: Vendor): void {
  expect(judge.violations, judge.report()).toEqual([]);
}

async function acquired(worker: WorkerProcess, lease: string, request: object): Promise<string> {
  const { session } = (await worker.step({ do: "acquire", lease, request, waitTimeoutMs: 10_000 })) as {
    session: string;
  };
  return session;
}

/** How a step fails. */
async function failure(step: Promise<unknown>): Promise<string> {
  return step.then(
    (value) => `no failure: ${JSON.stringify(value)}`,
    (error: Error) => error.name,
  );
}

test.skipIf(!isRedisThere)(
  "when a holder is killed in the midst of a task, others stop its session in time, which saves the profile, and hand the profile on",
  async () => {
    const { vendor, holder, pool } = await scene();
    const { cloud } = vendor;
    const killed = holder("killed");
    const id = await acquired(killed, "a", { profileId: "p1" });
    await killed.step({ do: "run", lease: "a", mark: "done" });
    cloud.taskMs = [60_000, 60_000];
    killed.step({ do: "run", lease: "a", mark: "endless" }).catch(() => {});
    await until(() => cloud.sessions.get(id)?.running !== undefined, SLACK_MS);
    const next = pool("next").acquire({ profileId: "p1" }, { waitTimeoutMs: STOPPED_BY_OTHERS_MS });

    await killed.kill();

    const lease = await next;
    expect(cloud.sessions.get(id)?.end).toMatchObject({ how: "stop", by: "next" });
    expect(cloud.sessions.get(lease.session.id)?.loaded.state).toEqual(["done"]);
    await lease.release();
    expectNoViolation(vendor);
  },
);

test.skipIf(!isRedisThere)(
  "a holder that was paused for longer than its lease loses it at its next call, and what it had sent meets a stopped session",
  async () => {
    const { vendor, holder, pool } = await scene();
    const { cloud } = vendor;
    const paused = holder("paused");
    const id = await acquired(paused, "a", { group: "g" });
    await paused.step({ do: "run", lease: "a", mark: "before" });
    const others = pool("others");
    await others.stats();

    paused.pause();
    await until(() => cloud.sessions.get(id)?.end !== undefined, STOPPED_BY_OTHERS_MS);
    const lease = await others.acquire({ group: "g" }, { waitTimeoutMs: 5_000 });
    paused.resume();

    expect(await failure(paused.step({ do: "run", lease: "a", mark: "after" }))).toBe("LeaseLostError");
    expect(await failure(paused.step({ do: "zombie", lease: "a", mark: "zombie" }))).toBe("SessionStoppedError");
    expect(cloud.sessions.get(id)?.end).toMatchObject({ how: "stop", by: "others" });
    expect(cloud.sessions.get(id)?.tasks.map(({ origin }) => origin?.mark)).toEqual(["before"]);
    expect(cloud.sessions.get(lease.session.id)?.tasks).toEqual([]);
    await lease.release();
    expectNoViolation(vendor);
  },
);

test.skipIf(!isRedisThere)(
  "a process that cannot stop the session it has lost is served its profile all the same, once others have stopped it",
  async () => {
    const { vendor, holder, pool } = await scene();
    const { cloud, faults } = vendor;
    const paused = holder("paused");
    const others = pool("others");
    await others.stats();
    const id = await acquired(paused, "lost", { profileId: "p1" });
    const next = acquired(paused, "next", { profileId: "p1" }).catch((error: Error) => error.name);
    faults.stopHangsOf = "paused";

    paused.pause();
    await until(() => cloud.sessions.get(id)?.end !== undefined, STOPPED_BY_OTHERS_MS);
    paused.resume();

    expect(cloud.sessions.has(await next), `${await next} is a session`).toBe(true);
    expectNoViolation(vendor);
  },
);

test.skipIf(!isRedisThere).each(["paused", "killed"] as const)(
  "while the store is %s, nobody opens or stops a session, and leases go on to their own deadline",
  async (how) => {
    const { vendor, redis, holder, pool } = await scene();
    const { cloud, judge } = vendor;
    const holding = holder("holding");
    const id = await acquired(holding, "a", { group: "g" });
    const others = pool("others");
    await (await others.acquire({ key: "k" })).release();
    const { creates } = cloud.counts;

    judge.storeDown(0);
    if (how === "paused") redis.pause();
    else await redis.kill();
    const startedAt = performance.now();
    const refused = Promise.all(
      [0, 1, 2].map(() => others.acquire({}, { waitTimeoutMs: 1_500 }).catch((error: unknown) => error)),
    );

    expect(await holding.step({ do: "run", lease: "a", mark: "goes on" })).toBe("finished");
    for (const error of await refused) expect(error).toBeInstanceOf(LeaseStoreError);
    expect(performance.now() - startedAt).toBeLessThan(1_500 + SLACK_MS);
    expect(await failure(holding.step({ do: "run", lease: "a", mark: "too late" }))).toBe("LeaseLostError");
    expect(cloud.counts.creates).toBe(creates);
    expect(cloud.sessions.get(id)?.tasks).toHaveLength(1);

    judge.storeUp();
    if (how === "paused") redis.resume();
    else await redis.start();
    await until(() => cloud.sessions.get(id)?.end !== undefined, STOPPED_BY_OTHERS_MS);
    const lease = await others.acquire({ group: "g" }, { waitTimeoutMs: 5_000 });
    await lease.release();
    expectNoViolation(vendor);
  },
);

test.skipIf(!isRedisThere)(
  "when the store has lost everything, no session is opened above the cap, holders stop what they had, and new ones are served",
  async () => {
    const { vendor, redis, holder, pool } = await scene();
    const { cloud } = vendor;
    const [one, two] = [holder("one"), holder("two")];
    const ids = await Promise.all([0, 1, 2].flatMap((n) => [one, two].map((worker) => acquired(worker, `l${n}`, {}))));
    expect(cloud.live()).toHaveLength(CAP);

    await redis.command("FLUSHALL");
    const others = pool("others");
    const served = await Promise.all(
      Array.from({ length: CAP }, () => others.use({}, async ({ id }) => id, { waitTimeoutMs: 15_000 })),
    );

    expect(new Set(served).size).toBe(CAP);
    expect(await failure(one.step({ do: "run", lease: "l0", mark: "late" }))).toBe("LeaseLostError");
    expect(ids.map((id) => cloud.sessions.get(id)?.end?.how)).toEqual(ids.map(() => "stop"));
    expectNoViolation(vendor);
  },
);

test.skipIf(!isRedisThere)(
  "when the reply to a create with a profile is lost, nobody else gets the profile until that session is surely gone",
  async () => {
    const { vendor, pool } = await scene();
    const { cloud, faults } = vendor;
    const [first, second] = [pool("first"), pool("second")];
    faults.createLost = 1;
    const lost = first.acquire({ profileId: "p1" }, { waitTimeoutMs: 1_000 }).catch((error: unknown) => error);
    await until(() => cloud.counts.creates === 1, SLACK_MS);
    faults.createLost = 0;

    const lease = await second.acquire({ profileId: "p1" }, { waitTimeoutMs: TIMES.holdMs + EMPTY_VENDOR_MS });

    expect(await lost).toBeInstanceOf(Error);
    const [orphan, ...others] = [...cloud.sessions.values()];
    expect(orphan?.end?.how).toBe("stop");
    expect(others.map(({ id }) => id)).toEqual([lease.session.id]);
    await lease.release();
    expectNoViolation(vendor);
  },
);

test.skipIf(!isRedisThere)(
  "who meets sessions of somebody else on the key stays in line, and is served when there is room again",
  async () => {
    const { vendor, pool } = await scene();
    const { cloud } = vendor;
    cloud.occupy(CAP);
    const waiting = pool("waiting", "shared");
    let isServed = false;
    const served = waiting.acquire({}, { waitTimeoutMs: 20_000 }).then((lease) => {
      isServed = true;
      return lease;
    });
    await sleep(TIMES.graceMs + 2 * TIMES.reconcileIntervalMs);
    expect(isServed).toBe(false);
    expect(cloud.live()).toHaveLength(CAP);

    cloud.vacate();

    await (await served).release();
    expectNoViolation(vendor);
  },
);

test.skipIf(!isRedisThere)(
  "when all processes are killed, one that reaps leaves nothing at the vendor and nothing on record",
  async () => {
    const { vendor, redis, holder } = await scene({ faults: { createLate: 0.5 } });
    const holders = ["a", "b", "c"].map((name) => holder(name, { saveProfile: "on-idle" }));
    await Promise.all(
      holders.map((worker, n) => acquired(worker, "kept", { profileId: `p${n + 1}`, group: "g" }).catch(() => {})),
    );
    await holders[0]?.step({ do: "release", lease: "kept" }).catch(() => {});
    for (const worker of holders) acquired(worker, "opening", {}).catch(() => {});
    await sleep(50);

    await Promise.all(holders.map((worker) => worker.kill()));

    const reaper = new Reaper(vendor, redis);
    onTestFinished(() => reaper.close());
    await reaper.expectNothingLeft();
    expectNoViolation(vendor);
  },
);
