import { expect, test } from "vitest";
import { type Run, RunFailedError, type Step, TimeoutError, type V3Message, type V3View } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { answer, delayed, Service, useFastTime } from "../../support/service.ts";
import { type Event, PlayedSession } from "../../support/v3-session.ts";
import { conversation, message, v3View } from "../../support/views.ts";

useFastTime();

const VIEW = "GET /v3/sessions/s1";
const MESSAGES = "GET /v3/sessions/s1/messages";
const DISPATCH = "POST /v3/sessions";
const STOP = "POST /v3/sessions/s1/stop";

/** A session that has answered before, and shows it. */
const OLD: Partial<V3View> = {
  output: "yesterday",
  isTaskSuccessful: true,
  stepCount: 3,
  lastStepSummary: "Done",
  totalCostUsd: "0.30",
};
const OLD_MESSAGES = [message("h1", "human"), message("a1", "assistant")];
const NEW: Partial<V3View> = { status: "idle", output: "today", isTaskSuccessful: true };

/** A used session with a run in it, and the events that follow the dispatch. */
async function runOnUsedSession(service: Service, ...events: Event[]): Promise<Run> {
  const session = new PlayedSession(service, OLD, OLD_MESSAGES);
  service.on(DISPATCH, session.dispatch(...events));
  return service.client().v3.sessions.attach("s1").start("Read the total");
}

test("A session that is still starting gets its task once it is idle, not before", async () => {
  const service = new Service();
  const session = new PlayedSession(service, { status: "created" });
  service.on(DISPATCH, session.dispatch([1_500, { status: "idle" }]), session.dispatch([100, { status: "running" }]));
  const opened = await service.client().v3.sessions.open();
  const run = await opened.start("Read the total");
  expect(run.id).toBe("s1");
  const beforeDispatch = service.operations.slice(1, service.operations.lastIndexOf(DISPATCH));
  expect(beforeDispatch.length).toBeGreaterThan(2);
  expect(new Set(beforeDispatch)).toEqual(new Set([VIEW]));
  expect(session.dispatches).toBe(2);
});

test("The place where the session stood before the dispatch goes with the run's reference", async () => {
  const run = await runOnUsedSession(new Service());
  expect(run.toJSON()).toEqual({
    apiVersion: "v3",
    id: "s1",
    sessionId: "s1",
    baseline: { messageId: "a1", stepCount: 3, totalCostUsd: "0.30", answered: true },
  });
});

const noEvidence: readonly [string, Event[]][] = [
  ["nothing at all", []],
  ["an updatedAt that was touched", [[200, { updatedAt: "2026-03-01T11:00:00Z" }]]],
  ["our own message", [[100, message("h2", "human")]]],
  ["our own message under another role", [[100, message("h2", "User")]]],
  ["a hidden message of the agent", [[100, message("a2", "assistant", { hidden: true })]]],
  ["a note of the system", [[100, message("n2", "system")]]],
  ["a cost that grew late", [[200, { totalCostUsd: "0.31" }]]],
];

test.each(noEvidence)("The old answer is never returned on the strength of %s", async (_, events) => {
  const run = await runOnUsedSession(new Service(), ...events);
  const error = await rejection(run.result({ waitTimeoutMs: 30_000 }));
  expect(error).toBeInstanceOf(TimeoutError);
});

test("The old answer is never returned because its success is noted late", async () => {
  const service = new Service();
  const session = new PlayedSession(service, { ...OLD, isTaskSuccessful: null }, OLD_MESSAGES);
  service.on(DISPATCH, session.dispatch([200, { isTaskSuccessful: true }]));
  const run = await service.client().v3.sessions.attach("s1").start("Read the total");
  expect(await rejection(run.result({ waitTimeoutMs: 30_000 }))).toBeInstanceOf(TimeoutError);
});

