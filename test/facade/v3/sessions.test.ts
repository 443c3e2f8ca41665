import { describe, expect, test } from "vitest";
import {
  InvalidInputError,
  SessionBusyError,
  SessionStoppedError,
  TimeoutError,
  type V3View,
} from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import {
  abortAfter,
  answer,
  countedSignal,
  delayed,
  held,
  refusal,
  reset,
  Service,
  silence,
  useFastTime,
} from "../../support/service.ts";
import { type Event, PlayedSession } from "../../support/v3-session.ts";
import { message, v3View } from "../../support/views.ts";

useFastTime();

const VIEW = "GET /v3/sessions/s1";
const MESSAGES = "GET /v3/sessions/s1/messages";
const DISPATCH = "POST /v3/sessions";
const STOP = "POST /v3/sessions/s1/stop";
const PROFILE = "7b1d7a4e-0000-4000-8000-000000000001";
const WORKSPACE = "7b1d7a4e-0000-4000-8000-000000000002";

/** A run that takes a second. */
const RUN: Event[] = [
  [100, message("h2", "human")],
  [200, { status: "running", stepCount: 1 }],
  [1_000, { status: "idle", output: "42 EUR", isTaskSuccessful: true }],
];
/** A run that never ends. */
const ENDLESS: Event[] = [[200, { status: "running", stepCount: 1 }]];

interface Scene {
  readonly service: Service;
  readonly session: PlayedSession;
}

/** A service with one session; a create answers it, and every dispatch is followed by these events. */
function scene(events: Event[] = RUN, view: Partial<V3View> = {}): Scene {
  const service = new Service();
  const session = new PlayedSession(service, view);
  const dispatch = session.dispatch(...events);
  service
    .on(DISPATCH, (sent) => ((sent.body as { task?: string }).task === undefined ? session.view : dispatch))
    .on(STOP, (sent) => {
      const { strategy } = sent.body as { strategy: string };
      session.play([0, { status: strategy === "task" ? "idle" : "stopped" }]);
      return session.view;
    });
  return { service, session };
}

const open = ({ service }: Scene, request: object = {}) => service.client().v3.sessions.open(request);
const dispatches = ({ service }: Scene) => service.bodies(DISPATCH).slice(1) as Record<string, unknown>[];

test("Several tasks run in one session, one after the other", async () => {
  const it = scene();
  const session = await open(it);
  expect((await session.run("One")).output).toBe("42 EUR");
  it.session.play([0, { output: "42 EUR" }]);
  expect(dispatches(it)).toEqual([{ task: "One", sessionId: "s1", keepAlive: true }]);
});

test("Fields of the opening go with every task unless it brings its own; what is baked in does not", async () => {
  const it = scene();
  const baked = {
    profileId: PROFILE,
    workspaceId: WORKSPACE,
    proxyCountryCode: null,
    enableRecording: true,
    browserScreenWidth: 1280,
    browserScreenHeight: 800,
  };
  const repeated = { model: "bu-mini", maxCostUsd: 2, agentmail: false, skills: false, sensitiveData: { pin: "1234" } };
  const session = await open(it, { ...baked, ...repeated });
  await session.start("One", { maxCostUsd: "0.5", thinkingLevel: null });
  expect(it.service.bodies(DISPATCH)).toEqual([
    { ...baked, ...repeated, keepAlive: true },
    { ...repeated, maxCostUsd: "0.5", thinkingLevel: null, task: "One", sessionId: "s1", keepAlive: true },
  ]);
});

test("A session that is to end after its task says so with the task", async () => {
  const it = scene();
  const session = await open(it, { keepAlive: false });
  await session.start("One");
  expect(it.service.bodies(DISPATCH)).toMatchObject([{ keepAlive: false }, { keepAlive: false, task: "One" }]);
});

test("The client's cost limit goes with every opening and every task that brings none", async () => {
  const it = scene(ENDLESS);
  const session = await it.service.client({ maxCostUsd: 3 }).v3.sessions.open();
  await session.start("One");
  expect(it.service.bodies(DISPATCH)).toMatchObject([{ maxCostUsd: 3 }, { maxCostUsd: 3 }]);
});

test("A cost limit that is null on purpose stays null", async () => {
  const it = scene();
  const session = await it.service.client({ maxCostUsd: 3 }).v3.sessions.open({ maxCostUsd: null });
  await session.start("One");
  expect(it.service.bodies(DISPATCH)).toMatchObject([{ maxCostUsd: null }, { maxCostUsd: null }]);
});

