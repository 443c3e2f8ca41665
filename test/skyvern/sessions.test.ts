import { describe, expect, test } from "vitest";
import {
  InvalidInputError,
  NotFoundError,
  ProfileInUseError,
  SessionNotStoppedError,
  SessionStoppedError,
  TimeoutError,
} from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import {
  abortAfter,
  answer,
  delayed,
  held,
  refusal,
  reset,
  Service,
  silence,
  useFastTime,
} from "../support/service.ts";
import { CLOSE, CREATE, clientOf, closing, DISPATCH, LIST, LOOK, service } from "./support.ts";
import { closed, session } from "./views.ts";

useFastTime();

describe("opening", () => {
  test("sends the request as it is, and nothing is clamped", async () => {
    const on = service();
    const request = {
      timeout: 1440,
      url: "https://app.test/login",
      proxy_location: { country: "DE" },
      extensions: ["ad-blocker", "one of tomorrow"],
      browser_type: "chrome",
      generate_browser_profile: true,
    } as const;
    await clientOf(on).sessions.open(request);
    expect(on.bodies(CREATE)).toEqual([request]);
  });

  test("keeps the warning of the opening, and shows the timeout that holds", async () => {
    const on = closing(service().on(CREATE, session({ timeout: 240, warning: "Capped to 240 minutes" })));
    const opened = await clientOf(on).sessions.open({ timeout: 1440 });
    expect([opened.warning, opened.view?.timeout]).toEqual(["Capped to 240 minutes", 240]);
    await opened.refresh();
    expect(opened.warning).toBe("Capped to 240 minutes");
    await opened.stop();
    expect(opened.warning).toBe("Capped to 240 minutes");
  });

  test("shows a warning also to who has attached to it, once the service has told", async () => {
    const attached = clientOf(service().on(LOOK, session({ warning: "Capped" }), session())).sessions.attach("pbs_1");
    await attached.refresh();
    await attached.refresh();
    expect(attached.warning).toBe("Capped");
  });

  test("has no warning when nothing was changed", async () => {
    expect((await clientOf(service()).sessions.open()).warning).toBe(undefined);
    expect(clientOf(service()).sessions.attach("pbs_1").warning).toBe(undefined);
  });

  test.each([
    ["a timeout below five minutes", { timeout: 4 }, "timeout must be 5 to 1440, not 4"],
    ["a timeout above a day", { timeout: 1441 }, "timeout must be 5 to 1440, not 1441"],
    ["a timeout in parts of a minute", { timeout: 7.5 }, "timeout must be an integer"],
    ["an id that is no profile's", { browser_profile_id: "pbs_1" }, "browser_profile_id must match ^bp_"],
    ["a country by its name", { proxy_location: { country: "Germany" } }, "2 to 2 characters"],
    [
      "a signal in it",
      { signal: AbortSignal.abort() } as object,
      "signal is not a known field: pass it among the options",
    ],
    ["a time limit in it", { timeoutMs: 5_000 } as object, "timeoutMs is not a known field: pass it among the options"],
    ["the profile's option", { profileAccess: "shared" } as object, "pass it among the options"],
    ["the other vendor's word", { timeoutMinutes: 60 } as object, "pass timeout, in minutes"],
  ])("refuses %s before anything is sent", async (_, request, text) => {
    const on = new Service();
    const error = await rejection(clientOf(on).sessions.open(request));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain(text);
    expect(on.sent).toEqual([]);
  });

  test("refuses a profile that a live session of this client has, until that one is stopped", async () => {
    const { sessions } = clientOf(closing());
    const first = await sessions.open({ browser_profile_id: "bp_1" });
    expect(await rejection(sessions.open({ browser_profile_id: "bp_1" }))).toBeInstanceOf(ProfileInUseError);
    await first.stop();
    await sessions.open({ browser_profile_id: "bp_1" });
  });

  test("that nobody waits for any more is stopped when it arrives", async () => {
    const { reply, give, asked } = held();
    const on = closing().on(CREATE, reply);
    const control = new AbortController();
    const opening = rejection(clientOf(on).sessions.open({}, { signal: control.signal }));
    await asked;
    control.abort(new Error("gone"));
    expect(await opening).toMatchObject({ message: "gone" });
    give(session());
    await expect.poll(() => on.count(CLOSE)).toBe(1);
  });

  test("of a profile that does not exist says so", async () => {
    const on = new Service().on(CREATE, refusal(404, "Browser profile not found"));
    expect(await rejection(clientOf(on).sessions.open({ browser_profile_id: "bp_9" }))).toBeInstanceOf(NotFoundError);
  });
});

