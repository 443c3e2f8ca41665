import { describe, expect, test } from "vitest";
import {
  InvalidInputError,
  SessionBusyError,
  SessionStoppedError,
  TimeoutError,
  type V2Session,
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
import { v2Session, v2Step, v2Task } from "../../support/views.ts";

useFastTime();

const CREATE = "POST /v2/sessions";
const DISPATCH = "POST /v2/tasks";
const STATUS = "GET /v2/tasks/t1/status";
const TASK = "GET /v2/tasks/t1";
const STOP_TASK = "PATCH /v2/tasks/t1";
const STOP = "PATCH /v2/sessions/s1";
const LIST = "GET /v2/tasks";
const CREATED = { id: "t1", sessionId: "s1" };

function finishing(): Service {
  return new Service()
    .on(CREATE, v2Session())
    .on(DISPATCH, CREATED)
    .on(STATUS, { id: "t1", status: "finished" })
    .on(TASK, v2Task())
    .on(STOP_TASK, v2Task({ status: "stopped" }))
    .on(STOP, v2Session({ status: "stopped" }));
}

function running(): Service {
  return finishing().on(STATUS, { id: "t1", status: "started" });
}

const open = (service: Service): Promise<V2Session> => service.client().v2.sessions.open();

test("Several tasks run in one session, one after the other", async () => {
  const service = finishing();
  const session = await open(service);
  expect((await session.run("One")).output).toBe("42 EUR");
  expect((await session.run("Two")).output).toBe("42 EUR");
  expect(service.bodies(DISPATCH)).toEqual([
    { task: "One", sessionId: "s1" },
    { task: "Two", sessionId: "s1" },
  ]);
});

test("A task that is not found at once after its dispatch is waited for; one that is not found later is not", async () => {
  const lagging = finishing().on(STATUS, refusal(404, "unknown"), answer(404), { id: "t1", status: "finished" });
  expect((await (await open(lagging)).run("One")).output).toBe("42 EUR");

  const gone = finishing().on(STATUS, refusal(404, "unknown"));
  const session = await open(gone);
  const begun = performance.now();
  expect(await rejection(session.run("One"))).toMatchObject({ code: "not_found" });
  expect(performance.now() - begun).toBeGreaterThan(9_000);
});

test("An opening or a dispatch whose answer has an id that is no text is an error that says so, and may have been carried out", async () => {
  for (const id of [5, "", {}]) {
    const odd = finishing().on(CREATE, { ...v2Session(), id });
    expect(await rejection(open(odd))).toMatchObject({ code: "api_error", outcome: "unknown" });
    const none = { items: [], totalItems: 0, pageNumber: 1, pageSize: 100 };
    const session = await open(
      finishing()
        .on(DISPATCH, { ...CREATED, id })
        .on(LIST, none),
    );
    expect(await rejection(session.start("One"))).toMatchObject({ code: "api_error", outcome: "unknown" });
  }
});

test("use without a function opens nothing", async () => {
  const service = finishing();
  expect(await rejection(service.client().v2.sessions.use({}, undefined as never))).toBeInstanceOf(InvalidInputError);
  expect(service.sent).toEqual([]);
});

test("A controller in place of its signal, or an onStep that is none, is refused before anything is sent", async () => {
  const service = finishing();
  const session = await open(service);
  const signal = new AbortController() as never;
  expect(await rejection(service.client().v2.sessions.open({}, { signal }))).toBeInstanceOf(InvalidInputError);
  expect(await rejection(session.start("One", { signal }))).toBeInstanceOf(InvalidInputError);
  expect(await rejection(session.run("One", { signal }))).toBeInstanceOf(InvalidInputError);
  expect(await rejection(session.run("One", { onStep: 5 as never }))).toBeInstanceOf(InvalidInputError);
  expect(service.operations).toEqual([CREATE]);
});

test("A session that is being stopped takes no task", async () => {
  const service = finishing().on(STOP, delayed(1_000, v2Session({ status: "stopped" })));
  const session = await open(service);
  const stopping = session.stop();
  expect(await rejection(session.start("One"))).toBeInstanceOf(SessionStoppedError);
  await stopping;
  expect(service.count(DISPATCH)).toBe(0);
});

test("A task that was started has an id before anybody waits for it", async () => {
  const service = finishing();
  const run = await (await open(service)).start("Read the total");
  expect(run).toMatchObject({ id: "t1", sessionId: "s1", apiVersion: "v2" });
  expect(service.operations).toEqual([CREATE, DISPATCH]);
});

describe("a second task", () => {
  test("is refused before the wire while the first is being dispatched", async () => {
    const service = finishing().on(DISPATCH, delayed(500, CREATED));
    const session = await open(service);
    const first = session.start("One");
    expect(await rejection(session.start("Two"))).toBeInstanceOf(SessionBusyError);
    await first;
    expect(service.count(DISPATCH)).toBe(1);
  });

  test("is refused while the first runs, after the service was asked once", async () => {
    const service = running();
    const session = await open(service);
    await session.start("One");
    const error = await rejection(session.start("Two"));
    expect(error).toMatchObject({ code: "session_busy", sessionId: "s1" });
    expect(service.operations).toEqual([CREATE, DISPATCH, STATUS]);
  });

  test("is taken when the first has ended meanwhile", async () => {
    const service = finishing();
    const session = await open(service);
    await session.start("One");
    await session.start("Two");
    expect(service.operations).toEqual([CREATE, DISPATCH, STATUS, TASK, DISPATCH]);
  });

  test("is taken when the first is not found any more", async () => {
    const service = finishing().on(STATUS, refusal(404, "gone"));
    const session = await open(service);
    await session.start("One");
    await session.start("Two");
    expect(service.operations).toEqual([CREATE, DISPATCH, STATUS, DISPATCH]);
  });

  test("is refused by the service's own words when it runs one that this handle knows nothing of", async () => {
    const service = finishing().on(DISPATCH, refusal(400, "Session s1 already has a running task"));
    expect(await rejection((await open(service)).start("One"))).toMatchObject({
      code: "session_busy",
      sessionId: "s1",
    });
  });
});

test("A session that was stopped takes no task, and nothing is sent", async () => {
  const service = finishing();
  const session = await open(service);
  await session.stop();
  expect(await rejection(session.run("One"))).toBeInstanceOf(SessionStoppedError);
  expect(service.operations).toEqual([CREATE, STOP]);
});

test("A session that ends while a task is on its way to it takes none", async () => {
  const service = running();
  const session = await open(service);
  await session.start("One");
  const asked = held();
  service.on(STATUS, asked.reply);
  const second = session.start("Two");
  await asked.asked;
  await session.stop();
  asked.give({ id: "t1", status: "finished" });
  expect(await rejection(second)).toBeInstanceOf(SessionStoppedError);
  expect(service.count(DISPATCH)).toBe(1);
});

test("A run in a session that is stopped ends without an answer", async () => {
  const service = running();
  const session = await open(service);
  const run = rejection(session.run("One"));
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  service.on(STATUS, { id: "t1", status: "stopped" }).on(TASK, v2Task({ status: "stopped", output: null }));
  await session.stop();
  expect(await run).toMatchObject({ code: "run_failed", result: { status: "stopped" } });
});

describe("aborting", () => {
  test("run stops its task and not the session, and rejects with the caller's reason", async () => {
    const service = running();
    const session = await open(service);
    const { signal, reason } = abortAfter(2_000);
    expect(await rejection(session.run("One", { signal }))).toBe(reason);
    expect(service.bodies(STOP_TASK)).toEqual([{ action: "stop" }]);
    expect(service.count(STOP)).toBe(0);
  });

  test("run leaves a task alone that has ended by then", async () => {
    const service = running();
    const session = await open(service);
    const { signal } = abortAfter(2_000);
    const aborted = rejection(session.run("One", { signal }));
    service.on(STATUS, { id: "t1", status: "started" }, { id: "t1", status: "started" });
    signal.addEventListener("abort", () => service.on(STATUS, { id: "t1", status: "finished" }));
    await aborted;
    expect(service.count(STOP_TASK)).toBe(0);
  });

  test.each([
    ["refuses to stop the task", answer(403)],
    ["fails to stop the task", answer(500)],
    ["is silent", silence],
  ])("run rejects with the caller's reason within ten seconds, also when the service %s", async (_, reply) => {
    const service = running().on(STOP_TASK, reply);
    const session = await open(service);
    const { signal, reason } = abortAfter(2_000);
    const begun = performance.now();
    signal.addEventListener(
      "abort",
      () => reply === silence && service.on(STATUS, delayed(6_000, { status: "started" })),
    );
    expect(await rejection(session.run("One", { signal }))).toBe(reason);
    expect(performance.now() - begun).toBeLessThanOrEqual(12_000);
  });

  test("a dispatch on its way rejects at once, and the task is stopped when it arrives", async () => {
    const service = running().on(DISPATCH, delayed(5_000, CREATED));
    const session = await open(service);
    const { signal, reason } = abortAfter(1_000);
    const begun = performance.now();
    expect(await rejection(session.start("One", { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(1_000);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(service.count(STOP_TASK)).toBe(1);
  });

  test("before the dispatch sends nothing", async () => {
    const service = finishing();
    const session = await open(service);
    const signal = AbortSignal.abort(new Error("too late"));
    expect(await rejection(session.run("One", { signal }))).toBe(signal.reason);
    expect(await rejection(session.start("One", { signal }))).toBe(signal.reason);
    expect(service.operations).toEqual([CREATE]);
  });

  test("leaves a run or a stopped task, never a task that nobody knows of, at whatever moment it comes", async () => {
    for (let ticks = 0; ticks < 80; ticks++) {
      const dispatched = held();
      const service = running().on(DISPATCH, dispatched.reply);
      const session = await open(service);
      const control = new AbortController();
      const starting = session.start("One", { signal: control.signal }).then(
        (run) => run,
        () => undefined,
      );
      await dispatched.asked;
      dispatched.give(CREATED);
      for (let tick = 0; tick < ticks; tick++) await null;
      control.abort();
      const run = await starting;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(service.count(STOP_TASK), `task stops after ${ticks} ticks`).toBe(run ? 0 : 1);
    }
  });

  test("at any moment of a run stops its task", async () => {
    for (let ticks = 0; ticks < 80; ticks++) {
      const dispatched = held();
      const service = running().on(DISPATCH, dispatched.reply);
      const session = await open(service);
      const control = new AbortController();
      const running_ = rejection(session.run("One", { signal: control.signal }));
      await dispatched.asked;
      dispatched.give(CREATED);
      for (let tick = 0; tick < ticks; tick++) await null;
      control.abort(new Error("left"));
      expect(await running_).toBe(control.signal.reason);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(service.count(STOP_TASK), `task stops after ${ticks} ticks`).toBe(1);
    }
  });

  test("leaves nobody listening when the run ended before it", async () => {
    const { control, listeners } = countedSignal();
    await (await open(finishing())).run("One", { signal: control.signal });
    expect(listeners()).toBe(0);
  });
});

test.each([
  ["an error of its own", new Error("mine")],
  ["an error of this package", new InvalidInputError("mine")],
  ["no error at all", "mine"],
])("An onStep that throws %s stops the task and rejects with that", async (_, mine) => {
  const service = running().on(TASK, v2Task({ status: "started", steps: [v2Step(1)] }));
  const session = await open(service);
  const run = session.run("One", {
    onStep: async () => {
      throw mine;
    },
  });
  expect(await rejection(run)).toBe(mine);
  expect(service.count(STOP_TASK)).toBe(1);
});

test("An onStep that is still at work when time is up leaves the run", async () => {
  const service = running().on(TASK, v2Task({ status: "started", steps: [v2Step(1)] }));
  const session = await open(service);
  const run = session.run("One", { waitTimeoutMs: 3_000, onStep: () => new Promise(() => {}) });
  expect(await rejection(run)).toMatchObject({ code: "timeout", run: { id: "t1" } });
  expect(service.count(STOP_TASK)).toBe(0);
});

describe("waitTimeoutMs", () => {
  test("leaves the run, and carries it", async () => {
    const service = running();
    const session = await open(service);
    const begun = performance.now();
    const error = await rejection(session.run("One", { waitTimeoutMs: 5_000 }));
    expect(performance.now() - begun).toBe(5_000);
    expect(error).toMatchObject({ code: "timeout", timeoutMs: 5_000, run: { id: "t1" } });
    expect(service.count(STOP_TASK)).toBe(0);
  });

  test("bounds the dispatch as well, and stops a task that is dispatched too late", async () => {
    const service = running().on(DISPATCH, delayed(20_000, CREATED));
    const session = await open(service);
    const begun = performance.now();
    const error = await rejection(session.run("One", { waitTimeoutMs: 5_000 }));
    expect(performance.now() - begun).toBe(5_000);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ timeoutMs: 5_000, outcome: "unknown" });
    expect((error as TimeoutError).run).toBe(undefined);
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    expect(service.count(STOP_TASK)).toBe(1);
  });
});

describe("a dispatch without an answer", () => {
  const listed = (...tasks: object[]) => ({ items: tasks, totalItems: tasks.length, pageNumber: 1, pageSize: 100 });
  const ours = v2Task({ id: "t2", task: "Read the total", status: "started" });

  test("is settled by the session's list, and never sent twice", async () => {
    const service = finishing().on(DISPATCH, reset()).on(LIST, listed(), listed(ours));
    const run = await (await open(service)).start("Read the total");
    expect(run.id).toBe("t2");
    expect(service.count(DISPATCH)).toBe(1);
    expect(service.sent.find(({ operation }) => operation === LIST)?.query).toEqual({
      sessionId: "s1",
      pageSize: "100",
    });
  });

  test.each([
    ["a broken connection", reset()],
    ["silence", silence],
    ["a 500", answer(500)],
    ["an answer without an id", { sessionId: "s1" }],
  ])("is settled after %s", async (_, lost) => {
    const service = finishing().on(DISPATCH, lost).on(LIST, listed(ours));
    expect((await (await open(service)).start("Read the total")).id).toBe("t2");
    expect(service.count(DISPATCH)).toBe(1);
  });

  test("is not taken for an older task with the same words", async () => {
    const service = finishing().on(DISPATCH, CREATED, reset());
    const session = await open(service);
    await session.run("Read the total");
    service.on(LIST, listed(v2Task({ id: "t1", task: "Read the total" })));
    expect(await rejection(session.run("Read the total"))).toMatchObject({ outcome: "unknown" });
    expect(service.count(DISPATCH)).toBe(2);
  });

  test("is not taken for a new task with other words", async () => {
    const service = finishing()
      .on(DISPATCH, reset())
      .on(LIST, listed(v2Task({ id: "t9", task: "Something else" })));
    expect(await rejection((await open(service)).start("Read the total"))).toMatchObject({ outcome: "unknown" });
  });

  test("keeps its outcome unknown when the list cannot be had either", async () => {
    const service = finishing().on(DISPATCH, reset()).on(LIST, {});
    expect(await rejection((await open(service)).start("One"))).toMatchObject({
      code: "connection",
      outcome: "unknown",
    });
  });

  test("keeps its outcome unknown on a session whose tasks are not known", async () => {
    const service = finishing().on(DISPATCH, reset());
    const session = service.client().v2.sessions.attach("s1");
    expect(await rejection(session.start("One"))).toMatchObject({ outcome: "unknown" });
    expect(service.count(LIST)).toBe(0);
  });

  test("is settled on an attached session whose tasks were asked for", async () => {
    const service = finishing()
      .on(DISPATCH, reset())
      .on("GET /v2/sessions/s1", { ...v2Session(), tasks: [v2Task({ id: "t1", task: "Read the total" })] })
      .on(LIST, listed(v2Task({ id: "t1", task: "Read the total" }), ours));
    const session = service.client().v2.sessions.attach("s1");
    await session.refresh();
    expect((await session.start("Read the total")).id).toBe("t2");
  });
});

test("A dispatch that was surely refused is an error of its own, and the session takes the next one", async () => {
  const service = finishing().on(DISPATCH, refusal(402, "no credits"), CREATED);
  const session = await open(service);
  expect(await rejection(session.start("One"))).toMatchObject({ code: "insufficient_credits" });
  expect((await session.start("Two")).id).toBe("t1");
});

test.each([
  ["sessionId", "s2"],
  ["sessionSettings", {}],
  ["structuredOutput", "{}"],
  ["task", "another"],
  ["keepAlive", true],
  ["maxStep", 3],
])("A field that a task cannot bring is refused before anything is sent: %s", async (field, value) => {
  const service = finishing();
  const session = await open(service);
  expect(await rejection(session.start("One", { [field]: value } as object))).toBeInstanceOf(InvalidInputError);
  expect(service.operations).toEqual([CREATE]);
});

test.each([
  ["maxSteps: 0", "One", { maxSteps: 0 }],
  ["maxSteps: 10001", "One", { maxSteps: 10_001 }],
  ["vision: 'yes'", "One", { vision: "yes" }],
  ["an empty task", "", {}],
])("What the spec forbids is refused before anything is sent: %s", async (_, task, fields) => {
  const service = finishing();
  const session = await open(service);
  expect(await rejection(session.run(task, fields as object))).toBeInstanceOf(InvalidInputError);
  expect(service.operations).toEqual([CREATE]);
});

test("Sessions are listed over all pages, and the filter goes with each", async () => {
  const page = (ids: string[]) => ({
    items: ids.map((id) => v2Session({ id })),
    totalItems: 3,
    pageNumber: 1,
    pageSize: 100,
  });
  const service = new Service().on("GET /v2/sessions", page(["a", "b"]), page(["c"]));
  const ids: string[] = [];
  for await (const { id } of service.client().v2.sessions.list({ filterBy: "active" })) ids.push(id);
  expect(ids).toEqual(["a", "b", "c"]);
  expect(service.sent.map(({ query }) => query)).toEqual([
    { pageNumber: "1", pageSize: "100", filterBy: "active" },
    { pageNumber: "2", pageSize: "100", filterBy: "active" },
  ]);
});