test("The old answer is never returned because a session without steps and messages looks new", async () => {
  const service = new Service();
  const session = new PlayedSession(service, { output: "yesterday", isTaskSuccessful: true });
  service.on(DISPATCH, session.dispatch([9_000, { status: "running" }], [12_000, NEW]));
  const run = await service.client().v3.sessions.attach("s1").start("Read the total");
  const resumed = service.client().resume(JSON.parse(JSON.stringify(run)));
  const results = await Promise.all([run.result(), resumed.result()]);
  expect(results.map(({ output }) => output)).toEqual(["today", "today"]);
});

test("An old answer that is still shown after the dispatch waits for the new one", async () => {
  const run = await runOnUsedSession(
    new Service(),
    [100, message("h2", "human")],
    [3_000, { status: "running" }],
    [9_000, { ...NEW, stepCount: 5, totalCostUsd: "0.42" }],
  );
  const result = await run.result();
  expect(result).toMatchObject({ status: "idle", success: true, output: "today", costUsd: 0.12 });
});

const evidence: readonly [string, Event[]][] = [
  [
    "it was seen running",
    [
      [100, { status: "running" }],
      [2_000, NEW],
    ],
  ],
  ["it has taken more steps", [[2_000, { ...NEW, stepCount: 4 }]]],
  [
    "the agent has written since",
    [
      [100, message("h2", "human")],
      [2_000, NEW],
      [2_000, message("a2", "assistant")],
    ],
  ],
  [
    "the agent has written since, though our own task was not written down",
    [
      [2_000, NEW],
      [2_000, message("a2", "assistant")],
    ],
  ],
];

test.each(evidence)("An idle session has answered when %s", async (_, events) => {
  const run = await runOnUsedSession(new Service(), ...events);
  expect(await run.result({ waitTimeoutMs: 60_000 })).toMatchObject({ output: "today", success: true });
});

test("The answer is read after the agent's message was, because the view before it may be older", async () => {
  const service = new Service();
  const old = v3View(OLD);
  service
    .on(VIEW, old, old, { ...old, ...NEW })
    .on(DISPATCH, old)
    .on(
      MESSAGES,
      { messages: OLD_MESSAGES, hasMore: false },
      { messages: [message("h2", "human"), message("a2", "assistant")], hasMore: false },
      { messages: [], hasMore: false },
    );
  const run = await service.client().v3.sessions.attach("s1").start("Read the total");
  expect((await run.result({ waitTimeoutMs: 60_000 })).output).toBe("today");
});

test("Late words of the old run are no evidence, once our task turns up behind them", async () => {
  const run = await runOnUsedSession(
    new Service(),
    [0, message("a1b", "assistant")],
    [2_000, message("h2", "human")],
    [20_000, { status: "running" }],
    [40_000, NEW],
  );
  expect((await run.result()).output).toBe("today");
});

test("Words of the old run that arrive late are none of this run's steps", async () => {
  const run = await runOnUsedSession(
    new Service(),
    [50, message("a1b", "assistant")],
    [60, message("h2", "human")],
    [500, { status: "running" }],
    [900, message("a2", "assistant")],
    [5_000, NEW],
  );
  const steps: Step[] = [];
  await run.result({ onStep: (step) => void steps.push(step) });
  expect(steps.map(({ number, raw }) => [number, (raw as V3Message).id])).toEqual([[1, "a2"]]);
});

test("On a session that never had a task, an answer is the run's own", async () => {
  const service = new Service();
  const session = new PlayedSession(service);
  service.on(DISPATCH, session.dispatch(), session.dispatch([100, NEW]));
  const opened = await service.client().v3.sessions.open();
  expect((await opened.run("Read the total", { waitTimeoutMs: 60_000 })).output).toBe("today");
});

test("The first run of a session is not charged for what the browser cost before it", async () => {
  const service = new Service();
  const session = new PlayedSession(service, { totalCostUsd: "0.05" });
  service.on(DISPATCH, session.dispatch(), session.dispatch([100, { ...NEW, totalCostUsd: "0.07" }]));
  const opened = await service.client().v3.sessions.open();
  expect((await opened.run("Read the total")).costUsd).toBe(0.02);
});

