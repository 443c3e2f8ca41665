import { describe, expect, test } from "vitest";
import { type PoolEvent, type PoolOptions, SessionPool } from "../../src/pool.ts";
import { InvalidInputError, LeaseLostError, ProfileInUseError, SessionNotStoppedError } from "../../src/skyvern.ts";
import { closeLater, during, failure, pass, still, useStillTime } from "../facade/pool/pool-kit.ts";
import { rejection } from "../support/clients.ts";
import { answer, delayed, type Reply, refusal, reset, Service, silence } from "../support/service.ts";
import { CANCEL, CLOSE, CREATE, clientOf, DISPATCH, LIST, LOOK, RUN, RUNS, service } from "./support.ts";
import { closed, session, taskRun } from "./views.ts";

useStillTime();

const HOLDER = "GET /v1/runs/tsk_9";
const BUSY = session({ runnable_id: "tsk_9" });

/** A service with no session yet; the one that is opened ends when it is asked to. */
function live(): Service {
  const on = service().on(LIST, []);
  return on.on(CLOSE, () => {
    on.on(LOOK, closed());
    return { message: "Browser session closed" };
  });
}

function poolOf(on: Service, options: PoolOptions = {}, skyvern = clientOf(on)) {
  const events: PoolEvent[] = [];
  const onEvent = (event: PoolEvent) => events.push(event);
  const pool = new SessionPool(skyvern.sessions, { maxSessions: 2, onEvent, ...options });
  closeLater(pool);
  return { pool, events };
}

const portOf = (on: Service) => clientOf(on).sessions.sessionPort;

