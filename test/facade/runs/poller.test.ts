import { expect, test } from "vitest";
import { paceMs } from "../../../src/facade/runs/pace.ts";
import { type Polled, Poller } from "../../../src/facade/runs/poller.ts";
import type { RunList } from "../../../src/facade/runs/run-list.ts";
import { SessionPool } from "../../../src/pool.ts";
import { rejection } from "../../support/clients.ts";
import { CrowdCloud } from "../../support/crowd-cloud.ts";
import { Service, useFastTime } from "../../support/service.ts";
import { v2Session, v2Task } from "../../support/views.ts";

useFastTime();

const ALL_AT_WORK: RunList = async (places) => ({
  statuses: new Map(places.map(({ id }) => [id, "started"])),
  requests: 1,
});

function polled(id: string, changes: Partial<Polled> = {}): Polled {
  const isNews = (status: string | undefined) => status !== "started";
  const sinceMs = performance.now();
  return { place: { id, sessionId: `s-${id}` }, sinceMs, isNews, check: () => {}, ...changes };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test.each([
  ["one run, just begun", { runs: 1, requests: 1, ageMs: 0 }, 250],
  ["one run, 4 s old", { runs: 1, requests: 1, ageMs: 4_000 }, 1_000],
  ["one run, a minute old", { runs: 1, requests: 1, ageMs: 60_000 }, 2_000],
  ["one run, an hour old", { runs: 1, requests: 1, ageMs: 3_600_000 }, 5_000],
  ["100 runs in one list, just begun", { runs: 100, requests: 1, ageMs: 0 }, 250],
  ["100 runs in one list, a minute old", { runs: 100, requests: 1, ageMs: 60_000 }, 800],
  ["200 runs in two lists, just begun", { runs: 200, requests: 2, ageMs: 0 }, 500],
  ["1,000 runs in ten lists, just begun", { runs: 1_000, requests: 10, ageMs: 0 }, 500],
  ["1,000 runs in ten lists, a minute old", { runs: 1_000, requests: 10, ageMs: 60_000 }, 800],
  ["10 runs, each by itself", { runs: 10, requests: 10, ageMs: 0 }, 2_000],
  ["100 runs, announced, a minute old", { runs: 100, requests: 1, ageMs: 60_000, announced: true }, 15_000],
  ["100 runs, announced, an hour old", { runs: 100, requests: 1, ageMs: 3_600_000, announced: true }, 30_000],
])("%s: the next look comes after a while", (_, crowd, expected) => {
  expect(paceMs(crowd, () => 0.5)).toBeCloseTo(expected);
  expect(paceMs(crowd, () => 0)).toBeCloseTo(expected * 0.8);
  expect(paceMs(crowd, () => 1)).toBeCloseTo(expected * 1.2);
});

test("Who comes later has a first turn soon, however slow the turns of the old ones are", async () => {
  const poller = new Poller(ALL_AT_WORK);
  const control = new AbortController();
  const old = polled("old", { sinceMs: performance.now() - 4 * 3_600_000 });
  poller.add(old);
  const waiting = Promise.allSettled([poller.turn(old, control.signal)]);
  await pause(10);
  const young = polled("young", { isNews: () => true });
  poller.add(young);
  const begun = performance.now();
  await poller.turn(young, control.signal);
  expect(performance.now() - begun).toBeLessThan(1_000);
  control.abort(new Error("left"));
  await waiting;
});

test("The reading of a list is aborted when nobody waits for it any more", async () => {
  let aborted = false;
  const poller = new Poller((_, signal) => {
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        aborted = true;
        reject(signal.reason);
      }),
    );
  });
  const control = new AbortController();
  const runs = [polled("a"), polled("b")];
  const waits = runs.map((run) => {
    poller.add(run);
    return rejection(poller.turn(run, control.signal));
  });
  await pause(2_000);
  expect(aborted).toBe(false);
  control.abort(new Error("left"));
  await Promise.all(waits);
  expect(aborted).toBe(true);
});

test("A run that may not be watched any more ends its wait at the next turn, though its list shows it at work", async () => {
  const poller = new Poller(ALL_AT_WORK);
  const lost = new Error("The lease is over.");
  let isOurs = true;
  const check = () => {
    if (!isOurs) throw lost;
  };
  const { signal } = new AbortController();
  const runs = [polled("a", { check }), polled("b", { check })];
  const waits = runs.map((run) => {
    poller.add(run);
    return rejection(poller.turn(run, signal));
  });
  await pause(20_000);
  isOurs = false;
  expect(await Promise.all(waits)).toEqual([lost, lost]);
});

test("Waits through leases of a pool end with the lease, though lists show their runs at work", async () => {
  const ids = ["1", "2", "3"];
  const service = new Service()
    .on("GET /v3/billing/account", { projectId: "p", rateLimit: 10 })
    .on("GET /v2/sessions", { items: [], totalItems: 0, pageNumber: 1, pageSize: 100 });
  for (const id of ids) {
    service
      .on(`GET /v2/sessions/s${id}`, v2Session({ id: `s${id}` }))
      .on(
        `PATCH /v2/sessions/s${id}`,
        v2Session({ id: `s${id}`, status: "stopped", finishedAt: "2026-03-01T10:00:00" }),
      )
      .on(`GET /v2/tasks/t${id}/status`, { id: `t${id}`, status: "started" })
      .on(`PATCH /v2/tasks/t${id}`, v2Task({ id: `t${id}`, status: "stopped" }))
      .on(`GET /v2/tasks/t${id}`, v2Task({ id: `t${id}`, status: "started" }));
  }
  service
    .on("POST /v2/sessions", ...ids.map((id) => v2Session({ id: `s${id}` })))
    .on("POST /v2/tasks", ...ids.map((id) => ({ id: `t${id}`, sessionId: `s${id}` })))
    .on("GET /v2/tasks", ({ query }) => {
      const items = query["filterBy"] === "started" ? ids.map((id) => v2Task({ id: `t${id}`, status: "started" })) : [];
      return { items, totalItems: items.length, pageNumber: 1, pageSize: 100 };
    });
  const pool = new SessionPool(service.client().v2.sessions, { maxSessions: 5 });
  const leases = [await pool.acquire({}), await pool.acquire({}), await pool.acquire({})];
  const waits = leases.map((lease) => rejection(lease.session.start("Read the total").then((run) => run.result())));
  await pause(10_000);
  await Promise.all(leases.map((lease) => lease.release({ reuse: false })));
  for (const error of await Promise.all(waits)) expect(error).toMatchObject({ code: "lease_lost" });
  await pool.close();
});

test("A v3 run whose only evidence is that it was seen at work is seen at work, also where lists are read", async () => {
  const cloud = new CrowdCloud("v3");
  cloud.leavesNoTrace = true;
  const client = cloud.client();
  const runs = cloud.add(5, 3_000, 20_000);
  const results = await Promise.all(runs.map((run) => cloud.resume(client, run).result({ waitTimeoutMs: 60_000 })));
  expect(results.map(({ output }) => output)).toEqual(runs.map(({ id }) => `answer of ${id}`));
});