describe("a second task", () => {
  test("is refused before the wire while the first is being dispatched", async () => {
    const it = scene();
    const session = await open(it);
    const first = session.start("One");
    expect(await rejection(session.start("Two"))).toBeInstanceOf(SessionBusyError);
    await first;
    expect(dispatches(it)).toHaveLength(1);
  });

  test("is refused while the first runs, after the service was asked", async () => {
    const it = scene(ENDLESS);
    const session = await open(it);
    await session.start("One");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await rejection(session.start("Two"))).toMatchObject({ code: "session_busy", sessionId: "s1" });
    expect(dispatches(it)).toHaveLength(1);
  });

  test("is refused while the session still shows idle, because the first has not begun", async () => {
    const it = scene([[5_000, { status: "running" }]], { output: "old", stepCount: 2, isTaskSuccessful: true });
    const session = it.service.client().v3.sessions.attach("s1");
    await session.start("One");
    expect(await rejection(session.start("Two"))).toBeInstanceOf(SessionBusyError);
    expect(it.session.dispatches).toBe(1);
  });

  test("is refused while a task runs that this handle knows nothing of", async () => {
    const it = scene(RUN, { status: "running" });
    expect(await rejection(it.service.client().v3.sessions.attach("s1").start("One"))).toBeInstanceOf(SessionBusyError);
    expect(it.service.count(DISPATCH)).toBe(0);
  });

  test("is taken when the first has ended meanwhile", async () => {
    const it = scene();
    const session = await open(it);
    await session.start("One");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await session.start("Two");
    expect(dispatches(it)).toHaveLength(2);
  });

  test("is taken when the first was stopped before it began", async () => {
    const it = scene([[60_000, { status: "running" }]]);
    const session = await open(it);
    await (await session.start("One")).stop();
    await session.start("Two");
    expect(dispatches(it)).toHaveLength(2);
  });
});

test("A session that was stopped takes no task, and nothing is sent", async () => {
  const it = scene();
  const session = await open(it);
  await session.stop();
  const { length } = it.service.sent;
  expect(await rejection(session.run("One"))).toBeInstanceOf(SessionStoppedError);
  expect(it.service.sent).toHaveLength(length);
});

test.each(["stopped", "timed_out", "error"] as const)("A session that has %s takes no task", async (status) => {
  const it = scene(RUN, { status });
  const session = it.service.client().v3.sessions.attach("s1");
  expect(await rejection(session.start("One"))).toBeInstanceOf(SessionStoppedError);
  expect(session.isClosed).toBe(true);
  expect(it.service.count(DISPATCH)).toBe(0);
});

test("A session that ends while a task is on its way to it takes none", async () => {
  const it = scene();
  const asked = held();
  it.service.on(MESSAGES, asked.reply);
  const session = it.service.client().v3.sessions.attach("s1");
  const starting = rejection(session.start("One"));
  await asked.asked;
  await session.stop();
  asked.give({ messages: [], hasMore: false });
  expect(await starting).toBeInstanceOf(SessionStoppedError);
  expect(it.service.count(DISPATCH)).toBe(0);
});

test("A run in a session that is stopped ends without an answer", async () => {
  const it = scene(ENDLESS);
  const session = await open(it);
  const run = rejection(session.run("One"));
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await session[Symbol.asyncDispose]();
  expect(await run).toMatchObject({ code: "run_failed", result: { status: "stopped", output: null } });
});

test("A session that never gets ready is given up after three minutes", async () => {
  const it = scene(RUN, { status: "created" });
  const session = await open(it);
  const begun = performance.now();
  expect(await rejection(session.start("One"))).toMatchObject({ code: "timeout", timeoutMs: 180_000 });
  expect(performance.now() - begun).toBe(180_000);
  expect(dispatches(it)).toEqual([]);
});

describe("waitTimeoutMs", () => {
  test("bounds the wait for a session that is still starting as well", async () => {
    const it = scene(RUN, { status: "created" });
    const session = await open(it);
    const begun = performance.now();
    const error = await rejection(session.run("One", { waitTimeoutMs: 5_000 }));
    expect(performance.now() - begun).toBe(5_000);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ timeoutMs: 5_000 });
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    expect(dispatches(it)).toEqual([]);
  });

  test("leaves the run, and carries it", async () => {
    const it = scene(ENDLESS);
    const session = await open(it);
    const begun = performance.now();
    const error = await rejection(session.run("One", { waitTimeoutMs: 5_000 }));
    expect(performance.now() - begun).toBe(5_000);
    expect(error).toMatchObject({ code: "timeout", timeoutMs: 5_000, run: { id: "s1" } });
    expect(it.service.count(STOP)).toBe(0);
  });
});

