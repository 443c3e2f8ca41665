import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { emulated, MISSING, type Refusal } from "../support.ts";
import { ApiV4, never } from "./support.ts";

type List = Schema<"V4SessionListResponse">;

async function v4(options: Parameters<typeof emulated>[0] = {}): Promise<ApiV4> {
  return new ApiV4(await emulated({ startDelayMs: 1, maxSessions: 100, ...options }));
}

test("a session is shown by its latest run", async () => {
  const v = await v4({ onTask: ({ task }) => (task === "two" ? never() : "done") });
  const first = await v.ended({ task: "one" });
  expect(await v.session(first.sessionId)).toEqual({
    sessionId: first.sessionId,
    workspaceId: first.workspaceId,
    latestRunId: first.id,
    task: "one",
    title: "one",
    status: "completed",
    createdAt: first.createdAt,
    updatedAt: first.updatedAt,
  });
  const { id, sessionId } = (await v.create({ task: "two", sessionId: first.sessionId })).body;
  await v.reached(id, "running");

  expect(await v.session(sessionId)).toMatchObject({ latestRunId: id, task: "two", status: "running" });
  expect((await v.api.get(`/v4/sessions/${MISSING}`)).status).toBe(404);
});

test("sessions are listed one row each, the one with the newest run first, page by page", async () => {
  const v = await v4({ onTask: () => "done" });
  const [a, b, c] = [await v.ended({ task: "a" }), await v.ended({ task: "b" }), await v.ended({ task: "c" })];
  await v.ended({ task: "again", sessionId: a.sessionId });
  const page = async (query: string) => (await v.api.get<List>(`/v4/sessions?${query}`)).body;
  const first = await page("limit=2");
  const second = await page(`limit=2&cursor=${first.nextCursor}`);

  expect(first.sessions.map(({ sessionId, task }) => [sessionId, task])).toEqual([
    [a.sessionId, "again"],
    [c.sessionId, "c"],
  ]);
  expect(second.sessions.map(({ sessionId }) => sessionId)).toEqual([b.sessionId]);
  expect([first.hasMore, second.hasMore, second.nextCursor]).toEqual([true, false, null]);
});

test("a page has 20 sessions when left out", async () => {
  const v = await v4({ onTask: never });
  for (let i = 0; i < 21; i++) await v.create();
  const { sessions, hasMore } = (await v.api.get<List>("/v4/sessions")).body;

  expect([sessions.length, hasMore]).toEqual([20, true]);
  for (const limit of [0, 101]) expect((await v.api.get(`/v4/sessions?limit=${limit}`)).status).toBe(422);
});

test("a cursor that is none is 400", async () => {
  const v = await v4();

  for (const cursor of ["", "x", "%00", MISSING]) {
    expect([cursor, (await v.api.get(`/v4/sessions?cursor=${cursor}`)).status]).toEqual([cursor, 400]);
  }
});

test("purging is refused with 403, or 404 where there is nothing", async () => {
  const v = await v4({ onTask: () => "done" });
  const { sessionId } = await v.ended();

  expect((await v.api.post(`/v4/sessions/${sessionId}/purge`)).status).toBe(403);
  expect((await v.session(sessionId)).status).toBe("completed");
  expect((await v.api.post(`/v4/sessions/${MISSING}/purge`)).status).toBe(404);
});

test("a project that keeps no data is refused with 403 nearly everywhere in v4, and nowhere else", async () => {
  const { api } = await v4({ zeroDataRetention: true });
  const workspace = (await api.post<{ id: string }>("/v4/workspaces", {})).body.id;

  for (const [method, path, body] of [
    ["POST", "/runs", { task: "t" }],
    ["GET", "/runs"],
    ["GET", `/runs/${MISSING}`],
    ["GET", `/runs/${MISSING}/status`],
    ["GET", `/runs/${MISSING}/events`],
    ["GET", `/runs/${MISSING}/attachments`],
    ["POST", `/runs/${MISSING}/cancel`],
    ["GET", "/sessions"],
    ["GET", `/sessions/${MISSING}`],
    ["GET", `/sessions/${MISSING}/queue`],
    ["POST", `/sessions/${MISSING}/queue`, { text: "t" }],
    ["DELETE", `/sessions/${MISSING}/queue/1`],
    ["GET", `/workspaces/${workspace}/files`],
    ["POST", `/workspaces/${workspace}/files/upload`, { files: [{ name: "a", size: 1 }] }],
  ] as const) {
    const answer = await api.call<Refusal>(method, `/v4${path}`, body);
    expect([method, path, answer.status]).toEqual([method, path, 403]);
    expect(answer.body.detail).toContain("zero data retention");
  }
  expect((await api.post("/v4/browsers", {})).status).toBe(201);
  expect((await api.post("/v3/sessions", {})).status).toBe(200);
  expect((await api.post(`/v4/sessions/${MISSING}/purge`)).status).toBe(404);
});

test("the emulator tells of a session once, with its latest run's status and whether it holds a slot", async () => {
  const v = await v4({ onTask: ({ task }) => (task === "two" ? never() : "done") });
  const profileId = await v.api.profile();
  const { sessionId } = await v.ended({ browserSettings: { profileId } });
  const told = () => v.api.emulator.sessions();
  expect(told()).toEqual([{ id: sessionId, kind: "v4", status: "completed", open: true, profileId }]);

  await v.stop((await v.browsers(sessionId))[0]?.id);
  expect(told()).toMatchObject([{ id: sessionId, status: "completed", open: false }]);
  const bare = (await v.api.post<{ id: string }>("/v4/browsers", {})).body.id;
  const { id } = (await v.create({ task: "two", sessionId })).body;
  await v.reached(id, "running");
  expect(told()).toMatchObject([
    { id: sessionId, status: "running", open: true },
    { id: bare, kind: "browser", status: "active", open: true },
  ]);
});

test("a session can be expired by its own id or by that of its browser", async () => {
  const v = await v4({ onTask: () => "done" });
  const [one, two] = [await v.ended(), await v.ended()];
  v.api.emulator.expireSession(one.sessionId);
  v.api.emulator.expireSession((await v.browsers(two.sessionId))[0]?.id ?? "");

  expect(v.api.emulator.sessions().map(({ open }) => open)).toEqual([false, false]);
  expect(() => v.api.emulator.expireSession(one.id)).toThrow(`no session ${one.id}`);
});

test("faults hit v4 as well, by path or by template", async () => {
  const v = await v4({ onTask: () => "done" });
  const { id } = await v.ended();
  v.api.emulator.fail({ path: "/v4/runs/{run_id}/status", status: 503 });
  v.api.emulator.fail({ path: `/v4/runs/${id}`, status: 502 });

  expect((await v.api.get(`/v4/runs/${id}/status`)).status).toBe(503);
  expect((await v.api.get(`/v4/runs/${id}`)).status).toBe(502);
  expect((await v.run(id)).status).toBe("completed");
});