describe("a lease of a Skyvern session", () => {
  test("is opened, used again after a look, and stopped when the pool closes", async () => {
    const on = live();
    const { pool } = poolOf(on);
    await (await pool.acquire({ key: "k" })).release();
    const lease = await pool.acquire({ key: "k" });
    expect(lease).toMatchObject({ uses: 1, session: { id: "pbs_1" } });
    await lease.release();
    await during(pool.close());
    expect(on.operations).toEqual([LIST, CREATE, LOOK, CLOSE, LOOK]);
  });

  test("is not waited for until the browser has started, which may be with the first task", async () => {
    const on = live().on(CREATE, session({ status: "created", started_at: null }));
    on.on(LOOK, session({ status: "created", started_at: null }));
    const { pool } = poolOf(on);
    await (await pool.acquire({ key: "k" })).release();
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ uses: 1 });
  });

  test("after which a task still works has its session stopped", async () => {
    const on = live().on(RUN, taskRun({ status: "running" }));
    const { pool } = poolOf(on);
    const lease = await pool.acquire({ key: "k" });
    const run = await lease.session.start("Go");
    await during(lease.release());
    expect(on.count(CLOSE)).toBe(1);
    on.sent.length = 0;
    expect(await failure(run.hasEnded())).toBeInstanceOf(LeaseLostError);
    expect(on.sent).toEqual([]);
  });

  test("whose task has come to its end keeps its session", async () => {
    const on = live();
    const lease = await poolOf(on).pool.acquire({ key: "k" });
    await during(lease.session.run("Go"));
    await lease.release();
    expect(on.count(CLOSE)).toBe(0);
  });

  test("whose dispatch came to nothing that is known has its session stopped", async () => {
    const on = live().on(DISPATCH, reset());
    const lease = await poolOf(on).pool.acquire({ key: "k" });
    await failure(lease.session.start("Go"));
    await during(lease.release());
    expect(on.count(CLOSE)).toBe(1);
  });

  test("keeps a task out while one works, like any handle", async () => {
    const on = live().on(RUN, taskRun({ status: "running" }));
    const lease = await poolOf(on).pool.acquire({ key: "k" });
    await lease.session.start("Go");
    expect(await failure(lease.session.start("Again"))).toMatchObject({ code: "session_busy" });
    expect(on.count(DISPATCH)).toBe(1);
  });

  test("sends nothing once it is given back, and its stop stops nothing", async () => {
    const on = live();
    const { session: leased } = await poolOf(on).pool.acquire({ key: "k" });
    await leased.stop();
    expect(on.count(CLOSE)).toBe(0);
    on.sent.length = 0;
    for (const call of [leased.refresh(), leased.start("Go"), leased.browserAddress()])
      expect(await rejection(call)).toBeInstanceOf(LeaseLostError);
    expect(on.sent).toEqual([]);
  });

  test("of a session that is closing down its last run waits for that, and does not stop it", async () => {
    const on = live();
    const { pool, events } = poolOf(on);
    await (await pool.acquire({ key: "k" })).release();
    on.on(LOOK, BUSY, BUSY, session()).on(HOLDER, taskRun({ run_id: "tsk_9" }));
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ uses: 1, restarted: false });
    expect(events.map(({ type }) => type)).not.toContain("unusable");
  });

  test("of a session that somebody else has put to work is opened anew, and says so", async () => {
    const on = live();
    const { pool, events } = poolOf(on);
    await (await pool.acquire({ key: "k" })).release();
    on.on(LOOK, BUSY).on(HOLDER, taskRun({ run_id: "tsk_9", status: "running" }));
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ restarted: true });
    expect(events).toContainEqual({ type: "unusable", sessionId: "pbs_1", phase: "busy" });
  });

  test.each([404, 410])("of one that is answered %i when it is looked at is opened anew", async (status) => {
    const on = live().on(LOOK, refusal(status, "gone"));
    const { pool, events } = poolOf(on);
    await (await pool.acquire({ key: "k" })).release();
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ restarted: true });
    expect(events).toContainEqual({ type: "unusable", sessionId: "pbs_1", phase: "closed" });
  });

  test("of a profile is stopped at its end, and refused beside it in this process", async () => {
    const on = live();
    const skyvern = clientOf(on);
    const { pool } = poolOf(on, {}, skyvern);
    const lease = await pool.acquire({ key: "k", browser_profile_id: "bp_1" });
    const opening = skyvern.sessions.open({ browser_profile_id: "bp_1" });
    expect(await rejection(opening)).toBeInstanceOf(ProfileInUseError);
    expect(await rejection(skyvern.profiles.delete("bp_1"))).toBeInstanceOf(ProfileInUseError);
    await during(lease.release());
    expect(on.count(CLOSE)).toBe(1);
  });

  test("a look that times out is tried again, as nothing is wrong with the session", async () => {
    const on = live().on(LOOK, silence, silence, session());
    const skyvern = clientOf(on, { timeoutMs: 1_000, totalTimeoutMs: 1_000 });
    const { pool } = poolOf(on, {}, skyvern);
    await (await pool.acquire({ key: "k" })).release();
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ uses: 3 });
  });
});

test("a wait ends with its lease, also while others' runs keep the list busy", async () => {
  const on = live()
    .on(RUN, taskRun({ status: "running" }))
    .on(RUNS, [{ run_id: "tsk_1", status: "running" }]);
  const skyvern = clientOf(on);
  const { session: leased } = await poolOf(on, {}, skyvern).pool.acquire({ key: "k" });
  const run = await leased.start("Go");
  const other = rejection(skyvern.resume({ apiVersion: "skyvern", id: "tsk_1" }).result({ waitTimeoutMs: 120_000 }));
  const waiting = rejection(run.result());
  await pass(5_000);
  await during(leased.stop());
  const begun = performance.now();
  expect(await during(waiting)).toBeInstanceOf(LeaseLostError);
  expect(performance.now() - begun).toBeLessThan(10_000);
  await during(other);
});

