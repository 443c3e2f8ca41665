import { describe, expect, test } from "vitest";
import type { ClientEvent, Run } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { CrowdCloud, type PlannedRun } from "../../support/crowd-cloud.ts";
import { abortAfter, useFastTime } from "../../support/service.ts";

useFastTime();

/** Waits for all, and gives how long after its end each was known. */
async function delaysOf(cloud: CrowdCloud, runs: readonly PlannedRun[], client = cloud.client()): Promise<number[]> {
  return Promise.all(
    runs.map(async (planned) => {
      const { output } = await cloud.resume(client, planned).result();
      expect(output).toBe(`answer of ${planned.id}`);
      return performance.now() - planned.endsAt;
    }),
  );
}

const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

describe.each(["v2", "v3", "v4"] as const)("on %s", (version) => {
  test("200 runs that are awaited at once cost a few list requests a second, and nothing else until they end", async () => {
    const cloud = new CrowdCloud(version);
    const runs = cloud.add(200, 0, (index) => 120_000 + index * 100);
    const waiting = delaysOf(cloud, runs);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    const [before, pagesBefore] = [cloud.asked.length, cloud.pages.length];
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    expect(cloud.asked.length - before).toBe(cloud.pages.length - pagesBefore);
    expect((cloud.asked.length - before) / 60).toBeLessThanOrEqual(4);
    expect(cloud.pages.length - pagesBefore).toBeGreaterThan(60);
    const delays = await waiting;
    expect(mean(delays)).toBeLessThan(1_000);
    expect(Math.max(...delays)).toBeLessThan(2_500);
    // One look at each when it is picked up, one or two at its end, and one to see a v3 run at work.
    expect(cloud.count(/\/id/)).toBeLessThanOrEqual(200 * (version === "v2" ? 2.2 : 4));
  });

  test("What else the account has costs nothing: sessions of the past, and those that come meanwhile", async () => {
    const cloud = new CrowdCloud(version);
    cloud.add(5_000, 0, 0, "past");
    const runs = cloud.add(60, 0, 90_000, "ours");
    const waiting = delaysOf(cloud, runs);
    for (let wave = 0; wave < 8; wave++) {
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      cloud.add(45, 0, 2_000, `other${wave}-`);
    }
    await waiting;
    const seconds = 90;
    expect(cloud.pages.length / seconds).toBeLessThanOrEqual(4);
    expect(cloud.count(/\/id/)).toBeLessThanOrEqual(60 * 8);
  });

  test("One run alone is asked for by itself; no list is read", async () => {
    const cloud = new CrowdCloud(version);
    await delaysOf(cloud, cloud.add(1, 0, 30_000));
    expect(cloud.pages).toEqual([]);
    expect(cloud.asked.length).toBeLessThan(40);
  });

  test("Looks come fast at first and slow down with age, never more than 2.4 s apart in the first twenty minutes", async () => {
    const cloud = new CrowdCloud(version);
    const at: number[] = [];
    const client = cloud.client({
      fetch: (request) => {
        at.push(performance.now());
        return cloud.fetch(request);
      },
    });
    await delaysOf(cloud, cloud.add(1, 0, 600_000), client);
    const gaps = at
      .slice(1)
      .map((time, index) => time - (at[index] ?? 0))
      .filter((gap) => gap > 100);
    expect(mean(gaps.slice(0, 3))).toBeLessThan(400);
    expect(mean(gaps.slice(-50))).toBeGreaterThan(1_800);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2_500);
  });

  test("Runs that are not in the pages are asked for one by one", async () => {
    const cloud = new CrowdCloud(version);
    const runs = cloud.add(10, 0, 20_000);
    cloud.listFault = () =>
      Response.json({ items: [], totalItems: 0, runs: [], sessions: [], total: 0, pageNumber: 1, pageSize: 100 });
    expect(Math.max(...(await delaysOf(cloud, runs)))).toBeLessThan(6_000);
  });

  test.each([
    ["fails", () => new Response("{}", { status: 500 })],
    ["asks for patience", () => new Response("{}", { status: 429 })],
    ["is refused", () => Response.json({ detail: "no" }, { status: 403 })],
    ["is no list", () => Response.json({ detail: "what?" })],
    ["is HTML", () => new Response("<html>")],
  ])("Waits go on when the list %s", async (_, fault) => {
    const cloud = new CrowdCloud(version);
    const runs = cloud.add(20, 0, 30_000);
    cloud.listFault = fault;
    expect(Math.max(...(await delaysOf(cloud, runs)))).toBeLessThan(8_000);
  });

  test("A list that lags behind delays answers, but never makes one up and never holds one back for ever", async () => {
    const cloud = new CrowdCloud(version);
    cloud.listLagMs = 1_000_000;
    const runs = cloud.add(5, 0, 60_000);
    expect(Math.max(...(await delaysOf(cloud, runs)))).toBeLessThan(320_000);
  });

  test("A list that runs ahead of the views ends no wait", async () => {
    const cloud = new CrowdCloud(version);
    cloud.listLagMs = -15_000;
    const delays = await delaysOf(cloud, cloud.add(5, 0, 60_000));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThan(6_000);
  });

  test("Two waits for one run share one answer, also through two handles, and cost as much as one", async () => {
    const alone = new CrowdCloud(version);
    await delaysOf(alone, alone.add(1, 0, 30_000));
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const [planned] = cloud.add(1, 0, 30_000);
    const handles = [1, 2, 3].map(() => cloud.resume(client, planned as PlannedRun));
    const results = await Promise.all(handles.map((run) => run.result()));
    expect(new Set(results.map(({ raw }) => raw)).size).toBe(1);
    expect(cloud.pages).toEqual([]);
    expect(cloud.asked.length).toBeLessThan(alone.asked.length * 1.4);
  });

  test("Who leaves, by abort or by deadline, takes the wait of nobody else along", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const [planned] = cloud.add(1, 0, 30_000) as [PlannedRun];
    const [first, second, third] = [1, 2, 3].map(() => cloud.resume(client, planned)) as [Run, Run, Run];
    const { signal, reason } = abortAfter(5_010);
    const left = rejection(first.result({ signal }));
    const late = rejection(second.result({ waitTimeoutMs: 7_000 }));
    const stays = third.result();
    expect(await left).toBe(reason);
    expect(await late).toMatchObject({ code: "timeout", timeoutMs: 7_000 });
    expect(await stays).toMatchObject({ output: `answer of ${planned.id}` });
  });

  test("Nothing is asked any more when the last one has left, in the middle of a list or of a look", async () => {
    for (const leaveAfterMs of [5_000, 5_010, 5_020, 5_300, 5_330]) {
      const cloud = new CrowdCloud(version);
      const client = cloud.client();
      const control = new AbortController();
      const waits = cloud
        .add(30, 0, 300_000)
        .map((run) => cloud.resume(client, run).result({ signal: control.signal }));
      const all = Promise.allSettled(waits);
      await new Promise((resolve) => setTimeout(resolve, leaveAfterMs));
      control.abort(new Error("left"));
      await all;
      const asked = cloud.asked.length;
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      expect(cloud.asked.length).toBe(asked);
    }
  });

  test("A wait can begin again after all have left", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const [planned] = cloud.add(1, 0, 30_000) as [PlannedRun];
    const run = cloud.resume(client, planned);
    expect(await rejection(run.result({ waitTimeoutMs: 1_000 }))).toMatchObject({ code: "timeout" });
    expect(await run.result()).toMatchObject({ output: `answer of ${planned.id}` });
  });

  test("New runs that come all the time do not make the old ones dearer", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const waits: Promise<unknown>[] = [];
    for (let second = 0; second < 60; second++) {
      const fresh = cloud.add(3, 0, 40_000, `wave${second}-`);
      waits.push(...fresh.map((run) => cloud.resume(client, run).result()));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    await Promise.all(waits);
    expect(cloud.pages.length / 100).toBeLessThanOrEqual(4);
    expect(cloud.count(/\/id/) / 180).toBeLessThanOrEqual(version === "v2" ? 3 : 6);
  });

  test("One run that is gone ends its own wait alone", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const runs = cloud.add(5, 0, 20_000);
    const lost = rejection(cloud.resume(client, { id: "nowhere" }).result());
    const delays = delaysOf(cloud, runs, client);
    expect(await lost).toMatchObject({ code: "not_found" });
    expect(await delays).toHaveLength(5);
  });

  test("An event makes the wait for its run look at once, and its alone", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const [planned, other] = cloud.add(2, 0, 60_000) as [PlannedRun, PlannedRun];
    const run = cloud.resume(client, planned);
    const waiting = run.result();
    const elsewhere = rejection(cloud.resume(client, other).result({ waitTimeoutMs: 40_000 }));
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    planned.endsAt = performance.now();
    client.notify(version === "v2" ? { taskId: run.id } : { sessionId: run.sessionId });
    await waiting;
    expect(performance.now() - planned.endsAt).toBeLessThan(200);
    await elsewhere;
  });

  test("An id is the same however it is written, in lists and in events", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const runs = cloud.add(5, 0, 600_000, "0b1c2d3e-");
    const upper = runs.map(({ id }) => cloud.resume(client, { id: id.replace("-", "").toUpperCase() }));
    const waits = upper.map((run) => run.result());
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    expect(cloud.count(/\/id/)).toBeLessThanOrEqual(5 * 2);
    for (const run of runs) run.endsAt = performance.now();
    for (const { id } of runs) client.notify({ taskId: id, sessionId: id });
    await Promise.all(waits);
    expect(performance.now() - (runs[0]?.endsAt ?? 0)).toBeLessThan(200);
  });

  test("What is no event makes nobody look, and harms nobody", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const waiting = delaysOf(cloud, cloud.add(2, 0, 20_000), client);
    for (const garbage of [{}, { taskId: 5 }, { sessionId: null }, { sessionId: "of another" }])
      client.notify(garbage as object);
    for (const garbage of [undefined, null, "t0", 7]) client.notify(garbage as never);
    expect(await waiting).toHaveLength(2);
  });

  test("Steps are complete when the end is known and a look fails, and none is told late because ends are announced", async () => {
    const cloud = new CrowdCloud(version);
    let faults = 0;
    const client = cloud.client({
      maxRetries: 0,
      fetch: (request) => (faults-- > 0 ? Promise.resolve(new Response("{}", { status: 502 })) : cloud.fetch(request)),
    });
    const [planned] = cloud.add(1, 0, 5_000) as [PlannedRun];
    const run = cloud.resume(client, planned);
    await run.result();
    faults = 1;
    const steps: number[] = [];
    for await (const { number } of run.steps()) steps.push(number);
    expect(steps).toEqual([1]);
  });

  test("A list that gives the same page for ever is not walked for ever, and one empty answer does not end its use", async () => {
    const cloud = new CrowdCloud(version);
    const runs = cloud.add(200, 0, 90_000);
    cloud.listFault = () => {
      const rows = runs.slice(0, 100).map(({ id }) => ({ id, status: version === "v2" ? "started" : "running" }));
      return Response.json({
        items: rows,
        runs: rows,
        nextCursor: "x",
        totalItems: 1e6,
        sessions: rows,
        total: 1e6,
        pageNumber: 1,
        pageSize: 100,
      });
    };
    const waiting = delaysOf(cloud, runs);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    expect(cloud.pages.length).toBeLessThan(150);
    cloud.listFault = () =>
      Response.json({ items: [], totalItems: 0, runs: [], sessions: [], total: 0, pageNumber: 1, pageSize: 100 });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    cloud.listFault = undefined;
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const before = cloud.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    expect((cloud.asked.length - before) / 30).toBeLessThanOrEqual(4);
    await waiting;
  });

  test("Lists that fail bring no storm: of 200 runs, at most 30 a second are asked for, and each now and then", async () => {
    const cloud = new CrowdCloud(version);
    const runs = cloud.add(200, 0, 60_000);
    cloud.listFault = () => new Response("{}", { status: 500 });
    const waiting = delaysOf(cloud, runs);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    const before = cloud.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    expect((cloud.asked.length - before) / 30).toBeLessThanOrEqual(30);
    expect(Math.max(...(await waiting))).toBeLessThan(20_000);
  });

  test("A status that nobody knows in a list is a reason to look", async () => {
    const cloud = new CrowdCloud(version);
    const runs = cloud.add(5, 0, 20_000);
    cloud.listFault = () => {
      const rows = runs.map(({ id }, index) => ({ id, status: [null, 7, "FINISHED", "idle", undefined][index] }));
      return Response.json({
        items: rows,
        runs: rows,
        nextCursor: "x",
        totalItems: 5,
        sessions: rows,
        total: 5,
        pageNumber: 1,
        pageSize: 100,
      });
    };
    expect(
      Math.max(
        ...(await delaysOf(
          cloud,
          runs.filter((_, index) => version === "v2" || index !== 2),
        )),
      ),
    ).toBeLessThan(6_000);
  });

  test("An event that comes while a look is under way leads to another look", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const [planned] = cloud.add(1, 0, 600_000) as [PlannedRun];
    const waiting = cloud.resume(client, planned).result();
    await new Promise((resolve) => setTimeout(resolve, LOOK_IS_UNDER_WAY_MS));
    expect(cloud.asked.length).toBe(1);
    setTimeout(() => {
      planned.endsAt = performance.now();
    }, 25);
    client.notify({ taskId: planned.id, sessionId: planned.id });
    await waiting;
    expect(performance.now() - planned.endsAt).toBeLessThan(150);
  });

  test("While events announce the ends, polling slows down; one that does not come brings it back", async () => {
    const cloud = new CrowdCloud(version);
    const client = cloud.client();
    const runs = cloud.add(20, 0, 10_000_000);
    const waits = runs.map((run) => cloud.resume(client, run).result());
    const end = (index: number) => {
      const run = runs[index] as PlannedRun;
      run.endsAt = performance.now();
      return run;
    };
    const asked = async (ms: number) => {
      const before = cloud.pages.length;
      await new Promise((resolve) => setTimeout(resolve, ms));
      return cloud.pages.length - before;
    };
    expect(await asked(60_000)).toBeGreaterThan(50);
    for (const index of [0, 1, 2]) {
      expect(await asked(30_000)).toBeGreaterThan(25);
      client.notify({ taskId: end(index).id, sessionId: end(index).id });
      await waits[index];
    }
    await asked(30_000);
    expect(await asked(300_000)).toBeLessThanOrEqual(14);
    end(3); // and nobody says so
    await waits[3];
    await asked(90_000);
    expect(await asked(60_000)).toBeGreaterThan(50);
    for (let index = 4; index < 20; index++) end(index);
    await Promise.all(waits);
  });

  test("Who listens hears of each turn, each end and each wait", async () => {
    const cloud = new CrowdCloud(version);
    const events: ClientEvent[] = [];
    const client = cloud.client({ onEvent: (event) => void events.push(event) });
    await delaysOf(cloud, cloud.add(3, 0, 10_000), client);
    const polled = events.filter((event) => event.type === "polled");
    expect(polled.length).toBeGreaterThan(8);
    expect(polled.at(-1)).toMatchObject({ apiVersion: version, nextPollMs: undefined });
    expect(events.filter(({ type }) => type === "ended")).toHaveLength(3);
    expect(events.filter((event) => event.type === "waited")).toMatchObject(Array(3).fill({ outcome: "answered" }));
  });
});