const laterDispatch: Event[] = [
  [100, message("h2", "human")],
  [200, { status: "running" }],
  [300, message("a2", "assistant")],
  [900, { ...NEW, output: "of the run" }],
  [1_000, message("h3", "human")],
  [1_100, { status: "running" }],
  [2_000, message("a3", "assistant")],
  [9_000, { ...NEW, output: "of the later run" }],
];

test("An answer of a later dispatch is reported as superseded, never returned", async () => {
  const run = await runOnUsedSession(new Service(), ...laterDispatch.map(([ms, event]): Event => [ms / 1e6, event]));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const error = await rejection(run.result());
  expect(error).toBeInstanceOf(RunFailedError);
  expect((error as RunFailedError).result).toMatchObject({
    status: "superseded",
    output: null,
    success: null,
    costUsd: null,
  });
});

test("A run that is picked up elsewhere after a later dispatch is reported as superseded", async () => {
  const service = new Service();
  const run = await runOnUsedSession(service, ...laterDispatch);
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  const resumed = service.client().resume(JSON.parse(JSON.stringify(run)));
  expect((await rejection(resumed.result())) as RunFailedError).toMatchObject({ result: { status: "superseded" } });
});

test("Steps end where a later dispatch begins", async () => {
  const service = new Service();
  const run = await runOnUsedSession(service, ...laterDispatch);
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  const steps: Step[] = [];
  for await (const step of run.steps()) steps.push(step);
  expect(steps.map(({ raw }) => (raw as V3Message).id)).toEqual(["a2"]);
});

test("Stopping a run leaves the task of a later dispatch alone", async () => {
  const service = new Service();
  const run = await runOnUsedSession(service, ...laterDispatch);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await run.stop();
  expect(service.count(STOP)).toBe(0);
});

test("A known answer stays the run's answer after a later dispatch", async () => {
  const service = new Service();
  const session = new PlayedSession(service, OLD, OLD_MESSAGES);
  service.on(
    DISPATCH,
    session.dispatch([100, message("h2", "human")], [200, { status: "running" }], [900, { ...NEW, output: "first" }]),
    session.dispatch([100, message("h3", "human")], [200, { status: "running" }], [900, { ...NEW, output: "second" }]),
  );
  const handle = service.client().v3.sessions.attach("s1");
  const first = await handle.start("One");
  await first.result();
  expect((await handle.run("Two")).output).toBe("second");
  expect((await first.result()).output).toBe("first");
  expect((await first.result({ onStep: () => {} })).output).toBe("first");
});

test.each(["stopped", "timed_out", "error"] as const)(
  "A session that is %s in the middle of a later run gives no answer, though it shows an old one",
  async (status) => {
    const run = await runOnUsedSession(new Service(), [100, { status: "running", stepCount: 4 }], [3_000, { status }]);
    const error = await rejection(run.result());
    expect(error).toBeInstanceOf(RunFailedError);
    expect((error as RunFailedError).result).toMatchObject({ status, output: null, success: null, raw: { status } });
  },
);

test("Costs are the exact difference to the baseline", async () => {
  const run = await runOnUsedSession(
    new Service(),
    [100, { status: "running" }],
    [500, { ...NEW, totalCostUsd: "0.4" }],
  );
  expect((await run.result()).costUsd).toBe(0.1);
});

test("Steps are the agent's messages, each once and in order, without the hidden ones", async () => {
  const run = await runOnUsedSession(
    new Service(),
    [10, message("h2", "human")],
    [100, { status: "running" }],
    [300, message("a2", "assistant", { summary: "Open the shop", screenshotUrl: "https://shots.test/1" })],
    [800, message("x2", "assistant", { hidden: true })],
    [1_500, message("a3", "assistant", { summary: "", data: "Read the total" })],
    [5_000, NEW],
  );
  const steps: Step[] = [];
  for await (const step of run.steps()) steps.push(step);
  expect(steps.map(({ raw: _, ...step }) => step)).toEqual([
    { number: 1, summary: "Open the shop", screenshotUrl: "https://shots.test/1" },
    { number: 2, summary: "Read the total", screenshotUrl: undefined },
  ]);
});

