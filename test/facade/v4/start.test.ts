import { describe, expect, test } from "vitest";
import {
  type BrowserUse,
  type ClientEvent,
  ConnectionError,
  InvalidInputError,
  ProfileInUseError,
  SessionBusyError,
  type V4StartOptions,
} from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import {
  abortAfter,
  answer,
  countedSignal,
  delayed,
  refusal,
  reset,
  Service,
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
const start = (service: Service, options?: V4StartOptions) => service.client().v4.runs.start("Read the total", options);

/** A service on which a run that is cancelled has ended, and its browser stops. */
function stoppable(): Service {
  const service = new Service()
    .on(CREATE, started())
    .on(STATUS, is("running"))
    .on(BROWSERS, browsers(agentBrowser()))
    .on(STOP_BROWSER, agentBrowser({ status: "stopped" }));
  return service.on(CANCEL, () => {
    service.on(STATUS, is("cancelled")).on(RUN, v4Run({ status: "cancelled", result: null }));
    return v4Run({ status: "running" });
  });
}

describe("start", () => {
  test("gives the run once the service has taken it, and asks nothing else", async () => {
    const service = new Service().on(CREATE, started());
    const run = await start(service);
    expect([run.id, run.sessionId, run.apiVersion]).toEqual(["r1", "s1", "v4"]);
    expect(run.toJSON()).toEqual({ apiVersion: "v4", id: "r1", sessionId: "s1" });
    expect(service.operations).toEqual([CREATE]);
    expect(service.bodies(CREATE)).toEqual([{ task: "Read the total" }]);
  });

  test("gives a run whose answer and steps can be waited for", async () => {
    const service = new Service()
      .on(CREATE, started())
      .on(STATUS, is("running"), is("completed"))
      .on(EVENTS, events([event(1)]))
      .on(RUN, v4Run());
    const run = await start(service);
    expect(await run.result()).toMatchObject({ output: "42 EUR" });
    const steps: string[] = [];
    for await (const { summary } of run.steps()) steps.push(summary);
    expect(steps).toEqual(["step 1"]);
  });

  test("sends the fields by the service's own names, a proxy's URL as an object", async () => {
    const service = new Service().on(CREATE, started());
    const fields = {
      model: "a-model-of-tomorrow",
      maxCostUsd: "1.50",
      workspaceId: "w1",
      attachedFileIds: ["f1"],
      judge: { context: "EUR only" },
    };
    const settings = { proxyCountryCode: null, screenWidth: 800, screenHeight: 600, record: true };
    await start(service, {
      ...fields,
      browserSettings: { ...settings, customProxy: "http://me:p%40ss@proxy.test:8080" },
    });
    const customProxy = { host: "proxy.test", port: 8080, username: "me", password: "p@ss" };
    expect(service.bodies(CREATE)).toEqual([
      { task: "Read the total", ...fields, browserSettings: { ...settings, customProxy } },
    ]);
  });

  test("sends null where null means something", async () => {
    const service = new Service().on(CREATE, started());
    await start(service, { browserSettings: null, judge: null, sessionId: null, attachedFileIds: null });
    expect(service.bodies(CREATE)).toEqual([
      { task: "Read the total", browserSettings: null, judge: null, sessionId: null, attachedFileIds: null },
    ]);
  });

  test.each<[string, [task: unknown, options: object]]>([
    ["an empty task", ["", {}]],
    ["no text for a task", [7, {}]],
    ["half a screen size", ["Go", { browserSettings: { screenWidth: 800 } }]],
    ["the other half", ["Go", { browserSettings: { screenHeight: 800, screenWidth: null } }]],
    ["a screen that is too small", ["Go", { browserSettings: { screenWidth: 319, screenHeight: 600 } }]],
    ["a country in upper case", ["Go", { browserSettings: { proxyCountryCode: "DE" } }]],
    ["gb for uk", ["Go", { browserSettings: { proxyCountryCode: "gb" } }]],
    ["a proxy that is no URL", ["Go", { browserSettings: { customProxy: "proxy.test:8080" } }]],
    ["settings that nobody knows", ["Go", { browserSettings: { browserScreenWidth: 800 } }]],
    ["settings that are a text", ["Go", { browserSettings: "us" }]],
    ["a judge that is a boolean", ["Go", { judge: true }]],
    ["an empty session id", ["Go", { sessionId: "" }]],
    ["21 files", ["Go", { attachedFileIds: Array(21).fill("f1") }]],
    ["ids that are a text", ["Go", { attachedFileIds: "f1" }]],
    ["no cost at all", ["Go", { maxCostUsd: 0 }]],
    ["a cost that is none", ["Go", { maxCostUsd: "-1" }]],
    ["a misspelled field", ["Go", { maxCost: 1 }]],
    ["a profile beside its settings", ["Go", { profileId: "p1" }]],
    ["a task among the fields", ["Go", { task: "Stop" }]],
    ["keepAlive, which is for run", ["Go", { keepAlive: true }]],
    ["a wait, which is for run", ["Go", { waitTimeoutMs: 1 }]],
    ["an access that is none", ["Go", { profileAccess: "mine" }]],
    ["an access that is none, in a follow-up", ["Go", { profileAccess: "mine", sessionId: "s1" }]],
    ["a time limit that is none", ["Go", { timeoutMs: -1 }]],
  ])("is refused before anything is sent with %s", async (_, [task, options]) => {
    const service = new Service();
    expect(await rejection(service.client().v4.runs.start(task as string, options))).toBeInstanceOf(InvalidInputError);
    expect(service.operations).toEqual([]);
  });

  test.each(["schema", "outputSchema", "structuredOutput"])("refuses %s, and says how JSON is read", async (name) => {
    const options = { [name]: { jsonSchema: { type: "object" } } };
    const error = await rejection(start(new Service(), options));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ message: expect.stringContaining("resume(run.toJSON(), { schema })") });
  });

  test("shows no credentials of a proxy that a refusal repeats", async () => {
    const service = new Service().on(CREATE, refusal(400, "proxy of me with hunter2 is wrong"));
    const customProxy = { host: "proxy.test", port: 1, username: "me", password: "hunter2" };
    const error = await rejection(start(service, { browserSettings: { customProxy } }));
    expect(JSON.stringify(error) + String(error)).not.toContain("hunter2");
  });
});

