import { expect, onTestFinished, test, vi } from "vitest";
import type { TaskJob } from "../../../src/emulator/index.ts";
import type { Schema } from "../../../src/emulator/operations.ts";
import { type Api, emulated, gate, type Invalid, MINUTE, MISSING, until } from "../support.ts";

type Task = Schema<"V2TaskView">;
type Session = Schema<"V2SessionView">;
type List = Schema<"V2TaskListResponse">;

const never = () => new Promise(() => undefined);

async function withTask(api: Api): Promise<{ sessionId: string; id: string }> {
  const sessionId = await api.sessionV2();
  return api.taskV2({ sessionId });
}

test("a task is created, then started, then finished, with steps, an output and a cost that grows", async () => {
  const [first, last] = [gate(), gate()];
  const api = await emulated({
    startDelayMs: MINUTE,
    onTask: async ({ step }) => {
      await first.promise;
      await step({ summary: "Opened the shop", url: "https://shop.test" });
      await last.promise;
      return "done";
    },
  });
  const { id } = await withTask(api);
  const read = async () => (await api.get<Task>(`/v2/tasks/${id}`)).body;

  expect(await read()).toMatchObject({ status: "created", startedAt: null, cost: null });
  api.emulator.advance(MINUTE);
  expect(await read()).toMatchObject({
    cost: "0.01",
    steps: [],
    output: null,
  });
  first.open();
  expect(await until(read, ({ steps }) => steps.length > 0)).toMatchObject({
    cost: "0.012",
    steps: [{ number: 1, nextGoal: "Opened the shop", memory: "Opened the shop", url: "https://shop.test" }],
  });
  last.open();
  expect(await api.endedTask(id)).toMatchObject({
    status: "finished",
    output: "done",
    isSuccess: true,
    outputFiles: [],
  });
  expect((await api.get(`/v2/tasks/${id}/status`)).body).toMatchObject({
    status: "finished",
    output: "done",
    cost: "0.012",
  });
});

test("the agent is given the task, its session and the request", async () => {
  const seen = gate<TaskJob>();
  const api = await emulated({ startDelayMs: 1, onTask: (job) => seen.open(job) });
  const request = { task: "Log in", llm: "browser-use-2.0", secrets: { "shop.test": "s3cret" }, maxSteps: 7 };
  const { id, sessionId } = await api.taskV2(request);

  expect(await seen.promise).toMatchObject({ apiVersion: "v2", task: "Log in", taskId: id, sessionId, request });
});

test("an output that is no text is given as JSON text", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: () => ({ total: 3 }) });
  const { id } = await api.taskV2({});

  expect((await api.endedTask(id)).output).toBe('{"total":3}');
});

test("an agent that throws fails the task, and one that says so does not succeed", async () => {
  const api = await emulated({
    startDelayMs: 1,
    onTask: (job) => {
      if (job.task === "throw") throw new Error("no way in");
      job.success = false;
      return "only half";
    },
  });
  const [thrown, half] = [await api.taskV2({ task: "throw" }), await api.taskV2({ task: "half" })];

  expect(await api.endedTask(thrown.id)).toMatchObject({ status: "failed", output: null, isSuccess: false });
  expect(await api.endedTask(half.id)).toMatchObject({ status: "finished", output: "only half", isSuccess: false });
});

test("a session takes one task at a time: from the dispatch on, the next one is 400", async () => {
  const api = await emulated({ onTask: never });
  const { sessionId } = await withTask(api);

  expect(await api.post("/v2/tasks", { task: "second", sessionId })).toMatchObject({
    status: 400,
    body: { detail: "Agent session already has a running task. Please wait for it to finish or stop it manually." },
  });
});

