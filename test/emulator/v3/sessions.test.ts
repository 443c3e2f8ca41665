import { expect, test } from "vitest";
import type { TaskJob } from "../../../src/emulator/index.ts";
import type { Schema } from "../../../src/emulator/operations.ts";
import { type Api, emulated, gate, type Invalid, MISSING, until } from "../support.ts";

type Session = Schema<"V3SessionResponse">;

const never = () => new Promise(() => undefined);
const dispatch = (api: Api, sessionId: string, body: object = {}) =>
  api.post<Session>("/v3/sessions", { task: "next", keepAlive: true, sessionId, ...body });

test("a session without a task is created, then idle, and has a zone in its times", async () => {
  const api = await emulated();
  const { status, body } = await api.post<Session>("/v3/sessions", {});

  expect(status).toBe(200);
  expect(body).toMatchObject({
    status: "created",
    model: "claude-opus-4.7",
    output: null,
    stepCount: 0,
    totalCostUsd: "0",
  });
  expect(body.createdAt).toMatch(/Z$/);
  expect((await api.statusV3(body.id, "idle")).updatedAt > body.updatedAt).toBe(true);
});

test("a session with a task goes from created over idle to running", async () => {
  const api = await emulated({ startDelayMs: 60_000, onTask: never });
  const { id } = (await api.post<Session>("/v3/sessions", { task: "t" })).body;
  const seen = [(await api.v3(id)).status];
  for (let i = 0; i < 2; i++) {
    api.emulator.advance(60_000);
    seen.push((await api.v3(id)).status);
  }

  expect(seen).toEqual(["created", "idle", "running"]);
});

test("without keepAlive the session stops after its task and keeps what the run left", async () => {
  const api = await emulated({
    startDelayMs: 1,
    onTask: ({ step }) => step({ summary: "one" }).then(() => ({ total: 7 })),
  });
  const { id } = (await api.post<Session>("/v3/sessions", { task: "Add it up" })).body;

  expect(await api.statusV3(id, "stopped")).toMatchObject({
    title: "Add it up",
    output: { total: 7 },
    isTaskSuccessful: true,
    stepCount: 1,
    lastStepSummary: "one",
    totalCostUsd: "0.012",
    llmCostUsd: "0.012",
    totalInputTokens: 1000,
    totalOutputTokens: 100,
  });
});

test("with keepAlive it is idle after its task, and costs and steps add up over its runs", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: ({ task, step }) => step({ summary: task }).then(() => task) });
  const id = await api.idleV3();
  for (const task of ["one", "two"]) {
    expect((await dispatch(api, id, { task })).status).toBe(200);
    await until(
      () => api.v3(id),
      ({ status, output }) => status === "idle" && output === task,
    );
  }

  expect(await api.v3(id)).toMatchObject({ stepCount: 2, totalCostUsd: "0.024", output: "two" });
});

test("keepAlive counts per dispatch: a follow-up without it ends the session", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: () => "done" });
  const id = await api.idleV3({ keepAlive: true });
  await dispatch(api, id, { keepAlive: undefined });

  expect((await api.statusV3(id, "stopped")).output).toBe("done");
});

test("right after a dispatch the session is still idle and shows the old answer; when it runs, that is gone", async () => {
  const api = await emulated({ startDelayMs: 60_000, onTask: ({ task }) => (task === "first" ? "old" : never()) });
  const { id } = (await api.post<Session>("/v3/sessions", { task: "first", keepAlive: true })).body;
  api.emulator.advance(120_000);
  await until(
    () => api.v3(id),
    ({ output }) => output === "old",
  );

  expect((await dispatch(api, id)).body).toMatchObject({ status: "idle", output: "old", isTaskSuccessful: true });
  expect(await api.v3(id)).toMatchObject({ status: "idle", output: "old", isTaskSuccessful: true });
  api.emulator.advance(60_000);
  expect(await api.v3(id)).toMatchObject({ status: "running", output: null, isTaskSuccessful: null });
});

test("a session is busy from the dispatch on: 409 with the text of v2, also while it looks idle", async () => {
  const api = await emulated({ startDelayMs: 60_000, onTask: never });
  const { id } = (await api.post<Session>("/v3/sessions", {})).body;
  expect(await dispatch(api, id)).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining("still starting") },
  });
  api.emulator.advance(60_000);
  await dispatch(api, id);

  const busy = {
    detail: "Agent session already has a running task. Please wait for it to finish or stop it manually.",
  };
  expect(await dispatch(api, id)).toMatchObject({ status: 409, body: busy });
  api.emulator.advance(60_000);
  expect(await dispatch(api, id)).toMatchObject({ status: 409, body: busy });
});