describe("A run that may have been started", () => {
  test.each([
    ["broke", reset()],
    ["was no answer", answer(502)],
    ["could not be read", () => new Response('{"id":"r1"')],
    ["has no session", started({ sessionId: undefined })],
  ])("is not started again when the answer %s", async (_, reply) => {
    const service = new Service().on(CREATE, reply);
    expect(await rejection(start(service))).toMatchObject({ outcome: "unknown" });
    expect(service.operations).toEqual([CREATE]);
  });

  test("is reported when its caller has left before that was known", async () => {
    const service = new Service().on(CREATE, delayed(2_000, reset()));
    const reports: unknown[] = [];
    const client = service.client({ onSessionNotStopped: (error) => void reports.push(error) });
    const { signal, reason } = abortAfter(1_000);
    expect(await rejection(client.v4.runs.start("Go", { signal }))).toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(reports).toMatchObject([{ code: "session_not_stopped", cause: { outcome: "unknown" } }]);
  });

  test("is reported when its caller has left, also when it is a follow-up", async () => {
    for (const how of ["start", "run"] as const) {
      const service = new Service().on(CREATE, delayed(2_000, reset()));
      const reports: unknown[] = [];
      const client = service.client({ onSessionNotStopped: (error) => void reports.push(error) });
      const { signal, reason } = abortAfter(1_000);
      expect(await rejection(client.v4.runs[how]("Go", { signal, sessionId: "s1" }))).toBe(reason);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      expect(reports).toMatchObject([{ code: "session_not_stopped", sessionId: "s1", cause: { outcome: "unknown" } }]);
    }
  });

  test("is not reported when the service has refused it, or when its caller hears of it", async () => {
    const reports: unknown[] = [];
    const onSessionNotStopped = (error: unknown) => void reports.push(error);
    const refused = new Service().on(CREATE, delayed(2_000, refusal(402, "no credit")));
    const { signal } = abortAfter(1_000);
    await rejection(refused.client({ onSessionNotStopped }).v4.runs.start("Go", { signal, sessionId: "s1" }));
    const lost = new Service().on(CREATE, reset());
    await rejection(lost.client({ onSessionNotStopped }).v4.runs.start("Go", { sessionId: "s1" }));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(reports).toEqual([]);
  });

  test("keeps its profile for as long as it may live", async () => {
    const service = new Service().on(CREATE, reset(), started());
    const { v4 } = service.client();
    const options = { browserSettings: { profileId: "p1" } };
    expect(await rejection(v4.runs.start("Go", options))).toBeInstanceOf(ConnectionError);
    await new Promise((resolve) => setTimeout(resolve, 4 * 60 * 60_000 - 1_000));
    expect(await rejection(v4.runs.start("Go", options))).toBeInstanceOf(ProfileInUseError);
  });
});