describe("stopping", () => {
  test("closes, and is done when a look confirms the end; a second time it asks nothing", async () => {
    const on = closing();
    const opened = await clientOf(on).sessions.open();
    expect(await opened.stop()).toMatchObject({ status: "completed" });
    expect(opened.isClosed).toBe(true);
    await opened.stop();
    expect(on.operations).toEqual([CREATE, CLOSE, LOOK]);
  });

  test("waits for a session that is still closing", async () => {
    const on = service().on(LOOK, session(), session(), closed());
    const opened = await clientOf(on).sessions.open();
    await opened.stop();
    expect(on.count(LOOK)).toBe(3);
  });

  test.each([
    ["a time of completion alone", session({ completed_at: "2026-03-01T11:00:00" })],
    ["completed", session({ status: "completed" })],
    ["failed", session({ status: "failed" })],
    ["timeout", session({ status: "timeout" })],
    ["closed, as the guide has it", session({ status: "closed" })],
  ])("takes this for the end: %s", async (_, view) => {
    const on = service().on(LOOK, view);
    expect(await clientOf(on).sessions.attach("pbs_1").stop()).toEqual(view);
  });

  test.each(["created", "running", "retry", "something new", null])("does not take %s for the end", async (status) => {
    const on = service().on(LOOK, session({ status }));
    const error = await rejection(clientOf(on).sessions.attach("pbs_1").stop());
    expect(error).toBeInstanceOf(SessionNotStoppedError);
    expect(error).toMatchObject({ sessionId: "pbs_1" });
  });

  test.each([
    ["a closing that is never answered", CLOSE, silence],
    ["a closing that is refused", CLOSE, refusal(403, "no")],
    ["looks that fail", LOOK, answer(500, { error: "oops" })],
  ])("that is not confirmed is an error, after its own deadline: %s", async (_, operation, reply) => {
    const on = service().on(operation, reply);
    const begun = performance.now();
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").stop())).toBeInstanceOf(SessionNotStoppedError);
    expect(performance.now() - begun).toBeLessThan(45_000);
  });

  test("goes on through lost answers and passing failures", async () => {
    const on = service().on(CLOSE, reset(), answer(502), { message: "closed" }).on(LOOK, answer(503), closed());
    await clientOf(on).sessions.attach("pbs_1").stop();
    expect([on.count(CLOSE), on.count(LOOK)]).toEqual([3, 2]);
  });

  test("of one that is gone is done; of one that never was is an error", async () => {
    const gone = service().on(CLOSE, refusal(404, "not found")).on(LOOK, refusal(404, "not found"));
    const opened = await clientOf(gone).sessions.open();
    expect(await opened.stop()).toMatchObject({ browser_session_id: "pbs_1" });
    expect(await rejection(clientOf(gone).sessions.attach("pbs_1").stop())).toBeInstanceOf(NotFoundError);
  });

  test("of one that answers 410 asks for its view", async () => {
    const on = service().on(CLOSE, refusal(410, "closed")).on(LOOK, closed());
    expect(await clientOf(on).sessions.attach("pbs_1").stop()).toMatchObject({ status: "completed" });
  });

  test("of one that is answered 410 everywhere is done when it was there before", async () => {
    const on = service().on(CLOSE, refusal(410, "closed")).on(LOOK, refusal(410, "closed"));
    const opened = await clientOf(on).sessions.open();
    await opened.stop();
    expect(opened.isClosed).toBe(true);
  });

  test("use stops whatever happens, and gives what its function gives", async () => {
    const on = closing();
    const { sessions } = clientOf(on);
    expect(await sessions.use({}, ({ id }) => id)).toBe("pbs_1");
    expect(await rejection(sessions.use({}, () => Promise.reject(new Error("mine"))))).toMatchObject({
      message: "mine",
    });
    expect(on.count(CLOSE)).toBe(2);
  });

  test("use reports a stop that is not confirmed, and keeps the result", async () => {
    const told: SessionNotStoppedError[] = [];
    const on = service().on(CLOSE, refusal(403, "no"));
    const skyvern = clientOf(on, { onSessionNotStopped: (error) => told.push(error) });
    expect(await skyvern.sessions.use({}, () => 7)).toBe(7);
    expect(told).toMatchObject([{ sessionId: "pbs_1" }]);
  });

  test("a handle that was opened stops when it is disposed, one that was attached does not", async () => {
    const on = closing();
    {
      await using opened = await clientOf(on).sessions.open();
      await using attached = clientOf(on).sessions.attach(opened.id);
      void attached;
    }
    expect(on.count(CLOSE)).toBe(1);
  });
});

describe("looking", () => {
  test("attach asks nothing, and refuses what is no id", () => {
    const on = new Service();
    expect(clientOf(on).sessions.attach("pbs_1")).toMatchObject({ id: "pbs_1", view: undefined, isClosed: false });
    expect(() => clientOf(on).sessions.attach("..")).toThrow(InvalidInputError);
    expect(on.sent).toEqual([]);
  });

  test("a view of another session is an error", async () => {
    const on = service().on(LOOK, session({ browser_session_id: "pbs_2" }));
    const error = await rejection(clientOf(on).sessions.attach("pbs_1").refresh());
    expect(String(error)).toContain("a view of pbs_2 when asked for pbs_1");
  });

  test("list gives the live ones with one request", async () => {
    const views = Array.from({ length: 130 }, (_, index) => session({ browser_session_id: `pbs_${index}` }));
    const on = new Service().on(LIST, () => Response.json(views));
    const listed: unknown[] = [];
    for await (const view of clientOf(on).sessions.list()) listed.push(view);
    expect(listed).toEqual(views);
    expect(on.sent.map(({ query }) => query)).toEqual([{}]);
  });
});

