import { describe, expect, test } from "vitest";
import {
  type BrowserUse,
  type ClientEvent,
  InvalidInputError,
  ProfileInUseError,
  type SessionNotStoppedError,
  TimeoutError,
  type V4RunOptions,
} from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import {
  abortAfter,
  answer,
  countedSignal,
  delayed,
  held,
  type Reply,
  refusal,
  reset,
  Service,
  silence,
  useFastTime,
} from "../../support/service.ts";
import {
  agentBrowser,
  BROWSERS,
  browsers,
  CANCEL,
  CREATE,
  EVENTS,
  event,
  events,
  RUN,
  STATUS,
  STOP_BROWSER,
  started,
  v4Run,
} from "./views.ts";

useFastTime();

const is = (status: string) => ({ status });
const STOPPED = agentBrowser({ status: "stopped" });

/** A service on which a run takes a few looks, and leaves a browser; a cancellation ends it at the next look. */
function cloud(): Service {
  const service = new Service()
    .on(CREATE, started())
    .on(STATUS, is("running"), is("running"), is("completed"))
    .on(EVENTS, events([event(1)]))
    .on(RUN, v4Run())
    .on(BROWSERS, browsers(agentBrowser()))
    .on(STOP_BROWSER, STOPPED);
  return service.on(CANCEL, () => {
    service.on(STATUS, is("cancelled")).on(RUN, v4Run({ status: "cancelled", result: null }));
    return v4Run({ status: "running" });
  });
}

/** The same, with a run that does not end by itself. */
const busy = () => cloud().on(STATUS, is("running"));

function reporting(service: Service): { client: BrowserUse; reports: SessionNotStoppedError[] } {
  const reports: SessionNotStoppedError[] = [];
  return { client: service.client({ onSessionNotStopped: (error) => void reports.push(error) }), reports };
}

const run = (on: Service, options?: V4RunOptions) => on.client().v4.runs.run("Read the total", options);
const AFTER = [CANCEL, STATUS, RUN, BROWSERS, STOP_BROWSER];