test("a stopped session takes no task, with a text of its own, and one that never was is 404", async () => {
  const api = await emulated();
  const sessionId = await api.sessionV2();
  await api.patch(`/v2/sessions/${sessionId}`, { action: "stop" });

  expect(await api.post("/v2/tasks", { task: "late", sessionId })).toMatchObject({
    status: 400,
    body: { detail: "Browser session is stopped. Please start a new session and try again." },
  });
  expect((await api.post("/v2/tasks", { task: "late", sessionId: MISSING })).status).toBe(404);
  const v3 = await api.idleV3();
  expect((await api.post("/v2/tasks", { task: "other kind", sessionId: v3 })).status).toBe(404);
});

test("a task without a session gets one of its own, which stops after it and saves the profile", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: ({ state }) => void state.set("a.test/x", "1") });
  const profileId = await api.profile();
  const { id, sessionId } = await api.taskV2({ sessionSettings: { profileId } });
  await api.endedTask(id);

  const { body } = await api.get<Session>(`/v2/sessions/${sessionId}`);
  expect(body).toMatchObject({ status: "stopped", keepAlive: false });
  expect(api.emulator.profileState(profileId)?.get("a.test/x")).toBe("1");
});

test("stopping a task leaves its session open, and what its agent answers later counts for nothing", async () => {
  const [started, late] = [gate(), gate<string>()];
  const api = await emulated({
    startDelayMs: 1,
    onTask: ({ task }) => {
      started.open();
      return task === "next" ? "second answer" : late.promise;
    },
  });
  const { id, sessionId } = await withTask(api);
  await started.promise;
  const stopped = await api.patch<Task>(`/v2/tasks/${id}`, { action: "stop" });
  late.open("too late");

  expect(stopped).toMatchObject({ status: 200, body: { status: "stopped", output: null } });
  expect((await api.get<Session>(`/v2/sessions/${sessionId}`)).body.status).toBe("active");
  const next = await api.taskV2({ sessionId, task: "next" });
  expect((await api.endedTask(next.id)).output).toBe("second answer");
  expect((await api.get<Task>(`/v2/tasks/${id}`)).body).toEqual(stopped.body);
});

test("a task that is stopped before it starts never reaches the agent", async () => {
  let calls = 0;
  const api = await emulated({ startDelayMs: MINUTE, onTask: () => void calls++ });
  const { id } = await withTask(api);
  await api.patch(`/v2/tasks/${id}`, { action: "stop" });
  api.emulator.advance(2 * MINUTE);

  expect(calls).toBe(0);
  expect((await api.get<Task>(`/v2/tasks/${id}`)).body).toMatchObject({ status: "stopped", startedAt: null });
});

test("stop_task_and_session stops both", async () => {
  const api = await emulated({ onTask: never });
  const { id, sessionId } = await withTask(api);

  expect((await api.patch<Task>(`/v2/tasks/${id}`, { action: "stop_task_and_session" })).body.status).toBe("stopped");
  expect((await api.get<Session>(`/v2/sessions/${sessionId}`)).body.status).toBe("stopped");
});

test("stopping a task that has ended changes nothing, and does not touch the one that runs now", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: ({ task }) => (task === "runs" ? never() : "done") });
  const { id, sessionId } = await withTask(api);
  await api.endedTask(id);
  const running = await api.taskV2({ sessionId, task: "runs" });

  expect((await api.patch<Task>(`/v2/tasks/${id}`, { action: "stop" })).body.status).toBe("finished");
  expect((await api.get<Task>(`/v2/tasks/${running.id}`)).body.status).not.toBe("stopped");
});

test("a step after the end of the task is refused to the agent, and does not break an agent that does not wait for it", async () => {
  const [stopped, refused] = [gate(), gate<unknown>()];
  const api = await emulated({
    startDelayMs: 1,
    onTask: async ({ step }) => {
      await stopped.promise;
      void step({ summary: "not waited for" });
      await step({ summary: "late" }).catch(refused.open);
    },
  });
  const { id } = await withTask(api);
  await until(
    async () => (await api.get<Task>(`/v2/tasks/${id}`)).body.status,
    (status) => status === "started",
  );
  await api.patch(`/v2/tasks/${id}`, { action: "stop" });
  stopped.open();

  expect(await refused.promise).toMatchObject({ name: "AbortError" });
  expect((await api.get<Task>(`/v2/tasks/${id}`)).body.steps).toEqual([]);
});

