import { expect, test } from "vitest";
import { InvalidInputError, NotFoundError, ProfileInUseError, SessionNotStoppedError } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { answer, type Reply, refusal, Service, silence, useFastTime } from "../../support/service.ts";
import {
  agentBrowser,
  BROWSERS,
  browsers,
  CANCEL,
  CREATE,
  RUN,
  STATUS,
  STOP_BROWSER,
  started,
  v4Run,
} from "./views.ts";

useFastTime();

const SESSION = "GET /v4/sessions/s1";
const shows = (status: string, latestRunId = "r1") => ({ sessionId: "s1", workspaceId: "w1", latestRunId, status });
const is = (status: string) => ({ status });
const STOPPED = agentBrowser({ status: "stopped" });

/** A session at rest, with a browser that was left. */
function idle(): Service {
  return new Service().on(SESSION, shows("completed")).on(BROWSERS, browsers(agentBrowser())).on(STOP_BROWSER, STOPPED);
}

/** A session with a run at work, which a cancellation ends. */
function busy(): Service {
  const service = idle().on(SESSION, shows("running"));
  return service.on(CANCEL, () => {
    service.on(SESSION, shows("cancelled"));
    return v4Run({ status: "running" });
  });
}

const stop = (service: Service) => service.client().v4.sessions.stop("s1");

test("Of a session whose run is over only the browser is stopped", async () => {
  const service = idle();
  expect(await stop(service)).toBeUndefined();
  expect(service.operations).toEqual([SESSION, SESSION, BROWSERS, STOP_BROWSER]);
  expect(service.sent[2]?.query).toMatchObject({ agentSessionId: "s1", filterBy: "active" });
  expect(service.bodies(STOP_BROWSER)).toEqual([{ action: "stop" }]);
});

test("Of a session with a run at work the run is cancelled first, once, and then its browser is stopped", async () => {
  const service = busy();
  await stop(service);
  expect(service.operations).toEqual([SESSION, CANCEL, SESSION, BROWSERS, STOP_BROWSER]);
});

test("A cancellation that takes a while is asked for once, and waited for", async () => {
  const service = busy().on(CANCEL, () => {
    service.on(SESSION, shows("running"), shows("running"), shows("cancelled"));
    return v4Run({ status: "running" });
  });
  await stop(service);
  expect(service.count(CANCEL)).toBe(1);
  expect(service.operations.slice(-3)).toEqual([SESSION, BROWSERS, STOP_BROWSER]);
});

test("A message that has become the next run meanwhile is cancelled, too", async () => {
  const service = idle().on(SESSION, shows("running"), shows("queued", "r2"), shows("cancelled", "r2"));
  service.on(CANCEL, v4Run({ status: "cancelled" })).on("POST /v4/runs/r2/cancel", v4Run({ id: "r2" }));
  await stop(service);
  expect(service.operations.filter((operation) => operation.startsWith("POST"))).toEqual([
    CANCEL,
    "POST /v4/runs/r2/cancel",
  ]);
  expect(service.operations.slice(-3)).toEqual([SESSION, BROWSERS, STOP_BROWSER]);
});

test("Browsers are stopped on every page of the list, and none of anybody else", async () => {
  const others = Array.from({ length: 100 }, (_, index) => agentBrowser({ id: `o${index}`, agentSessionId: "s2" }));
  const all = [...others, agentBrowser({ id: "b2" })];
  const service = idle()
    .on(BROWSERS, ({ query }) => {
      const from = (Number(query["pageNumber"]) - 1) * 100;
      return { items: all.slice(from, from + 100), totalItems: all.length };
    })
    .on("PATCH /v4/browsers/b2", agentBrowser({ id: "b2", status: "stopped" }));
  await stop(service);
  expect(service.operations).toEqual([SESSION, SESSION, BROWSERS, BROWSERS, "PATCH /v4/browsers/b2"]);
});