describe("aborting", () => {
  test("run stops its task and not the session, and rejects with the caller's reason", async () => {
    const it = scene(ENDLESS);
    const session = await open(it);
    const { signal, reason } = abortAfter(2_000);
    expect(await rejection(session.run("One", { signal }))).toBe(reason);
    expect(it.service.bodies(STOP)).toEqual([{ strategy: "task" }]);
  });

  test("the wait for a session that is still starting sends no task", async () => {
    const it = scene(RUN, { status: "created" });
    const session = await open(it);
    const { signal, reason } = abortAfter(2_000);
    expect(await rejection(session.run("One", { signal }))).toBe(reason);
    it.session.play([0, { status: "idle" }]);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    expect(dispatches(it)).toEqual([]);
  });

  test("a dispatch on its way rejects at once, and the task is stopped when it arrives", async () => {
    const it = scene(ENDLESS);
    const session = await open(it);
    it.service.on(DISPATCH, delayed(5_000, it.session.dispatch(...ENDLESS)));
    const { signal, reason } = abortAfter(1_000);
    const begun = performance.now();
    expect(await rejection(session.start("One", { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(1_000);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    expect(it.service.bodies(STOP)).toEqual([{ strategy: "task" }]);
  });

  test("leaves a run or a stopped task, never a task that nobody knows of, at whatever moment it comes", async () => {
    for (let ticks = 0; ticks < 80; ticks++) {
      const it = scene(ENDLESS);
      const session = await open(it);
      const dispatched = held();
      it.service.on(DISPATCH, dispatched.reply);
      const control = new AbortController();
      const starting = session.start("One", { signal: control.signal }).then(
        (run) => run,
        () => undefined,
      );
      await dispatched.asked;
      dispatched.give(it.session.dispatch(...ENDLESS));
      for (let tick = 0; tick < ticks; tick++) await null;
      control.abort();
      const run = await starting;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(it.service.count(STOP), `task stops after ${ticks} ticks`).toBe(run ? 0 : 1);
    }
  });

  test("leaves nobody listening when the run ended before it", async () => {
    const { control, listeners } = countedSignal();
    await (await open(scene())).run("One", { signal: control.signal });
    expect(listeners()).toBe(0);
  });
});

test("A task whose start was aborted is stopped before the session takes another one", async () => {
  const it = scene(ENDLESS);
  const session = await open(it);
  const dispatched = held();
  it.service.on(DISPATCH, dispatched.reply);
  const control = new AbortController();
  const first = rejection(session.start("One", { signal: control.signal }));
  await dispatched.asked;
  control.abort();
  await first;
  const stopping = held();
  it.service.on(STOP, stopping.reply);
  dispatched.give(it.session.dispatch());
  await stopping.asked;
  expect(await rejection(session.start("Two"))).toBeInstanceOf(SessionBusyError);
  stopping.give(it.session.view);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  it.service.on(DISPATCH, it.session.dispatch(...ENDLESS));
  await session.start("Two");
  expect(it.session.dispatches).toBe(2);
});

describe("a dispatch without an answer", () => {
  test.each<[string, Event[]]>([
    ["the session runs", [[500, { status: "running" }]]],
    ["the session has taken steps", [[500, { stepCount: 1 }]]],
    ["our message is there", [[500, message("h2", "human")]]],
  ])("is settled when %s, and never sent twice", async (_, events) => {
    const it = scene(RUN);
    const session = await open(it);
    it.service.on(DISPATCH, () => {
      it.session.play(...events);
      return reset();
    });
    expect(await session.start("One")).toMatchObject({ id: "s1" });
    expect(dispatches(it)).toHaveLength(1);
  });

  test.each([
    ["a broken connection", reset()],
    ["silence", silence],
    ["a 500", answer(500)],
  ])("keeps its outcome unknown after %s, when nothing newer than the baseline turns up", async (_, lost) => {
    const it = scene(RUN, { stepCount: 3, output: "old", isTaskSuccessful: true });
    it.service.on(MESSAGES, ({ query }) => ({
      messages: query["after"] ? [] : [message("h1", "human"), message("a1", "assistant")],
      hasMore: false,
    }));
    it.service.on(DISPATCH, lost);
    const session = it.service.client().v3.sessions.attach("s1");
    expect(await rejection(session.start("One"))).toMatchObject({ outcome: "unknown" });
    expect(it.service.count(DISPATCH)).toBe(1);
  });

  test("that was surely refused is an error of its own, and the session takes the next one", async () => {
    const it = scene();
    const session = await open(it);
    it.service.on(DISPATCH, refusal(402, "no credits"), it.session.dispatch(...RUN));
    expect(await rejection(session.start("One"))).toMatchObject({ code: "insufficient_credits" });
    expect((await session.run("Two")).output).toBe("42 EUR");
  });
});

test("A baseline is not taken from messages that the service did not give", async () => {
  const it = scene(RUN, { stepCount: 3 });
  it.service.on(MESSAGES, { hasMore: false });
  expect(await rejection(it.service.client().v3.sessions.attach("s1").start("One"))).toMatchObject({ status: 200 });
  expect(it.service.count(DISPATCH)).toBe(0);
});

test("Messages without end do not keep a start for ever", async () => {
  const it = scene(RUN, { stepCount: 3 });
  let next = 0;
  it.service.on(MESSAGES, () => delayed(1_000, { messages: [message(`m${next++}`, "assistant")], hasMore: true }));
  const begun = performance.now();
  expect(await rejection(it.service.client().v3.sessions.attach("s1").start("One"))).toMatchObject({ code: "timeout" });
  expect(performance.now() - begun).toBe(180_000);
  expect(it.service.count(DISPATCH)).toBe(0);
});

test("A baseline of a view that lacks its counts is none the less one", async () => {
  const it = scene(ENDLESS);
  const { stepCount: _, totalCostUsd: __, ...bare } = v3View();
  it.service.on(VIEW, bare);
  const run = await it.service.client().v3.sessions.attach("s1").start("One");
  expect(run.toJSON()).toMatchObject({ baseline: { stepCount: 0, totalCostUsd: "0" } });
  expect(it.service.client().resume(JSON.parse(JSON.stringify(run))).id).toBe("s1");
});

test.each(["task", "sessionId", "outputSchema", "profileID", "startUrl"])(
  "A field that an opening cannot bring is refused before anything is sent: %s",
  async (field) => {
    const service = new Service();
    const opening = service.client().v3.sessions.open({ [field]: "x" } as object);
    expect(await rejection(opening)).toBeInstanceOf(InvalidInputError);
  },
);

test.each([
  "profileId",
  "workspaceId",
  "proxyCountryCode",
  "keepAlive",
  "task",
  "sessionId",
  "outputSchema",
  "maxStep",
])("A field that a task cannot bring is refused before anything is sent: %s", async (field) => {
  const it = scene();
  const session = await open(it);
  const { length } = it.service.sent;
  expect(await rejection(session.start("One", { [field]: "x" } as object))).toBeInstanceOf(InvalidInputError);
  expect(it.service.sent).toHaveLength(length);
});

test.each([0, -1, "0", "much"])("A cost limit of %j is refused before anything is sent", async (maxCostUsd) => {
  const service = new Service();
  expect(await rejection(service.client().v3.sessions.open({ maxCostUsd }))).toBeInstanceOf(InvalidInputError);
  expect(await rejection(service.client().v3.run("One", { maxCostUsd }))).toBeInstanceOf(InvalidInputError);
});

describe("a cached script", () => {
  test("is refused for a session without a workspace", async () => {
    const it = scene();
    expect(await rejection(open(it, { cacheScript: true }))).toBeInstanceOf(InvalidInputError);
    const session = await open(it);
    expect(await rejection(session.start("One", { cacheScript: true }))).toBeInstanceOf(InvalidInputError);
    expect(dispatches(it)).toEqual([]);
  });

  test("is taken for a session that has a workspace, wherever it was opened", async () => {
    const it = scene(ENDLESS, { workspaceId: WORKSPACE });
    await it.service.client().v3.sessions.attach("s1").start("One", { cacheScript: true });
    expect(it.service.bodies(DISPATCH)).toMatchObject([{ cacheScript: true }]);
  });
});

test("Sessions are listed over all pages", async () => {
  const page = (ids: string[]) => ({ sessions: ids.map((id) => v3View({ id })), total: 3, page: 1, pageSize: 100 });
  const service = new Service().on("GET /v3/sessions", page(["a", "b"]), page(["c"]));
  const ids: string[] = [];
  for await (const { id } of service.client().v3.sessions.list()) ids.push(id);
  expect(ids).toEqual(["a", "b", "c"]);
  expect(service.sent.map(({ query }) => query)).toEqual([
    { page: "1", page_size: "100" },
    { page: "2", page_size: "100" },
  ]);
});