const LOOK_IS_UNDER_WAY_MS = 10;

test("A run of which nothing ever shows gets slower looks, and does not make the others dearer", async () => {
  const cloud = new CrowdCloud("v3");
  const client = cloud.client();
  const [lost] = cloud.add(1, 10_000_000, 10_000_001, "lost") as [PlannedRun];
  const nothing = rejection(cloud.resume(client, lost).result({ waitTimeoutMs: 120_000 }));
  const runs = cloud.add(20, 0, 110_000);
  await delaysOf(cloud, runs, client);
  await nothing;
  // Each look at it is its view and its messages.
  expect(cloud.count(/\/id/)).toBeLessThan(20 * 4 + 80 * 2);
});

test("A task that is stopped through one handle is stopped for all who wait for it", async () => {
  const session = new CrowdCloud("v3");
  const [planned] = session.add(1, 0, 10_000_000) as [PlannedRun];
  const client = session.client({
    fetch: async (request) => {
      if (!request.url.endsWith("/stop")) return session.fetch(request);
      planned.startsAt = planned.endsAt = 10_000_000_000;
      return session.fetch(new Request(request.url.replace("/stop", "")));
    },
  });
  const [first, second] = [session.resume(client, planned), session.resume(client, planned)];
  const waits = [rejection(first.result()), rejection(second.result())];
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await second.stop();
  for (const error of await Promise.all(waits)) expect(error).toMatchObject({ result: { status: "stopped" } });
});

test("A v3 run that only a list shows at work is not believed to be", async () => {
  const cloud = new CrowdCloud("v3");
  const client = cloud.client();
  const now = performance.now();
  // The list is late: it still shows yesterday's run at work. Today's never starts.
  cloud.add(2, 0, 0);
  for (const run of cloud.runs) run.startsAt = run.endsAt = now + 10_000_000;
  cloud.listFault = () =>
    Response.json({
      sessions: cloud.runs.map(({ id }) => ({ id, status: "running", stepCount: 1 })),
      total: 2,
      page: 1,
      pageSize: 100,
    });
  const baseline = { messageId: null, stepCount: 0, totalCostUsd: "0", answered: true };
  const waits = cloud.runs.map(({ id }) =>
    rejection(client.resume({ apiVersion: "v3", id, sessionId: id, baseline }).result({ waitTimeoutMs: 60_000 })),
  );
  for (const error of await Promise.all(waits)) expect(error).toMatchObject({ code: "timeout" });
});