test("lists are filtered by session, status and time, and naive times mean UTC wherever the emulator runs", async () => {
  vi.stubEnv("TZ", "America/New_York");
  onTestFinished(() => void vi.unstubAllEnvs());
  let now = Date.UTC(2026, 0, 1, 12);
  const api = await emulated({
    startDelayMs: 1,
    onTask: ({ task }) => (task === "runs" ? never() : "done"),
    now: () => now,
  });
  const sessionId = await api.sessionV2();
  const early = await api.taskV2({ sessionId });
  await api.endedTask(early.id);
  now += 3_600_000;
  const late = await api.taskV2({ task: "runs" });
  const ids = async (query: string) => (await api.get<List>(`/v2/tasks?${query}`)).body.items.map(({ id }) => id);

  expect(await ids("")).toEqual([late.id, early.id]);
  expect(await ids(`sessionId=${sessionId}`)).toEqual([early.id]);
  expect(await ids("filterBy=finished")).toEqual([early.id]);
  expect(await ids("after=2026-01-01T12:30:00")).toEqual([late.id]);
  expect(await ids("after=2026-01-01T14:30:00%2B02:00")).toEqual([late.id]);
  expect(await ids("before=2026-01-01T12:30:00Z")).toEqual([early.id]);
  expect(await ids(`sessionId=${MISSING}`)).toEqual([]);
});

test("what a task has cost is taken from the account", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: ({ step }) => step({ summary: "one" }) });
  const balance = async () =>
    (await api.get<Schema<"V2AccountView">>("/v2/billing/account")).body.totalCreditsBalanceUsd;
  const before = await balance();
  const { id } = await api.taskV2({});
  await api.endedTask(id);

  expect(before - (await balance())).toBeCloseTo(0.012, 9);
});

test("the log of a task can be downloaded by its link", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: ({ step }) => step({ summary: "Clicked" }) });
  const { id } = await api.taskV2({});
  await api.endedTask(id);
  const { body } = await api.get<{ downloadUrl: string }>(`/v2/tasks/${id}/logs`);

  expect(await (await fetch(body.downloadUrl)).text()).toContain("Clicked");
  expect((await api.get(`/v2/files/tasks/${id}/output-files/${MISSING}`)).body).toEqual({
    detail: "Output file not found",
  });
});

test("without an agent of the user's, the answer says that it is the emulator's", async () => {
  const api = await emulated({ startDelayMs: 1 });
  const { id } = await api.taskV2({ task: "Buy milk" });
  const task = await api.endedTask(id);

  expect(task.output).toContain("emulator");
  expect(task.output).toContain("Buy milk");
  expect(task.steps).toHaveLength(2);
});

test("structured output is the smallest value that fits the schema, and text that is no JSON is 422", async () => {
  const api = await emulated({ startDelayMs: 1 });
  const schema = {
    type: "object",
    properties: {
      id: { type: "string", minLength: 2 },
      lines: { type: "array", items: { $ref: "#/$defs/line" }, minItems: 1 },
    },
    required: ["id", "lines"],
    $defs: { line: { type: "object", properties: { price: { type: "number", minimum: 1 } }, required: ["price"] } },
  };
  const { id } = await api.taskV2({ structuredOutput: JSON.stringify(schema) });

  expect(JSON.parse((await api.endedTask(id)).output ?? "")).toEqual({ id: "xx", lines: [{ price: 1 }] });
  const broken = await api.post<Invalid>("/v2/tasks", { task: "t", structuredOutput: "{" });
  expect([broken.status, broken.body.detail[0]?.loc]).toEqual([422, ["body", "structuredOutput"]]);
});