test("a stopped or timed out session takes no task, and one that is not there is 404", async () => {
  const api = await emulated();
  const [stopped, expired] = [await api.idleV3(), await api.idleV3()];
  await api.post(`/v3/sessions/${stopped}/stop`);
  api.emulator.expireSession(expired);

  const detail = "Browser session is stopped. Please start a new session and try again.";
  expect(await dispatch(api, stopped)).toMatchObject({ status: 409, body: { detail } });
  expect(await dispatch(api, expired)).toMatchObject({ status: 409, body: { detail } });
  expect((await dispatch(api, MISSING)).status).toBe(404);
  expect((await dispatch(api, await api.sessionV2())).status).toBe(404);
});

test("a session id without a task is 422, and so is another profile or a cached script without a workspace", async () => {
  const api = await emulated({ onTask: never });
  const sessionId = await api.idleV3();
  const loc = async (body: object) => {
    const answer = await api.post<Invalid>("/v3/sessions", body);
    return [answer.status, answer.body.detail[0]?.loc];
  };

  expect(await loc({ sessionId })).toEqual([422, ["body", "task"]]);
  expect(await loc({ sessionId, task: "t", profileId: await api.profile() })).toEqual([422, ["body", "profileId"]]);
  expect(await loc({ task: "t", cacheScript: true })).toEqual([422, ["body", "cacheScript"]]);
  expect(await loc({ browserScreenWidth: 800 })).toEqual([422, ["body", "browserScreenHeight"]]);
  expect((await api.v3(sessionId)).status).toBe("idle");
});

test("stop ends the session, again and again with the same answer", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: never });
  const { id } = (await api.post<Session>("/v3/sessions", { task: "t" })).body;
  await api.statusV3(id, "running");
  const stopped = await api.post<Session>(`/v3/sessions/${id}/stop`);

  expect(stopped).toMatchObject({ status: 200, body: { status: "stopped", output: null, liveUrl: null } });
  api.emulator.advance(1_000);
  expect((await api.post<Session>(`/v3/sessions/${id}/stop`, { strategy: "session" })).body).toEqual(stopped.body);
  expect((await api.post(`/v3/sessions/${id}/stop`, { strategy: "all" })).status).toBe(422);
  expect((await api.post(`/v3/sessions/${MISSING}/stop`)).status).toBe(404);
});

test("stopping the task leaves the session idle, and its agent's answer counts for nothing", async () => {
  const late = gate<string>();
  const api = await emulated({ startDelayMs: 1, onTask: () => late.promise });
  const { id } = (await api.post<Session>("/v3/sessions", { task: "t" })).body;
  await api.statusV3(id, "running");

  expect((await api.post<Session>(`/v3/sessions/${id}/stop`, { strategy: "task" })).body.status).toBe("idle");
  late.open("late");
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await api.v3(id)).toMatchObject({ status: "idle", output: null, isTaskSuccessful: null });
  expect((await dispatch(api, id)).status).toBe(200);
});

test("an agent that throws ends the session with an error, and its profile is not saved", async () => {
  const api = await emulated({
    startDelayMs: 1,
    onTask: ({ state }) => {
      state.set("a.test/x", "1");
      throw new Error("no way in");
    },
  });
  const profileId = await api.profile();
  const { id } = (await api.post<Session>("/v3/sessions", { task: "t", keepAlive: true, profileId })).body;

  expect(await api.statusV3(id, "error")).toMatchObject({ output: null, profileId });
  expect((await api.messagesV3(id)).messages.at(-1)).toMatchObject({ type: "error", data: "no way in" });
  expect(api.emulator.profileState(profileId)?.size).toBe(0);
});

test("an agent that says so does not succeed", async () => {
  const api = await emulated({
    startDelayMs: 1,
    onTask: (job) => {
      job.success = false;
      return "half";
    },
  });
  const { id } = (await api.post<Session>("/v3/sessions", { task: "t" })).body;

  expect(await api.statusV3(id, "stopped")).toMatchObject({ output: "half", isTaskSuccessful: false });
});