test("the list passes over rows that are nothing, and gives those without an id as they are", async () => {
  const rows = [null, session(), { status: "running" }];
  const on = new Service().on(LIST, () => Response.json(rows));
  const listed: unknown[] = [];
  for await (const view of clientOf(on).sessions.list()) listed.push(view);
  expect(listed).toEqual([session(), { status: "running" }]);
});

test("options and requests that are null are refused before anything is sent", async () => {
  const on = new Service();
  const { sessions } = clientOf(on);
  const nothing = null as never;
  const handle = sessions.attach("pbs_1");
  for (const call of [
    sessions.open(nothing),
    sessions.open({}, nothing),
    sessions.use({}, () => {}, nothing),
    sessions.list(nothing).next(),
    handle.run("Go", nothing),
    handle.start("Go", nothing),
    handle.browserAddress(nothing),
    clientOf(on).close(nothing),
  ])
    expect(await rejection(call)).toBeInstanceOf(InvalidInputError);
  expect(on.sent).toEqual([]);
});

describe("the browser's address", () => {
  test("is waited for until the browser has started, though it may be there before", async () => {
    const on = service().on(LOOK, session({ started_at: null }), session({ started_at: null }), session());
    expect(await clientOf(on).sessions.attach("pbs_1").browserAddress()).toBe("wss://cdp.test/pbs_1");
    expect(on.count(LOOK)).toBe(3);
  });

  test("is waited for also where the browser has started without one, and through failures that pass", async () => {
    const on = service().on(LOOK, session({ browser_address: null }), answer(500), session());
    expect(await clientOf(on, { maxRetries: 0 }).sessions.attach("pbs_1").browserAddress()).toContain("wss:");
  });

  test("is not to be had of a session that has ended", async () => {
    const on = service().on(LOOK, closed());
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").browserAddress())).toBeInstanceOf(SessionStoppedError);
  });

  test("is waited for no longer than was said, and no longer than the caller does", async () => {
    const on = service().on(LOOK, delayed(20, session({ started_at: null })));
    const handle = clientOf(on).sessions.attach("pbs_1");
    const error = await rejection(handle.browserAddress({ waitTimeoutMs: 5_000 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ operation: "browserAddress", timeoutMs: 5_000 });
    const { signal, reason } = abortAfter(1_000);
    expect(await rejection(handle.browserAddress({ signal }))).toBe(reason);
  });
});

describe("closing the client", () => {
  test("stops what is open and what is on its way in, and opens nothing more", async () => {
    const { reply, give, asked } = held();
    const on = closing().on(CREATE, session(), reply);
    const skyvern = clientOf(on);
    await skyvern.sessions.open();
    const opening = skyvern.sessions.open();
    await asked;
    const done = skyvern.close();
    give(session());
    await Promise.all([done, opening]);
    expect(on.count(CLOSE)).toBe(2);
    expect(await rejection(skyvern.sessions.open())).toBeInstanceOf(InvalidInputError);
    expect(await rejection(skyvern.runTask({ prompt: "Go" }))).toBeInstanceOf(InvalidInputError);
    expect(on.count(DISPATCH)).toBe(0);
  });

  test("knows a session that lives for longer than the other vendor's", async () => {
    const on = closing();
    const skyvern = clientOf(on);
    await skyvern.sessions.open({ timeout: 1440, browser_profile_id: "bp_1" });
    await new Promise((resolve) => setTimeout(resolve, 10 * 60 * 60_000));
    const beside = skyvern.sessions.open({ browser_profile_id: "bp_1" });
    expect(await rejection(beside)).toBeInstanceOf(ProfileInUseError);
    on.on(CREATE, session({ browser_session_id: "pbs_2" }));
    on.on("POST /v1/browser_sessions/pbs_2/close", {}).on(
      "GET /v1/browser_sessions/pbs_2",
      closed({ browser_session_id: "pbs_2" }),
    );
    await skyvern.sessions.open();
    await skyvern.close();
    expect(on.count(CLOSE)).toBe(1);
  });
});

test("a client tells of its sessions as they open and stop", async () => {
  const events: unknown[] = [];
  await clientOf(closing(), { onEvent: (event) => events.push(event) }).sessions.use({}, () => {});
  expect(events).toMatchObject([
    { type: "opened", kind: "skyvern.session", sessionId: "pbs_1" },
    { type: "stopped", kind: "skyvern.session", sessionId: "pbs_1" },
  ]);
});