test("A session without any browser is over when two looks show none", async () => {
  const service = idle().on(BROWSERS, browsers());
  await stop(service);
  expect(service.operations).toEqual([SESSION, SESSION, BROWSERS, SESSION, BROWSERS]);
});

test("A session that is not there is said not to be, and nothing else is sent", async () => {
  const service = new Service().on(SESSION, refusal(404, "Session not found"));
  expect(await rejection(stop(service))).toBeInstanceOf(NotFoundError);
  expect(service.operations).toEqual([SESSION]);
});

test("What is no id is refused before anything is sent", async () => {
  for (const id of ["", "..", null as never])
    expect(await rejection(new Service().client().v4.sessions.stop(id))).toBeInstanceOf(InvalidInputError);
});

test.each<[string, string, Reply]>([
  ["its browser does not stop", STOP_BROWSER, agentBrowser()],
  ["its browser cannot be stopped", STOP_BROWSER, refusal(403, "no")],
  ["its browsers cannot be listed", BROWSERS, refusal(403, "no")],
  ["its browsers are never found", BROWSERS, refusal(404, "no")],
  ["the request to stop says nothing", STOP_BROWSER, silence],
  ["its run cannot be cancelled", CANCEL, refusal(403, "no")],
  ["a cancellation has no effect", CANCEL, v4Run({ status: "running" })],
  ["a cancellation gets no answer", CANCEL, silence],
])("A session is not said to be stopped when %s", async (_, operation, reply) => {
  const service = busy().on(operation, reply);
  const begun = performance.now();
  const error = await rejection(stop(service));
  expect(error).toBeInstanceOf(SessionNotStoppedError);
  expect(error).toMatchObject({ sessionId: "s1" });
  expect(performance.now() - begun).toBeLessThan(31_000);
  expect(service.count(CANCEL)).toBeGreaterThan(0);
  if (operation !== BROWSERS) expect(service.count(STOP_BROWSER)).toBeGreaterThan(0);
});

test("A session that is not found, or cannot be shown, in the middle of a stop is still stopped", async () => {
  for (const fault of [refusal(404, "no"), answer(502), refusal(403, "no")]) {
    const service = idle().on(SESSION, shows("completed"), fault, shows("completed"));
    await stop(service);
    expect(service.operations.slice(-3)).toEqual([SESSION, BROWSERS, STOP_BROWSER]);
  }
});

test("The profile of a run that this client has started is free with that, and nothing is asked for it", async () => {
  const service = idle().on(CREATE, started()).on(STATUS, is("completed")).on(RUN, v4Run());
  service.on("POST /v3/browsers", refusal(402, "no credit")).on("POST /v4/browsers", refusal(402, "no credit"));
  service.on("POST /v2/browsers", refusal(402, "no credit"));
  const client = service.client();
  const browserSettings = { profileId: "p1" };
  await (await client.v4.runs.start("Go", { browserSettings })).result();
  expect(await rejection(client.browsers.open(browserSettings))).toBeInstanceOf(ProfileInUseError);
  await client.v4.sessions.stop("s1");
  expect(await rejection(client.browsers.open(browserSettings))).not.toBeInstanceOf(ProfileInUseError);
  const before = service.sent.length;
  await client.v4.runs.start("Again", { browserSettings });
  expect(service.operations.slice(before)).toEqual([CREATE]);
});

test("The profile of a run is not free when its session could not be stopped", async () => {
  const service = idle().on(CREATE, started()).on(STATUS, is("completed")).on(RUN, v4Run());
  const client = service.on(STOP_BROWSER, agentBrowser()).client();
  const browserSettings = { profileId: "p1" };
  await (await client.v4.runs.start("Go", { browserSettings })).result();
  expect(await rejection(client.v4.sessions.stop("s1"))).toBeInstanceOf(SessionNotStoppedError);
  expect(await rejection(client.browsers.open(browserSettings))).toBeInstanceOf(ProfileInUseError);
});