test("a run that reaches its cost limit ends without an answer; the limit counts per dispatch", async () => {
  const over = gate<unknown>();
  const api = await emulated({
    startDelayMs: 1,
    onTask: async ({ step, task }) => {
      await step({ summary: "one" });
      if (task === "dear") await step({ summary: "two" }).catch(over.open);
      return "answer";
    },
  });
  const id = await api.idleV3();
  await dispatch(api, id, { task: "cheap", maxCostUsd: "0.013" });
  expect(
    await until(
      () => api.v3(id),
      ({ output }) => output !== null,
    ),
  ).toMatchObject({ maxCostUsd: "0.013" });
  await dispatch(api, id, { task: "dear", maxCostUsd: 0.013 });

  expect(await over.promise).toMatchObject({ name: "AbortError" });
  expect(await api.v3(id)).toMatchObject({
    status: "idle",
    output: null,
    isTaskSuccessful: false,
    totalCostUsd: "0.026",
  });
});

test("an output schema is shown with its run, and the emulator's own agent follows it", async () => {
  const api = await emulated({ startDelayMs: 1 });
  const outputSchema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] };
  const { id } = (await api.post<Session>("/v3/sessions", { task: "t", outputSchema })).body;

  expect(await api.statusV3(id, "stopped")).toMatchObject({ outputSchema, output: { ok: false } });
});

test("the agent is given the request of its own dispatch", async () => {
  const jobs: TaskJob[] = [];
  const api = await emulated({ startDelayMs: 1, onTask: (job) => void jobs.push(job) });
  const id = await api.idleV3();
  await dispatch(api, id, { sensitiveData: { "shop.test": "s3cret" } });
  await until(
    async () => jobs.length,
    (count) => count > 0,
  );

  expect(jobs[0]).toMatchObject({
    apiVersion: "v3",
    task: "next",
    sessionId: id,
    request: { sensitiveData: { "shop.test": "s3cret" } },
  });
  expect(jobs[0]?.taskId).toBeUndefined();
  expect(JSON.stringify([await api.v3(id), await api.messagesV3(id)])).not.toContain("s3cret");
});

test("what a session was created with is shown, and null for a proxy is none", async () => {
  const api = await emulated();
  const workspaceId = (await api.post<{ id: string }>("/v3/workspaces")).body.id;
  const body = {
    proxyCountryCode: null,
    thinkingLevel: "low",
    browserScreenWidth: 800,
    browserScreenHeight: 600,
    workspaceId,
  };

  expect((await api.post("/v3/sessions", body)).body).toMatchObject(body);
  expect((await api.post("/v3/sessions", {})).body).toMatchObject({ proxyCountryCode: "us" });
  expect((await api.post("/v3/sessions", { workspaceId: MISSING })).status).toBe(404);
});

test("lists are newest first, in pages of 20, and hold no session of another kind", async () => {
  const api = await emulated();
  const [first, second] = [await api.idleV3(), await api.idleV3()];
  await api.sessionV2();
  type List = Schema<"V3SessionListResponse">;

  const all = (await api.get<List>("/v3/sessions")).body;
  expect([all.sessions.map(({ id }) => id), all.total, all.page, all.pageSize]).toEqual([[second, first], 2, 1, 20]);
  const { body } = await api.get<List>("/v3/sessions?page=2&page_size=1");
  expect([body.sessions.map(({ id }) => id), body.total]).toEqual([[first], 2]);
  expect((await api.get("/v3/sessions?pageSize=1")).status).toBe(422);
});

test("a deleted session is stopped first, saves its profile, and is gone", async () => {
  const api = await emulated({
    maxSessions: 1,
    startDelayMs: 1,
    onTask: ({ state }) => void state.set("a.test/x", "1"),
  });
  const profileId = await api.profile();
  const id = await api.idleV3({ profileId });
  await dispatch(api, id);
  await until(
    () => api.messagesV3(id),
    ({ messages }) => messages.some(({ type }) => type === "result"),
  );

  expect((await api.delete(`/v3/sessions/${id}`)).status).toBe(204);
  expect((await api.get(`/v3/sessions/${id}`)).status).toBe(404);
  expect((await api.get<{ total: number }>("/v3/sessions")).body.total).toBe(0);
  expect(api.emulator.profileState(profileId)?.get("a.test/x")).toBe("1");
  expect((await api.post("/v3/sessions", {})).status).toBe(200);
});
