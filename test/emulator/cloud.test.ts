import { expect, test } from "vitest";
import type { Schema } from "../../src/emulator/operations.ts";
import { type Api, emulated, gate, MINUTE } from "./support.ts";

const TOO_MANY = "Too many concurrent active sessions. Please wait for one to finish, kill one, or upgrade your plan.";
const still = () => Date.UTC(2026, 0, 1);

async function statusesOf(api: Api): Promise<string[]> {
  return api.emulator.sessions().map(({ status }) => status);
}

test("sessions of v2, of v3 and browsers share one cap, which the account shows", async () => {
  const api = await emulated({ maxSessions: 3 });
  const sessionId = await api.sessionV2();
  const { id } = (await api.post<{ id: string }>("/v3/sessions", {})).body;
  const browser = (await api.post<{ id: string }>("/v2/browsers", {})).body;

  for (const [path, body] of [
    ["/v2/sessions", {}],
    ["/v2/tasks", { task: "t" }],
    ["/v3/sessions", {}],
    ["/v2/browsers", {}],
    ["/v3/browsers", {}],
  ] as const) {
    const { status, body: refusal, headers } = await api.post(path, body);
    expect([path, status, refusal, headers.get("retry-after")]).toEqual([path, 429, { detail: TOO_MANY }, null]);
  }
  expect(api.emulator.sessions().map(({ kind }) => kind)).toEqual(["v2", "v3", "browser"]);
  expect((await api.get<Schema<"V3AccountView">>("/v3/billing/account")).body.rateLimit).toBe(3);
  for (const [method, path, body] of [
    ["PATCH", `/v2/sessions/${sessionId}`, { action: "stop" }],
    ["POST", `/v3/sessions/${id}/stop`, {}],
    ["PATCH", `/v2/browsers/${browser.id}`, { action: "stop" }],
  ] as const) {
    await api.call(method, path, body);
    expect((await api.post("/v2/sessions")).status).toBe(201);
  }
});

test("a follow-up task in an open session needs no slot", async () => {
  const api = await emulated({ maxSessions: 1, startDelayMs: 1 });
  const sessionId = await api.sessionV2();

  expect((await api.post("/v2/tasks", { task: "t", sessionId })).status).toBe(202);
});

test("sessions time out after 15 minutes without a task: v2 shows stopped, v3 timed_out", async () => {
  const api = await emulated({ now: still });
  const sessionId = await api.sessionV2();
  const { id } = (await api.post<{ id: string }>("/v3/sessions", {})).body;
  api.emulator.advance(15 * MINUTE - 1);
  expect(await statusesOf(api)).toEqual(["active", "idle"]);

  api.emulator.advance(MINUTE);
  expect((await api.get<Schema<"V2SessionView">>(`/v2/sessions/${sessionId}`)).body).toMatchObject({
    status: "stopped",
    finishedAt: "2026-01-01T00:15:00.000000",
  });
  expect((await api.v3(id)).status).toBe("timed_out");
});

test("the inactivity timeout can be chosen, and a task sets it back", async () => {
  const api = await emulated({ now: still, inactivityTimeoutMs: MINUTE, startDelayMs: 1, onTask: () => "done" });
  const sessionId = await api.sessionV2();
  api.emulator.advance(MINUTE - 10);
  await api.endedTask((await api.taskV2({ sessionId })).id);
  api.emulator.advance(MINUTE - 10);
  expect(await statusesOf(api)).toEqual(["active"]);

  api.emulator.advance(10);
  expect(await statusesOf(api)).toEqual(["stopped"]);
});

test("asking about a session does not keep it open", async () => {
  const api = await emulated({ now: still });
  const sessionId = await api.sessionV2();
  for (let i = 0; i < 3; i++) {
    api.emulator.advance(5 * MINUTE);
    await api.get(`/v2/sessions/${sessionId}`);
  }

  expect(await statusesOf(api)).toEqual(["stopped"]);
});

test("a running task keeps its session open, but not beyond four hours; then its agent is told", async () => {
  const started = gate<AbortSignal>();
  const api = await emulated({
    now: still,
    startDelayMs: 1,
    onTask: ({ signal }) => {
      started.open(signal);
      return new Promise(() => undefined);
    },
  });
  const { id } = await api.taskV2({});
  const signal = await started.promise;
  api.emulator.advance(239 * MINUTE);
  expect(await statusesOf(api)).toEqual(["active"]);

  api.emulator.advance(MINUTE);
  expect(await statusesOf(api)).toEqual(["stopped"]);
  expect(signal.aborted).toBe(true);
  expect((await api.get<Schema<"V2TaskView">>(`/v2/tasks/${id}`)).body.status).toBe("stopped");
});

test("a session that timed out has given its slot back", async () => {
  const api = await emulated({ maxSessions: 1 });
  await api.sessionV2();
  api.emulator.advance(15 * MINUTE);

  expect((await api.post("/v2/sessions")).status).toBe(201);
});

test("a session can be expired by hand, and one that does not exist cannot", async () => {
  const api = await emulated();
  const id = await api.idleV3();
  api.emulator.expireSession(id);

  expect((await api.v3(id)).status).toBe("timed_out");
  expect(() => api.emulator.expireSession("nobody")).toThrow("no session nobody");
});

test("advancing the clock starts what was waiting to start", async () => {
  const api = await emulated({ startDelayMs: MINUTE, onTask: () => "done" });
  const { id } = await api.taskV2({});
  api.emulator.advance(MINUTE);

  expect((await api.endedTask(id)).status).toBe("finished");
  expect(() => api.emulator.advance(-1)).toThrow(RangeError);
});

test("closing the emulator tells the agents that are still at work", async () => {
  const started = gate<AbortSignal>();
  const api = await emulated({
    startDelayMs: 1,
    onTask: ({ signal }) => {
      started.open(signal);
      return new Promise(() => undefined);
    },
  });
  await api.taskV2({});
  const signal = await started.promise;
  await api.emulator.close();

  expect(signal.aborted).toBe(true);
});

test.each([{ maxSessions: -1 }, { startDelayMs: Number.NaN }, { inactivityTimeoutMs: -1 }])(
  "the option %j is refused",
  async (options) => {
    await expect(emulated(options)).rejects.toThrow(RangeError);
  },
);

test("an option that is undefined counts as left out", async () => {
  const options = { maxSessions: undefined } as unknown as { maxSessions: number };
  const api = await emulated(options);

  expect((await api.get<Schema<"V2AccountView">>("/v2/billing/account")).body.rateLimit).toBe(10);
});