test("Steps begin with the first, however late they are asked for and wherever", async () => {
  const service = new Service();
  const run = await runOnUsedSession(
    service,
    [10, message("h2", "human")],
    [100, { status: "running" }],
    ...Array.from({ length: 250 }, (_, index): Event => [200 + index, message(`a${index + 2}`, "assistant")]),
    [9_000, NEW],
  );
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  const resumed = service.client().resume(JSON.parse(JSON.stringify(run)));
  const numbers: number[] = [];
  await resumed.result({ onStep: ({ number }) => void numbers.push(number) });
  expect(numbers).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
});

test("Messages are asked for 100 at a time, from the cursor to the end", async () => {
  const service = new Service();
  const many = Array.from({ length: 230 }, (_, index) => message(`m${index}`, index % 2 ? "assistant" : "human"));
  new PlayedSession(service, OLD, many);
  service.on(DISPATCH, v3View(OLD));
  const run = await service.client().v3.sessions.attach("s1").start("Read the total");
  expect(run.toJSON()).toMatchObject({ baseline: { messageId: "m229" } });
  const queries = service.sent.filter(({ operation }) => operation === MESSAGES).map(({ query }) => query);
  expect(queries).toEqual([{ limit: "100" }, { limit: "100", after: "m99" }, { limit: "100", after: "m199" }]);
});

test.each(["oldest", "newest"] as const)(
  "The baseline is the last message, also when a page without a cursor begins at the %s",
  async (anchor) => {
    const service = new Service();
    const many = Array.from({ length: 230 }, (_, index) => message(`m${index}`, index % 2 ? "assistant" : "human"));
    const view = v3View(OLD);
    service
      .on(VIEW, view)
      .on(DISPATCH, view)
      .on(
        MESSAGES,
        conversation(() => many, anchor),
      );
    const run = await service.client().v3.sessions.attach("s1").start("Read the total");
    expect(run.toJSON()).toMatchObject({ baseline: { messageId: "m229" } });
  },
);

test.each(["oldest", "newest"] as const)(
  "A first run's steps are complete, also when a page without a cursor begins at the %s",
  async (anchor) => {
    const service = new Service();
    const many = [
      message("h1", "human"),
      ...Array.from({ length: 230 }, (_, index) => message(`a${index}`, "assistant")),
    ];
    service.on(VIEW, v3View(NEW)).on(
      MESSAGES,
      conversation(() => many, anchor),
    );
    const baseline = { messageId: null, stepCount: 0, totalCostUsd: "0" };
    const run = service.client().resume({ apiVersion: "v3", id: "s1", sessionId: "s1", baseline });
    const ids: string[] = [];
    for await (const { raw } of run.steps()) ids.push((raw as V3Message).id);
    expect(ids).toEqual(many.slice(1).map(({ id }) => id));
  },
);

test("Stopping a run stops its task and not the session, and the run ends without an answer", async () => {
  const service = new Service();
  const run = await runOnUsedSession(service, [100, { status: "running" }]);
  service.on(STOP, () => {
    service.on(VIEW, v3View(OLD));
    return v3View(OLD);
  });
  await run.stop();
  expect(service.bodies(STOP)).toEqual([{ strategy: "task" }]);
  expect((await rejection(run.result())) as RunFailedError).toMatchObject({
    code: "run_failed",
    result: { status: "stopped", output: null },
  });
});