describe("A follow-up", () => {
  test("goes into the session that is named", async () => {
    const service = new Service().on(CREATE, started());
    const run = await start(service, { sessionId: "s1" });
    expect(run.sessionId).toBe("s1");
    expect(service.bodies(CREATE)).toEqual([{ task: "Read the total", sessionId: "s1" }]);
  });

  test("in a session with a run at work is refused as such, whatever the service says, and not sent again", async () => {
    for (const text of ["Session busy", "anything"]) {
      const service = new Service().on(CREATE, refusal(409, text));
      const error = await rejection(start(service, { sessionId: "s1" }));
      expect(error).toBeInstanceOf(SessionBusyError);
      expect(error).toMatchObject({ sessionId: "s1" });
      expect(service.operations).toEqual([CREATE]);
    }
  });

  test("does not ask for its profile, which is that of its session", async () => {
    const service = new Service().on(CREATE, started());
    const { v4 } = service.client();
    const browserSettings = { profileId: "p1" };
    await v4.runs.start("Go", { browserSettings });
    await v4.runs.start("Go on", { browserSettings, sessionId: "s1" });
    expect(service.count(CREATE)).toBe(2);
  });
});

describe("A caller who aborts", () => {
  test("before the start sends nothing", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    for (const sessionId of [undefined, "s1"]) {
      const options = sessionId === undefined ? { signal } : { signal, sessionId };
      expect(await rejection(start(new Service(), options))).toBe(signal.reason);
    }
  });

  test("while the run is on its way leaves at once; the run that arrives is cancelled, and its browser stopped", async () => {
    const service = stoppable().on(CREATE, delayed(5_000, started()));
    const { signal, reason } = abortAfter(1_000);
    const begun = performance.now();
    expect(await rejection(start(service, { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(1_000);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(service.operations).toEqual([CREATE, CANCEL, STATUS, RUN, BROWSERS, STOP_BROWSER]);
  });

  test("is spared no confirmation that the browser has stopped, also when the run is over at once", async () => {
    for (const cancelled of [v4Run({ status: "cancelled" }), v4Run({ status: "running" })]) {
      const service = new Service()
        .on(CREATE, delayed(5_000, started()))
        .on(STATUS, is("cancelled"))
        .on(RUN, v4Run({ status: "cancelled" }))
        .on(CANCEL, cancelled)
        .on(BROWSERS, browsers(agentBrowser()), browsers(agentBrowser()), browsers())
        .on(STOP_BROWSER, agentBrowser());
      const { signal } = abortAfter(1_000);
      await rejection(start(service, { signal }));
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      expect(service.count(BROWSERS)).toBe(3);
    }
  });

  test("while a follow-up is on its way leaves at once; it is cancelled when it arrives, and the browser left alone", async () => {
    const service = stoppable().on(CREATE, delayed(5_000, started()));
    const { signal, reason } = abortAfter(1_000);
    expect(await rejection(start(service, { signal, sessionId: "s1" }))).toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(service.operations).toEqual([CREATE, STATUS, CANCEL]);
  });

  test("after the start stops nothing", async () => {
    const service = stoppable();
    const control = new AbortController();
    await start(service, { signal: control.signal });
    control.abort();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(service.operations).toEqual([CREATE]);
  });

  test("leaves no listener behind when nobody aborts", async () => {
    const { control, listeners } = countedSignal();
    await start(stoppable(), { signal: control.signal });
    await start(stoppable(), { signal: control.signal, sessionId: "s1" });
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(listeners()).toBe(0);
  });
});

describe("The profile of a run", () => {
  const options = { browserSettings: { profileId: "0B1C2D3E-0000-4000-8000-000000000001" } };
  const other = { browserSettings: { profileId: "0b1c2d3e-0000-4000-8000-000000000001" } };
  const again = (client: BrowserUse) => client.v4.runs.start("Again", other);

  test("is its own while it is at work; nothing is sent for a second one but the question whether it is over", async () => {
    const service = new Service().on(CREATE, started()).on(STATUS, is("running"));
    const client = service.client();
    await client.v4.runs.start("Go", options);
    expect(await rejection(again(client))).toBeInstanceOf(ProfileInUseError);
    expect(await rejection(client.browsers.open(other.browserSettings))).toBeInstanceOf(ProfileInUseError);
    expect(service.operations).toEqual([CREATE, STATUS]);
  });

  test("is free when its end was seen, by result, steps or a stop, and its browser is gone", async () => {
    for (const see of ["result", "steps", "stop", "hasEnded"] as const) {
      const service = new Service()
        .on(CREATE, started(), started({ id: "r2" }))
        .on(STATUS, is("completed"))
        .on(EVENTS, events([]))
        .on(RUN, v4Run())
        .on(BROWSERS, browsers());
      const client = service.client();
      const run = await client.v4.runs.start("Go", options);
      if (see === "steps") for await (const _ of run.steps());
      else await run[see]();
      const before = service.sent.length;
      await again(client);
      expect(service.operations.slice(before)).toEqual([BROWSERS, CREATE]);
    }
  });

  test("is not free while the browser that the run has left may write it, for as long as one lives that nothing follows", async () => {
    const service = new Service()
      .on(CREATE, started(), started({ id: "r2" }))
      .on(STATUS, is("completed"))
      .on(RUN, v4Run())
      .on(BROWSERS, browsers(agentBrowser()));
    const client = service.client();
    await (await client.v4.runs.start("Go", options)).result();
    expect(await rejection(again(client))).toBeInstanceOf(ProfileInUseError);
    expect(await rejection(client.browsers.open(other.browserSettings))).toBeInstanceOf(ProfileInUseError);
    expect(service.count(CREATE)).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20 * 60_000));
    const before = service.sent.length;
    await again(client);
    expect(service.operations.slice(before)).toEqual([CREATE]);
  });

  test("is free when the answer to a cancellation shows the end", async () => {
    const service = new Service()
      .on(CREATE, started(), started({ id: "r2" }))
      .on(STATUS, is("running"))
      .on(CANCEL, v4Run({ status: "cancelled" }))
      .on(BROWSERS, browsers());
    const client = service.client();
    await (await client.v4.runs.start("Go", options)).stop();
    await again(client);
    expect(service.operations).toEqual([CREATE, STATUS, CANCEL, BROWSERS, CREATE]);
  });

  test("is free when the run has ended, though it was waited for by another handle, or by nobody", async () => {
    const service = new Service()
      .on(CREATE, started(), started({ id: "r2" }))
      .on(STATUS, is("running"), is("completed"))
      .on(RUN, v4Run())
      .on(BROWSERS, browsers());
    const client = service.client();
    const run = await client.v4.runs.start("Go", other);
    await client.resume(run.toJSON()).result();
    await client.v4.runs.start("Again", options);
    expect(service.count(CREATE)).toBe(2);
  });

  test("is free at once when the run was refused", async () => {
    const service = new Service().on(CREATE, refusal(402, "no credit"), started());
    const client = service.client();
    expect(await rejection(client.v4.runs.start("Go", options))).toMatchObject({ code: "insufficient_credits" });
    await again(client);
  });

  test("is free after four hours, whatever became of the run", async () => {
    const service = new Service().on(CREATE, started()).on(STATUS, is("running"));
    const client = service.client();
    await client.v4.runs.start("Go", options);
    await new Promise((resolve) => setTimeout(resolve, 4 * 60 * 60_000 - 1_000));
    expect(await rejection(again(client))).toBeInstanceOf(ProfileInUseError);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await again(client);
  });

  test("is shared by those who say so", async () => {
    const service = new Service().on(CREATE, started()).on(STATUS, is("running"));
    const client = service.client();
    await client.v4.runs.start("Go", options);
    await client.v4.runs.start("Go", { ...options, profileAccess: "shared" });
    expect(service.count(CREATE)).toBe(2);
  });

  test("is still that of the run that does not share it, after others have", async () => {
    const service = new Service()
      .on(CREATE, started(), started({ id: "r2", sessionId: "s2" }))
      .on(STATUS, is("completed"))
      .on(RUN, v4Run())
      .on(BROWSERS, browsers());
    const client = service.client();
    await client.v4.runs.start("Go", options);
    await client.v4.runs.start("Go", { ...options, profileAccess: "shared" });
    const before = service.sent.length;
    await again(client);
    expect(service.operations.slice(before)).toEqual([STATUS, RUN, BROWSERS, CREATE]);
  });

  test("is not asked about for an access that is none", async () => {
    const service = new Service().on(CREATE, started());
    const client = service.client();
    await client.v4.runs.start("Go", options);
    const wrong = { ...options, profileAccess: "mine" } as unknown as V4StartOptions;
    for (const how of ["start", "run"] as const)
      expect(await rejection(client.v4.runs[how]("Go", wrong))).toBeInstanceOf(InvalidInputError);
    expect(service.operations).toEqual([CREATE]);
  });

  test("is not free when the browsers of its run cannot be listed", async () => {
    const service = new Service()
      .on(CREATE, started())
      .on(STATUS, is("completed"))
      .on(RUN, v4Run())
      .on(BROWSERS, refusal(404, "no"));
    const client = service.client();
    await client.v4.runs.start("Go", options);
    expect(await rejection(again(client))).toBeInstanceOf(ProfileInUseError);
  });

  test("that a run perhaps has not freed is still refused when it cannot be asked for", async () => {
    const service = new Service().on(CREATE, started()).on(STATUS, refusal(403, "no"));
    const client = service.client();
    await client.v4.runs.start("Go", options);
    expect(await rejection(again(client))).toBeInstanceOf(ProfileInUseError);
  });
});

describe("The budget", () => {
  test("of the client goes with every run that brings none", async () => {
    const service = new Service().on(CREATE, started());
    const { v4 } = service.client({ maxCostUsd: 2 });
    await v4.runs.start("Go");
    await v4.runs.start("Go", { maxCostUsd: "0.5" });
    await v4.runs.start("Go", { sessionId: "s1" });
    await v4.runs.start("Go", { maxCostUsd: null });
    expect(service.bodies(CREATE)).toMatchObject([
      { maxCostUsd: 2 },
      { maxCostUsd: "0.5" },
      { maxCostUsd: 2 },
      { maxCostUsd: null },
    ]);
  });

  test("must be there when the client says so", async () => {
    const service = new Service().on(CREATE, started());
    const { v4 } = service.client({ requireMaxCostUsd: true });
    for (const run of ["start", "run"] as const) {
      for (const options of [{}, { sessionId: "s1" }, { maxCostUsd: null }])
        expect(await rejection(v4.runs[run]("Go", options))).toBeInstanceOf(InvalidInputError);
    }
    await v4.runs.start("Go", { maxCostUsd: 1 });
    expect(service.count(CREATE)).toBe(1);
  });
});

describe("A client that is closed", () => {
  test("starts nothing more with a session of its own, and goes on with what is there", async () => {
    const service = new Service().on(CREATE, started()).on(STATUS, is("completed")).on(RUN, v4Run());
    const client = service.client();
    const run = await client.v4.runs.start("Go");
    await client.close();
    expect(service.operations).toEqual([CREATE]);
    expect(await rejection(client.v4.runs.start("Go"))).toBeInstanceOf(InvalidInputError);
    expect((await run.result()).output).toBe("42 EUR");
    await client.v4.runs.start("Go on", { sessionId: "s1" });
  });
});

test("Who listens hears of a run that was opened, and of its end", async () => {
  const service = new Service().on(CREATE, started(), refusal(402, "no")).on(STATUS, is("completed")).on(RUN, v4Run());
  const heard: ClientEvent[] = [];
  const { v4 } = service.client({ onEvent: (event) => void heard.push(event) });
  await (await v4.runs.start("Go")).result();
  await rejection(v4.runs.start("Go"));
  expect(heard.filter(({ type }) => type !== "polled")).toMatchObject([
    { type: "opened", kind: "v4.run", sessionId: "s1" },
    { type: "stopped", kind: "v4.run", sessionId: "s1" },
    { type: "ended", apiVersion: "v4", runId: "r1", sessionId: "s1", status: "completed", costUsd: 0.0123 },
    { type: "waited", apiVersion: "v4", outcome: "answered" },
    { type: "openFailed", kind: "v4.run", failure: "refused", code: "insufficient_credits" },
  ]);
});
