import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { BrowserUse, type V2Session } from "../../src/index.ts";
import { type Rule, tally } from "./judge.ts";
import { textOf } from "./origin.ts";
import { startVendor, type VendorOptions, WORKER_HEADER } from "./vendor.ts";
import { CALM_VENDOR, CAP } from "./weather.ts";

// The judge before it judges others: without any pool, each rule is broken on purpose, and nothing else is.

async function scene(changes: Partial<VendorOptions> = {}) {
  const quick = { startMs: [0, 0], taskMs: [20, 20], stopMs: [0, 0], listLagMs: [0, 0] } as const;
  const vendor = await startVendor({ ...CALM_VENDOR, ...quick, seed: 1, ...changes });
  onTestFinished(() => vendor.close());
  const client = (worker: string) => {
    const headers = { [WORKER_HEADER]: worker };
    return new BrowserUse({ apiKey: "bu_chaos", baseUrl: vendor.baseUrl, headers }).v2.sessions;
  };
  const broken = (): Partial<Record<Rule, number>> => tally(vendor.judge.violations);
  return { ...vendor, client, broken };
}

/** As one lease would. */
function run(session: V2Session, worker: string, fence: number, options: { zombie?: boolean; lease?: string } = {}) {
  const { zombie = false, lease = `${worker}.${fence}` } = options;
  return session.run(textOf({ worker, fence, lease, mark: `${lease}.m`, zombie }));
}

test("I1: a lease comes after a newer one", async () => {
  const { client, broken } = await scene();
  const session = await client("w1").open();
  await run(session, "w2", 2);
  await run(session, "w1", 1);
  expect(broken()).toEqual({ I1: 1 });
});

test("I1: a lease meets the running task of another", async () => {
  const { client, broken, cloud } = await scene();
  const session = await client("w1").open();
  cloud.taskMs = [5_000, 5_000];
  const first = run(session, "w1", 1).catch(() => {});
  await sleep(50);
  await run(client("w2").attach(session.id), "w2", 2).catch(() => {});
  await session.stop();
  await first;
  expect(broken()).toEqual({ I1: 1 });
});

test("I1: two leases have one fence", async () => {
  const { client, broken } = await scene();
  const session = await client("w1").open();
  await run(session, "w1", 1);
  await run(session, "w1", 1, { lease: "another" });
  expect(broken()).toEqual({ I1: 1 });
});

test("I2: a profile gets a second live session, and loses what the first has saved", async () => {
  const { client, broken } = await scene();
  const one = await client("w1").open({ profileId: "p1" });
  const two = await client("w2").open({ profileId: "p1" });
  await run(one, "w1", 1);
  await one.stop();
  await two.stop();
  expect(broken()).toEqual({ I2: 1, lost: 1 });
});

test("I3: a create arrives at the cap, but not when somebody else has taken the room", async () => {
  const { client, broken, cloud } = await scene();
  cloud.occupy(CAP - 1);
  const w1 = client("w1");
  await w1.open();
  await w1.open({}, { maxRetries: 0 }).catch(() => {});
  expect(broken()).toEqual({});
  cloud.vacate();
  for (let count = 1; count < CAP; count++) await w1.open();
  await w1.open({}, { maxRetries: 0 }).catch(() => {});
  expect(broken()).toEqual({ I3: 1 });
});

test("I5: a zombie works in a session that somebody else has by now, and may do so in one that is still its own", async () => {
  const { client, broken } = await scene();
  const session = await client("w1").open();
  await run(session, "w1", 1, { zombie: true });
  expect(broken()).toEqual({});
  await run(session, "w2", 2);
  await run(session, "w1", 1, { zombie: true });
  expect(broken()).toEqual({ I5: 1 });
});

test("I4 and I7: a session, and one with a profile, is left to the vendor to end", async () => {
  const { client, broken } = await scene({ idleLifeMs: 50 });
  await client("w1").open();
  await client("w1").open({ profileId: "p1" });
  await sleep(200);
  expect(broken()).toEqual({ I4: 1, I7: 1 });
});

test("I8: while the store is down, somebody opens, and stops a session of another", async () => {
  const { client, broken, judge } = await scene();
  const session = await client("w1").open();
  const own = await client("w2").open();
  judge.storeDown(0);
  await sleep(5);
  await client("w1").open();
  await own.stop();
  await client("w2").attach(session.id).stop();
  expect(broken()).toEqual({ I8: 2 });
});

test("what was confirmed is known to be kept, or not to be", async () => {
  const { client, cloud } = await scene();
  const session = await client("w1").open({ profileId: "p1" });
  await run(session, "w1", 1);
  expect(cloud.keeps(session.id, "w1.1.m")).toBeUndefined();
  await session.stop();
  expect(cloud.keeps(session.id, "w1.1.m")).toBe(true);
  expect(cloud.keeps(session.id, "w1.1.other")).toBe(false);
});