describe("an opening for a pool", () => {
  test("without an answer is never asked for again", async () => {
    const on = live().on(CREATE, reset());
    const { pool } = poolOf(on);
    expect(await failure(pool.acquire({}))).toMatchObject({ outcome: "unknown" });
    expect(on.count(CREATE)).toBe(1);
    expect(await pool.stats()).toMatchObject({ unknown: 1 });
  });

  test("that takes too long counts as unknown", async () => {
    const on = live().on(CREATE, silence);
    const { pool } = poolOf(on, { createTimeoutMs: 12_000 });
    expect(await failure(pool.acquire({}))).toMatchObject({ code: "timeout", outcome: "unknown" });
    expect(await pool.stats()).toMatchObject({ unknown: 1 });
  });

  test("that comes too often is asked for later", async () => {
    const on = live().on(CREATE, refusal(429, "Rate limit exceeded"), session());
    const { pool, events } = poolOf(on);
    await during(pool.acquire({}));
    expect(on.count(CREATE)).toBe(2);
    expect(events[0]).toMatchObject({ type: "openFailed", failure: "later" });
  });

  test.each<[string, Reply, string]>([
    ["a limit of calls", refusal(429, "Rate limit exceeded"), "later"],
    ["a pause", () => new Response("{}", { status: 503, headers: { "Retry-After": "5" } }), "later"],
    ["a server without a word when to come back", refusal(503, "busy"), "unknown"],
    ["a browser that does not start", refusal(504, "failed to start"), "unknown"],
    ["a broken server", answer(500, { error: "oops" }), "unknown"],
    ["a broken connection", reset(), "unknown"],
    ["an answer that is no JSON", () => new Response("<html>"), "unknown"],
    ["an answer without an id", {}, "unknown"],
    ["a key that is wrong", refusal(403, "Invalid credentials"), "refused"],
    ["a plan without this", refusal(403, "no"), "refused"],
    ["a profile that does not exist", answer(404), "refused"],
    ["a request that is wrong", refusal(422, "no"), "refused"],
  ])("that fails for %s is known for what it is", async (_, reply, expected) => {
    const on = live().on(CREATE, reply);
    const own = portOf(on);
    const { request } = own.plan({}, { group: false });
    const error = await failure(own.open(request, { mark: "m", timeoutMs: 10_000 }));
    expect(own.failureOf(error)).toBe(expected);
    expect(on.count(CREATE)).toBe(1);
  });

  test("with a field that the service does not know is refused before anything is asked", async () => {
    const on = new Service();
    expect(await failure(poolOf(on).pool.acquire({ keepAlive: true } as object))).toBeInstanceOf(InvalidInputError);
    expect(on.sent).toEqual([]);
  });

  test("without maxSessions is refused with what to pass, as Skyvern tells no cap", async () => {
    const on = new Service();
    const error = await failure(poolOf(on, { maxSessions: undefined }).pool.acquire({}));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toMatch(/maxSessions.+project/);
    expect(on.sent).toEqual([]);
  });
});

describe("a stop by a pool", () => {
  test.each([404, 410])("of one that is answered %i is done", async (status) => {
    const on = live().on(CLOSE, refusal(status, "gone")).on(LOOK, refusal(status, "gone"));
    expect(await during(portOf(on).stop("pbs_1", { savesProfile: true }))).toBe(undefined);
    expect(on.count(CLOSE)).toBe(1);
  });

  test("that is not confirmed is not done", async () => {
    const on = live().on(CLOSE, refusal(403, "no"));
    const stop = portOf(on).stop("pbs_1", { savesProfile: false });
    expect(await failure(stop)).toBeInstanceOf(SessionNotStoppedError);
  });

  test("with a profile waits for the time of completion, five seconds at most", async () => {
    const ending = session({ status: "completed" });
    const on = live().on(CLOSE, {}).on(LOOK, ending, ending, ending, closed());
    await during(portOf(on).stop("pbs_1", { savesProfile: true }));
    expect(on.count(LOOK)).toBe(4);
    const never = live().on(CLOSE, {}).on(LOOK, delayed(100, ending));
    const begun = performance.now();
    await during(portOf(never).stop("pbs_1", { savesProfile: true }));
    expect(performance.now() - begun).toBeLessThan(6_000);
  });

  test("without a profile waits for nothing more", async () => {
    const on = live()
      .on(CLOSE, {})
      .on(LOOK, session({ status: "completed" }));
    await portOf(on).stop("pbs_1", { savesProfile: false });
    await still();
    expect(on.operations).toEqual([CLOSE, LOOK]);
  });
});