describe("A run in a session of its own", () => {
  test("gives the answer, and stops the browser of its session", async () => {
    const on = cloud();
    expect(await run(on)).toMatchObject({ status: "completed", success: null, output: "42 EUR" });
    expect(on.operations).toEqual([CREATE, STATUS, STATUS, STATUS, RUN, BROWSERS, STOP_BROWSER]);
    expect(on.sent.find(({ operation }) => operation === BROWSERS)?.query).toMatchObject({
      agentSessionId: "s1",
      filterBy: "active",
    });
    expect(on.bodies(STOP_BROWSER)).toEqual([{ action: "stop" }]);
  });

  test("gives its steps before its result", async () => {
    const told: string[] = [];
    const { output } = await run(cloud(), { onStep: ({ summary }) => void told.push(summary) });
    expect([...told, output]).toEqual(["step 1", "42 EUR"]);
  });

  test("that fails has its browser stopped, and is not cancelled", async () => {
    const on = cloud()
      .on(STATUS, is("failed"))
      .on(RUN, v4Run({ status: "failed", error: "No way." }));
    expect(await rejection(run(on))).toMatchObject({ code: "run_failed", result: { raw: { error: "No way." } } });
    expect(on.operations).toEqual([CREATE, STATUS, RUN, BROWSERS, STOP_BROWSER]);
  });

  test("stops every browser of its session, and none of anybody else, also where the filter is not known", async () => {
    const [mine, upper] = [agentBrowser({ id: "b1" }), agentBrowser({ id: "b2", agentSessionId: "S1" })];
    const others = [agentBrowser({ id: "b3", agentSessionId: "s2" }), agentBrowser({ id: "b4", agentSessionId: null })];
    const on = cloud()
      .on(BROWSERS, browsers(mine, ...others, upper))
      .on("PATCH /v4/browsers/b2", agentBrowser({ id: "b2", status: "stopped" }));
    await run(on);
    expect(on.operations.filter((operation) => operation.startsWith("PATCH"))).toEqual([
      STOP_BROWSER,
      "PATCH /v4/browsers/b2",
    ]);
  });

  test("that has opened no browser is over when two looks show none", async () => {
    const on = cloud().on(BROWSERS, browsers());
    await run(on);
    expect(on.operations.slice(-2)).toEqual([BROWSERS, BROWSERS]);
    expect(on.count(BROWSERS)).toBe(2);
  });

  test("whose browser is listed late has it stopped", async () => {
    const on = cloud().on(BROWSERS, browsers(), browsers(agentBrowser()));
    await run(on);
    expect(on.operations.slice(-3)).toEqual([BROWSERS, BROWSERS, STOP_BROWSER]);
  });

  test("has its browsers stopped on every page of the list", async () => {
    const all = Array.from({ length: 150 }, (_, index) => agentBrowser({ id: `b${index}` }));
    const on = cloud();
    on.on(BROWSERS, ({ query }) => {
      const from = (Number(query["pageNumber"]) - 1) * 100;
      return { items: all.slice(from, from + 100), totalItems: all.length };
    });
    for (const { id } of all as { id: string }[])
      on.on(`PATCH /v4/browsers/${id}`, agentBrowser({ id, status: "stopped" }));
    await run(on);
    expect(on.operations.filter((operation) => operation.startsWith("PATCH"))).toHaveLength(150);
    expect(on.count(BROWSERS)).toBe(2);
  });

  test("leaves alone what the list shows as stopped, where the filter is not known", async () => {
    const on = cloud().on(BROWSERS, browsers(STOPPED));
    await run(on);
    expect(on.count(STOP_BROWSER)).toBe(0);
  });

  test("waits until the service confirms that the browser has stopped", async () => {
    const on = cloud()
      .on(BROWSERS, browsers(agentBrowser()), browsers(agentBrowser()), browsers())
      .on(STOP_BROWSER, agentBrowser());
    const begun = performance.now();
    await run(on);
    expect(on.count(BROWSERS)).toBe(3);
    expect(on.count(STOP_BROWSER)).toBe(2);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(500);
  });

  test("whose browser is gone by itself is over", async () => {
    const on = cloud().on(BROWSERS, browsers(agentBrowser()), browsers()).on(STOP_BROWSER, refusal(404, "gone"));
    const { client, reports } = reporting(on);
    expect(await client.v4.runs.run("Go")).toMatchObject({ output: "42 EUR" });
    expect(reports).toEqual([]);
    expect(on.count(BROWSERS)).toBe(2);
  });

  test("one of whose browsers is gone still waits for the other", async () => {
    const [gone, late] = [agentBrowser(), agentBrowser({ id: "b2" })];
    const on = cloud()
      .on(BROWSERS, browsers(gone, late), browsers(late), browsers())
      .on(STOP_BROWSER, refusal(404, "gone"))
      .on("PATCH /v4/browsers/b2", late);
    await run(on);
    expect(on.count(BROWSERS)).toBe(3);
  });

  test("is given up in time when every answer takes long", async () => {
    const on = busy();
    const slow = (reply: Reply) => delayed(9_000, reply);
    on.on(CANCEL, () => {
      on.on(STATUS, slow(is("cancelled"))).on(RUN, slow(v4Run({ status: "cancelled" })));
      on.on(BROWSERS, slow(browsers(agentBrowser())));
      return slow(v4Run({ status: "running" }));
    });
    const { client, reports } = reporting(on);
    const { signal, reason } = abortAfter(3_000);
    const begun = performance.now();
    expect(await rejection(client.v4.runs.run("Go", { signal }))).toBe(reason);
    expect(performance.now() - begun).toBeLessThan(33_100);
    expect(reports).toMatchObject([{ sessionId: "s1", cause: { code: "timeout" } }]);
  });

  test.each<[string, string, Reply]>([
    ["cannot be listed", BROWSERS, refusal(403, "no")],
    ["is no list", BROWSERS, { detail: "what?" }],
    ["is in a list that is never found", BROWSERS, refusal(404, "no")],
    ["cannot be stopped", STOP_BROWSER, refusal(403, "no")],
    ["is never found, though it is listed", STOP_BROWSER, refusal(404, "gone")],
    ["does not stop", STOP_BROWSER, agentBrowser()],
    ["says nothing", STOP_BROWSER, silence],
  ])("gives its answer and reports the session when its browser %s", async (_, operation, reply) => {
    const { client, reports } = reporting(cloud().on(operation, reply));
    const begun = performance.now();
    expect(await client.v4.runs.run("Go")).toMatchObject({ output: "42 EUR" });
    expect(reports).toMatchObject([{ code: "session_not_stopped", sessionId: "s1" }]);
    expect(performance.now() - begun).toBeLessThan(35_000);
  });

  test("tries again when the browser cannot be listed or stopped for a moment", async () => {
    const { client, reports } = reporting(
      cloud().on(BROWSERS, answer(502), browsers(agentBrowser())).on(STOP_BROWSER, reset(), answer(429), STOPPED),
    );
    await client.v4.runs.run("Go");
    expect(reports).toEqual([]);
  });

  test("that is aborted is cancelled, its browser stopped, and rejects with the caller's reason", async () => {
    const on = busy();
    const { signal, reason } = abortAfter(3_000);
    expect(await rejection(run(on, { signal }))).toBe(reason);
    expect(on.operations.slice(-6)).toEqual([STATUS, ...AFTER]);
  });

  test("whose cancellation takes a while has its browser stopped meanwhile, and looked for once more when it has ended", async () => {
    const on = busy().on(CANCEL, () => {
      on.on(STATUS, is("running"), is("cancelled")).on(RUN, v4Run({ status: "cancelled" }));
      return v4Run({ status: "running" });
    });
    const { signal } = abortAfter(3_000);
    await rejection(run(on, { signal }));
    expect(on.operations.slice(-8)).toEqual([CANCEL, STATUS, BROWSERS, STOP_BROWSER, ...AFTER.slice(1)]);
    expect(on.count(CANCEL)).toBe(1);
  });

  test.each<[string, Reply]>([
    ["is refused", refusal(403, "no")],
    ["has no effect", v4Run({ status: "running" })],
    ["gets no answer", silence],
  ])(
    "whose cancellation %s is reported, its browser stopped, and the caller's reason left as it is",
    async (_, reply) => {
      const on = busy().on(CANCEL, reply);
      const { client, reports } = reporting(on);
      const { signal, reason } = abortAfter(3_000);
      const begun = performance.now();
      expect(await rejection(client.v4.runs.run("Go", { signal }))).toBe(reason);
      expect(reports).toMatchObject([{ sessionId: "s1" }]);
      expect(performance.now() - begun).toBeLessThan(34_000);
      expect(on.count(STOP_BROWSER)).toBeGreaterThan(0);
    },
  );

  test("that is aborted before it began rejects at once, and is cancelled when it arrives", async () => {
    const on = busy().on(CREATE, delayed(5_000, started()));
    const { signal, reason } = abortAfter(1_000);
    const begun = performance.now();
    expect(await rejection(run(on, { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(1_000);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(on.operations).toEqual([CREATE, ...AFTER]);
  });

  test("under a signal that has aborted sends nothing", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    expect(await rejection(run(new Service(), { signal }))).toBe(signal.reason);
  });

  test.each<[string, string, Reply[]]>([
    ["cancellation is refused once", CANCEL, [refusal(404, "not found yet")]],
    ["cancellation breaks once", CANCEL, [answer(500)]],
    ["status is not found once", STATUS, [refusal(404, "no run")]],
    ["status cannot be read once", STATUS, [refusal(403, "no")]],
    ["list of browsers is not found once", BROWSERS, [refusal(404, "no list")]],
    ["list of browsers is gone once", BROWSERS, [refusal(410, "no list")]],
    ["browser is not found once", STOP_BROWSER, [refusal(404, "no browser")]],
    ["browser does not stop at once", STOP_BROWSER, [agentBrowser()]],
  ])("whose %s is still ended, and nothing is reported", async (_, operation, faults) => {
    const on = busy();
    const { client, reports } = reporting(on);
    const after: Record<string, Reply> = {
      [BROWSERS]: browsers(agentBrowser()),
      [STOP_BROWSER]: STOPPED,
      [STATUS]: is("cancelled"),
    };
    const cancelled = () => {
      on.on(STATUS, ...(operation === STATUS ? faults : []), is("cancelled"));
      on.on(RUN, v4Run({ status: "cancelled" }));
      return v4Run({ status: "running" });
    };
    // When it is fresh, a run that is not found is taken for one that waits.
    const { signal, reason } = abortAfter(15_000);
    on.on(CANCEL, ...(operation === CANCEL ? faults : []), cancelled);
    if (operation === BROWSERS || operation === STOP_BROWSER) on.on(operation, ...faults, after[operation] as Reply);
    expect(await rejection(client.v4.runs.run("Go", { signal }))).toBe(reason);
    expect(reports).toEqual([]);
    expect(on.count(CANCEL)).toBe(operation === CANCEL ? 2 : 1);
    expect(on.operations.at(-1)).toBe(STOP_BROWSER);
  });

  test.each<[string, string]>([
    ["status", STATUS],
    ["cancellation", CANCEL],
  ])("whose %s gets no answer has its browser stopped within seconds all the same", async (_, operation) => {
    const on = busy().on(CANCEL, v4Run({ status: "running" }));
    const { signal, reason } = abortAfter(3_000);
    signal.addEventListener("abort", () => on.on(operation, silence));
    let stoppedMs = 0;
    on.on(STOP_BROWSER, () => {
      stoppedMs ||= performance.now();
      return STOPPED;
    });
    const begun = performance.now();
    const { client, reports } = reporting(on);
    expect(await rejection(client.v4.runs.run("Go", { signal }))).toBe(reason);
    expect(stoppedMs - begun).toBeLessThan(15_000);
    expect(on.count(CANCEL)).toBeGreaterThan(0);
    expect(reports).toMatchObject([{ sessionId: "s1" }]);
    expect(performance.now() - begun).toBeLessThan(34_000);
  });

  test("that ends though its cancellation gets no answer is over with that, and the request given up", async () => {
    const on = busy().on(CANCEL, silence);
    const { signal } = abortAfter(3_000);
    setTimeout(() => on.on(STATUS, is("completed")), 10_000);
    const { client, reports } = reporting(on);
    await rejection(client.v4.runs.run("Go", { signal }));
    expect(reports).toEqual([]);
    expect(on.sent.filter(({ operation }) => operation === CANCEL).map((sent) => sent.signal.aborted)).toContain(true);
  });

  test("is over in time, cancelled, with its browser stopped", async () => {
    const on = busy();
    const begun = performance.now();
    const error = await rejection(run(on, { waitTimeoutMs: 5_000 }));
    expect(performance.now() - begun).toBe(5_000);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(on.operations.slice(-5)).toEqual(AFTER);
  });

  test("is over in time also when it is not even begun", async () => {
    const on = busy().on(CREATE, delayed(9_000, started()));
    const begun = performance.now();
    expect(await rejection(run(on, { waitTimeoutMs: 5_000 }))).toBeInstanceOf(TimeoutError);
    expect(performance.now() - begun).toBe(5_000);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(on.operations.slice(-5)).toEqual(AFTER);
  });

  test("ends with what onStep throws, and is cancelled", async () => {
    const on = busy();
    const mine = new Error("mine");
    const onStep = () => {
      throw mine;
    };
    expect(await rejection(run(on, { onStep }))).toBe(mine);
    expect(on.operations.slice(-5)).toEqual(AFTER);
  });

  test("that perhaps was started is not started again", async () => {
    const on = new Service().on(CREATE, reset());
    expect(await rejection(run(on))).toMatchObject({ code: "connection", outcome: "unknown" });
    expect(on.operations).toEqual([CREATE]);
  });

  test("leaves nobody listening to its signal", async () => {
    const { control, listeners } = countedSignal();
    await run(cloud(), { signal: control.signal });
    expect(listeners()).toBe(0);
  });

  test("has its profile until its browser has stopped, and not a moment longer", async () => {
    const { reply, give, asked } = held();
    const on = cloud().on(STOP_BROWSER, reply);
    const { v4 } = on.client();
    const options = { browserSettings: { profileId: "p1" } };
    const first = v4.runs.run("Go", options);
    await asked;
    expect(await rejection(v4.runs.start("Again", options))).toBeInstanceOf(ProfileInUseError);
    give(STOPPED);
    await first;
    await v4.runs.start("Again", options);
    expect(on.count(CREATE)).toBe(2);
  });

  test("that could not be stopped keeps its profile", async () => {
    const on = cloud().on(STOP_BROWSER, refusal(403, "no"));
    const { client } = reporting(on);
    const options = { browserSettings: { profileId: "p1" } };
    await client.v4.runs.run("Go", options);
    expect(await rejection(client.v4.runs.run("Again", options))).toBeInstanceOf(ProfileInUseError);
  });

  test("is announced when it is opened, and when it is over", async () => {
    const heard: ClientEvent[] = [];
    await cloud()
      .client({ onEvent: (event) => void heard.push(event) })
      .v4.runs.run("Go");
    expect(heard.filter(({ type }) => type === "opened" || type === "stopped")).toMatchObject([
      { type: "opened", kind: "v4.run", sessionId: "s1" },
      { type: "stopped", kind: "v4.run", sessionId: "s1" },
    ]);
  });

  test.each([
    { onStep: 5 },
    { signal: {} },
    { signal: new AbortController() },
    { waitTimeoutMs: -1 },
    { maxRetries: -1 },
  ])("is refused before anything is sent with %j", async (wrong) => {
    for (const more of [{}, { sessionId: "s1" }, { sessionId: "s1", keepAlive: false }]) {
      const options = { ...wrong, ...more } as unknown as V4RunOptions;
      expect(await rejection(run(new Service(), options))).toBeInstanceOf(InvalidInputError);
    }
  });

  test.each(["schema", "task", "maxStep", "sessionSettings"])(
    "is refused before anything is sent with the field %s",
    async (field) => {
      expect(await rejection(run(new Service(), { [field]: "x" } as V4RunOptions))).toBeInstanceOf(InvalidInputError);
    },
  );
});

describe("close", () => {
  test("cancels a run at work, stops its browser, and ends the wait", async () => {
    const on = busy();
    const client = on.client();
    const waiting = rejection(client.v4.runs.run("Go"));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await client.close();
    expect(await waiting).toMatchObject({ code: "run_failed", result: { status: "cancelled" } });
    expect(on.count(CANCEL)).toBe(1);
    expect(on.count(STOP_BROWSER)).toBe(1);
  });

  test("cancels a run that is still on its way, and starts no other", async () => {
    const on = busy().on(CREATE, delayed(2_000, started()));
    const client = on.client();
    const waiting = rejection(client.v4.runs.run("Go"));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await client.close();
    expect(on.count(CANCEL)).toBe(1);
    expect(await rejection(client.v4.runs.run("Again"))).toBeInstanceOf(InvalidInputError);
    await waiting;
    expect(on.count(CREATE)).toBe(1);
  });
});

describe("keepAlive", () => {
  test("leaves the browser of a run that has answered", async () => {
    const on = cloud();
    expect(await run(on, { keepAlive: true })).toMatchObject({ output: "42 EUR", raw: { sessionId: "s1" } });
    expect(on.operations).toEqual([CREATE, STATUS, STATUS, STATUS, RUN]);
    expect(on.bodies(CREATE)).toEqual([{ task: "Read the total" }]);
  });

  test("leaves the browser of a run that has failed", async () => {
    const on = cloud()
      .on(STATUS, is("failed"))
      .on(RUN, v4Run({ status: "failed" }));
    expect(await rejection(run(on, { keepAlive: true }))).toMatchObject({ code: "run_failed" });
    expect(on.operations).toEqual([CREATE, STATUS, RUN]);
  });

  test("keeps the profile until the browser is gone", async () => {
    const on = cloud();
    const { v4 } = on.client();
    const options = { browserSettings: { profileId: "p1" } };
    await v4.runs.run("Go", { ...options, keepAlive: true });
    expect(await rejection(v4.runs.start("Again", options))).toBeInstanceOf(ProfileInUseError);
    on.on(BROWSERS, browsers());
    await v4.runs.start("Again", options);
    expect(on.count(CREATE)).toBe(2);
  });

  test("leaves nothing of a run whose onStep throws, even at its last look", async () => {
    const on = cloud().on(STATUS, is("completed"));
    const mine = new Error("mine");
    const onStep = () => {
      throw mine;
    };
    expect(await rejection(run(on, { onStep, keepAlive: true }))).toBe(mine);
    expect(on.operations.slice(-2)).toEqual([BROWSERS, STOP_BROWSER]);
  });

  test("does not spare a client that is closed the confirmation that the browser has stopped", async () => {
    const on = busy()
      .on(STOP_BROWSER, agentBrowser())
      .on(BROWSERS, browsers(agentBrowser()), browsers(agentBrowser()), browsers(agentBrowser()), browsers());
    const client = on.client();
    const waiting = rejection(client.v4.runs.run("Go", { keepAlive: true }));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await client.close();
    expect(await waiting).toMatchObject({ code: "run_failed" });
    expect(on.count(BROWSERS)).toBe(4);
  });

  test("keeps the profile from all others, too, and as long as follow-ups go on", async () => {
    const on = cloud();
    const client = on.client();
    const browserSettings = { profileId: "p1" };
    const isRefused = async () => {
      expect(await rejection(client.browsers.open(browserSettings))).toBeInstanceOf(ProfileInUseError);
      expect(await rejection(client.profiles.delete("p1"))).toBeInstanceOf(ProfileInUseError);
    };
    await client.v4.runs.run("Go", { browserSettings, keepAlive: true });
    await isRefused();
    on.on(CREATE, started({ id: "r2" }))
      .on("GET /v4/runs/r2/status", is("running"))
      .on("GET /v4/runs/r2", v4Run({ id: "r2" }));
    const next = await client.v4.runs.start("Go on", { sessionId: "S1" });
    await new Promise((resolve) => setTimeout(resolve, 60 * 60_000));
    await isRefused();
    // Its browser may not be listed yet: while it is at work, that says nothing.
    on.on(BROWSERS, browsers());
    expect(await rejection(client.v4.runs.start("Another", { browserSettings }))).toBeInstanceOf(ProfileInUseError);
    on.on("GET /v4/runs/r2/status", is("completed"));
    await next.result();
    await new Promise((resolve) => setTimeout(resolve, 19 * 60_000));
    await isRefused();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    on.on("DELETE /v4/profiles/p1", answer(204))
      .on("DELETE /v3/profiles/p1", answer(204))
      .on("DELETE /v2/profiles/p1", answer(204));
    await client.profiles.delete("p1");
  });

  test("is not kept longer by those who look at the run once more", async () => {
    const on = cloud();
    const client = on.client();
    const started = await client.v4.runs.start("Go", { browserSettings: { profileId: "p1" } });
    await started.result();
    await new Promise((resolve) => setTimeout(resolve, 15 * 60_000));
    for await (const _ of started.steps());
    await new Promise((resolve) => setTimeout(resolve, 5 * 60_000));
    const before = on.sent.length;
    await client.v4.runs.start("Again", { browserSettings: { profileId: "p1" } });
    expect(on.operations.slice(before)).toEqual([CREATE]);
  });

  test("leaves nothing of a run that is aborted: nobody follows it up", async () => {
    const on = busy();
    const { signal, reason } = abortAfter(3_000);
    expect(await rejection(run(on, { signal, keepAlive: true }))).toBe(reason);
    expect(on.operations.slice(-5)).toEqual(AFTER);
  });

  test("does not spare a run that is aborted the confirmation that its browser has stopped", async () => {
    const on = busy().on(STOP_BROWSER, agentBrowser()).on(BROWSERS, browsers(agentBrowser()), browsers());
    const { signal } = abortAfter(3_000);
    await rejection(run(on, { signal, keepAlive: true }));
    expect(on.count(BROWSERS)).toBe(2);
  });

  test.each([[{ keepAlive: "yes" }], [{ keepAlive: null }]])("cannot be %j", async (options) => {
    expect(await rejection(run(new Service(), options as unknown as V4RunOptions))).toBeInstanceOf(InvalidInputError);
  });
});

describe("A run in a session that is given", () => {
  const sessionId = "s1";

  test("gives the answer, and leaves the browser as it is", async () => {
    for (const options of [{ sessionId }, { sessionId, keepAlive: true }]) {
      const on = cloud();
      expect(await run(on, options)).toMatchObject({ output: "42 EUR" });
      expect(on.operations).toEqual([CREATE, STATUS, STATUS, STATUS, RUN]);
      expect(on.bodies(CREATE)).toEqual([{ task: "Read the total", sessionId }]);
    }
  });

  test("is the last one there with keepAlive: false: its browser is stopped, whatever happened, and the profile free", async () => {
    const on = cloud();
    const { v4 } = on.client();
    const browserSettings = { profileId: "p1" };
    await v4.runs.run("Go", { browserSettings, keepAlive: true });
    const before = on.sent.length;
    expect(await v4.runs.run("Last", { sessionId, browserSettings, keepAlive: false })).toMatchObject({
      output: "42 EUR",
    });
    expect(on.operations.slice(before)).toEqual([CREATE, STATUS, RUN, BROWSERS, STOP_BROWSER]);
    const done = on.sent.length;
    await v4.runs.start("Another", { browserSettings });
    expect(on.operations.slice(done)).toEqual([CREATE]);

    const aborted = busy();
    const { signal, reason } = abortAfter(3_000);
    expect(await rejection(run(aborted, { signal, sessionId, keepAlive: false }))).toBe(reason);
    expect(aborted.operations.slice(-5)).toEqual(AFTER);
  });

  test("is cancelled when the caller aborts, and the browser left alone", async () => {
    const on = busy();
    const { signal, reason } = abortAfter(3_000);
    expect(await rejection(run(on, { signal, sessionId }))).toBe(reason);
    expect(on.operations.slice(-2)).toEqual([STATUS, CANCEL]);
  });

  test("is cancelled when onStep throws", async () => {
    const on = busy();
    const mine = new Error("mine");
    const onStep = () => {
      throw mine;
    };
    expect(await rejection(run(on, { onStep, sessionId }))).toBe(mine);
    expect(on.operations.slice(-2)).toEqual([STATUS, CANCEL]);
  });

  test("goes on when it is only not waited for any longer", async () => {
    const on = busy();
    expect(await rejection(run(on, { sessionId, waitTimeoutMs: 5_000 }))).toBeInstanceOf(TimeoutError);
    expect(on.count(CANCEL)).toBe(0);
  });

  test("is not stopped by close, as it was not opened here", async () => {
    const on = cloud();
    const client = on.client();
    const waiting = client.v4.runs.run("Go", { sessionId });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await client.close();
    expect(await waiting).toMatchObject({ output: "42 EUR" });
    expect(on.count(CANCEL)).toBe(0);
  });
});