test("Stopping a run that has ended asks the service for nothing but a look", async () => {
  const service = new Service();
  const run = await runOnUsedSession(service, [10, { status: "running" }], [500, NEW]);
  await run.result();
  const { length } = service.sent;
  await run.stop();
  expect(service.sent.length).toBe(length);
});

test("A stop that the service refuses leaves the run's answer alone", async () => {
  const service = new Service();
  const run = await runOnUsedSession(service, [10, { status: "running" }], [2_000, NEW]);
  service.on(STOP, answer(409, { detail: "Not now" }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await rejection(run.stop())).toMatchObject({ status: 409 });
  expect((await run.result()).output).toBe("today");
});

test("Messages without end do not keep a wait for ever", async () => {
  const service = new Service();
  const run = await runOnUsedSession(service, [100, { status: "running" }], [500, NEW]);
  let next = 0;
  service.on(MESSAGES, () => delayed(500, { messages: [message(`m${next++}`, "assistant")], hasMore: true }));
  const begun = performance.now();
  expect(await rejection(run.result({ waitTimeoutMs: 9_000 }))).toBeInstanceOf(TimeoutError);
  expect(performance.now() - begun).toBe(9_000);
});

test.each<[string, () => object]>([
  ["the same page for ever", () => ({ messages: [message("h2", "human"), message("a2", "assistant")], hasMore: true })],
  ["pages that go in a circle", circle()],
  ["no messages but more of them", () => ({ messages: [], hasMore: true })],
])("A service that gives %s does not keep a wait for ever", async (_, reply) => {
  const service = new Service();
  const run = await runOnUsedSession(service, [100, { status: "running" }], [500, NEW]);
  service.on(MESSAGES, reply);
  const steps: Step[] = [];
  expect((await run.result({ onStep: (step) => void steps.push(step) })).output).toBe("today");
  const ids = steps.map(({ raw }) => (raw as V3Message).id);
  expect(ids).toEqual([...new Set(ids)]);
});

function circle(): () => object {
  let page = 0;
  return () => ({ messages: [message(`a${(page++ % 3) + 2}`, "assistant")], hasMore: true });
}

test("A cursor that the service does not honour makes no old message a new one", async () => {
  const service = new Service();
  const run = await runOnUsedSession(service);
  service.on(MESSAGES, { messages: [...OLD_MESSAGES, message("h2", "human")], hasMore: false });
  expect(await rejection(run.result({ waitTimeoutMs: 30_000 }))).toBeInstanceOf(TimeoutError);
});

test("A message without a role is nobody's", async () => {
  const service = new Service();
  const { role: _, ...nobody } = message("x2", "");
  const run = await runOnUsedSession(service, [100, { ...nobody, role: "" }]);
  expect(await rejection(run.result({ waitTimeoutMs: 30_000 }))).toBeInstanceOf(TimeoutError);
});

test("Steps leave out what is hidden, unless it is asked for; hidden words are no evidence in either case", async () => {
  const service = new Service();
  const steps = async (hidden?: boolean) => {
    const run = await runOnUsedSession(
      service,
      [100, message("h2", "human")],
      [200, message("n2", "system", { hidden: true })],
      [2_000, message("a2", "assistant")],
      [2_100, message("a3", "assistant", { hidden: true })],
      [300, { status: "running" }],
      [6_000, { ...NEW, stepCount: 5 }],
    );
    const ids: string[] = [];
    for await (const { raw, number } of run.steps({ hidden })) ids.push(`${number} ${(raw as V3Message).id}`);
    return ids;
  };
  expect(await steps()).toEqual(["1 a2"]);
  expect(await steps(true)).toEqual(["1 n2", "2 a2", "3 a3"]);
  const silent = await runOnUsedSession(
    service,
    [100, message("h2", "human")],
    [200, message("a2", "assistant", { hidden: true })],
  );
  const never = async () => {
    for await (const _ of silent.steps({ hidden: true, waitTimeoutMs: 20_000 }));
  };
  expect(await rejection(never())).toBeInstanceOf(TimeoutError);
});