describe("for a pool", () => {
  test.each([
    ["created", session({ status: "created", started_at: null }), "idle"],
    ["running", session(), "idle"],
    ["of a status of tomorrow", session({ status: "something new" }), "idle"],
    ["without a status", session({ status: null }), "idle"],
    ["that a run has", BUSY, "busy"],
    ["completed", closed(), "closed"],
    ["completed, with what had it last", closed({ runnable_id: "tsk_9" }), "closed"],
    ["failed", session({ status: "failed" }), "closed"],
    ["timed out", session({ status: "timeout" }), "closed"],
  ])("a session that is %s is %s", async (_, view, phase) => {
    const on = new Service().on(LOOK, view).on(HOLDER, answer(404));
    expect(await portOf(on).get("pbs_1")).toMatchObject({ id: "pbs_1", phase });
  });

  test("a row of the list that names no session stops no pool, and takes no slot", async () => {
    const on = live();
    on.on(LIST, () => Response.json([null, {}, { browser_session_id: "" }, { browser_session_id: 7 }]));
    const { pool } = poolOf(on, { maxSessions: 1, ownership: "exclusive" });
    const lease = await during(pool.acquire({ key: "k" }));
    expect(lease.session.id).toBe("pbs_1");
    await lease.release();
  });

  test("the live ones are listed, each once", async () => {
    const on = new Service().on(LIST, [session(), session({ browser_session_id: "pbs_2" })]);
    const ids: unknown[] = [];
    for await (const item of portOf(on).list()) ids.push(item);
    expect(ids).toEqual([{ id: "pbs_1" }, { id: "pbs_2" }]);
  });

  test("sessions are alike only when all is alike that they are opened with", () => {
    const baked = (request: object) => portOf(new Service()).plan(request, { group: true }).baked;
    expect(baked({})).toEqual(baked({}));
    for (const request of [
      { timeout: 30 },
      { url: "https://app.test" },
      { proxy_location: "RESIDENTIAL_DE" },
      { proxy_location: { url: "http://u:p@proxy.test" } },
      { extensions: ["ad-blocker"] },
      { browser_type: "chrome" },
      { browser_profile_id: "bp_1" },
      { generate_browser_profile: true },
      { needs_live_view: true },
    ])
      expect(baked(request), JSON.stringify(request)).not.toEqual(baked({}));
  });

  test("a session lives as long as its timeout says, an hour without one, and one nobody knows of five minutes more", () => {
    const lives = (request: object) => {
      const { longestLifeMs, orphanLifeMs } = portOf(new Service()).plan(request, { group: false });
      return [longestLifeMs / 60_000, orphanLifeMs / 60_000];
    };
    expect(lives({})).toEqual([60, 65]);
    expect(lives({ timeout: null })).toEqual([60, 65]);
    expect(lives({ timeout: 10 })).toEqual([10, 15]);
    expect(() => lives({ timeout: 4 })).toThrow(InvalidInputError);
  });

  test("sessions are stopped well before their timeout ends them", async () => {
    const on = live();
    await (await poolOf(on, { idleTimeoutMs: 60 * 60_000 }).pool.acquire({ key: "k", timeout: 10 })).release();
    await pass(8 * 60_000);
    expect(on.count(CLOSE)).toBe(1);
  });

  test("a client's closing stops what its pool has", async () => {
    const on = live();
    const skyvern = clientOf(on);
    const { pool } = poolOf(on, {}, skyvern);
    await (await pool.acquire({ key: "k" })).release();
    await during(skyvern.close());
    expect(on.count(CLOSE)).toBe(1);
    expect(await failure(pool.acquire({ key: "k" }))).toMatchObject({ code: "pool_closed" });
    expect(on.count(CANCEL)).toBe(0);
  });
});
