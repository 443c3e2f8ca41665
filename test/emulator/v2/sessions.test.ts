import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { emulated, gate, MISSING, until } from "../support.ts";

type Item = Schema<"V2SessionItemView">;
type View = Schema<"V2SessionView">;
type List = Schema<"V2SessionListResponse">;

test("a session is active until it is stopped, and stopping again changes nothing", async () => {
  const api = await emulated();
  const created = await api.post<Item>("/v2/sessions");
  expect(created).toMatchObject({
    status: 201,
    body: { status: "active", keepAlive: true, persistMemory: true, finishedAt: null },
  });

  const path = `/v2/sessions/${created.body.id}`;
  const stopped = await api.patch<View>(path, { action: "stop" });
  expect(stopped).toMatchObject({ status: 200, body: { status: "stopped", liveUrl: null } });
  api.emulator.advance(1_000);
  expect((await api.patch<View>(path, { action: "stop" })).body).toEqual(stopped.body);
});

test("times are naive UTC", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 0, 31, 23, 59, 58, 5) });
  expect((await api.post<Item>("/v2/sessions")).body.startedAt).toBe("2026-01-31T23:59:58.005000");
});

test("stopping a session stops its task, whose agent is told", async () => {
  const started = gate<AbortSignal>();
  const api = await emulated({
    startDelayMs: 1,
    onTask: ({ signal }) => {
      started.open(signal);
      return new Promise(() => undefined);
    },
  });
  const sessionId = await api.sessionV2();
  const { id } = await api.taskV2({ sessionId });
  const signal = await started.promise;
  const { body } = await api.patch<View>(`/v2/sessions/${sessionId}`, { action: "stop" });

  expect(body.tasks).toMatchObject([{ id, status: "stopped", output: null, isSuccess: null }]);
  expect(body.tasks[0]?.finishedAt).not.toBeNull();
  expect(signal.aborted).toBe(true);
});

test("the view of a session has its tasks, oldest first", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: ({ task }) => task });
  const sessionId = await api.sessionV2();
  for (const task of ["one", "two"]) await api.endedTask((await api.taskV2({ sessionId, task })).id);

  const { body } = await api.get<View>(`/v2/sessions/${sessionId}`);
  expect(body.tasks.map(({ output }) => output)).toEqual(["one", "two"]);
});

test("a session without keepAlive stops after its task, and saves its profile", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: ({ state }) => void state.set("a.test/b", "c") });
  const profileId = await api.profile();
  const sessionId = await api.sessionV2({ keepAlive: false, profileId });
  expect((await api.get<View>(`/v2/sessions/${sessionId}`)).body.status).toBe("active");
  await api.endedTask((await api.taskV2({ sessionId })).id);

  expect((await api.get<View>(`/v2/sessions/${sessionId}`)).body.status).toBe("stopped");
  expect(api.emulator.profileState(profileId)?.size).toBe(1);
});

test("lists are newest first, in pages, and by status", async () => {
  const api = await emulated();
  const ids = [await api.sessionV2(), await api.sessionV2(), await api.sessionV2()];
  await api.patch(`/v2/sessions/${ids[1]}`, { action: "stop" });
  await api.post("/v3/sessions", {});
  await api.post("/v2/browsers", {});
  const list = async (query: string) => (await api.get<List>(`/v2/sessions?${query}`)).body;

  expect((await list("")).items.map(({ id }) => id)).toEqual(ids.toReversed());
  expect((await list("filterBy=stopped")).items.map(({ id }) => id)).toEqual([ids[1]]);
  expect(await list("filterBy=active&pageSize=1&pageNumber=2")).toMatchObject({
    totalItems: 2,
    items: [{ id: ids[0] }],
  });
});

test("a deleted session is gone with its tasks, and its slot is free", async () => {
  const api = await emulated({ maxSessions: 1, onTask: () => new Promise(() => undefined) });
  const sessionId = await api.sessionV2();
  const { id } = await api.taskV2({ sessionId });

  expect((await api.delete(`/v2/sessions/${sessionId}`)).status).toBe(204);
  expect((await api.get(`/v2/sessions/${sessionId}`)).status).toBe(404);
  expect((await api.get(`/v2/tasks/${id}`)).status).toBe(404);
  expect((await api.delete(`/v2/sessions/${sessionId}`)).status).toBe(404);
  expect((await api.post("/v2/sessions")).status).toBe(201);
});

test("purging is 403, unless the project keeps no data", async () => {
  const api = await emulated();
  expect((await api.post(`/v2/sessions/${await api.sessionV2()}/purge`)).status).toBe(403);
  expect((await api.post(`/v2/sessions/${MISSING}/purge`)).status).toBe(404);

  const other = await emulated({ zeroDataRetention: true });
  const id = await other.sessionV2();
  expect((await other.post(`/v2/sessions/${id}/purge`)).status).toBe(204);
  expect((await other.get(`/v2/sessions/${id}`)).status).toBe(404);
});

test("a public share is made once, shown with the session, and taken back", async () => {
  const api = await emulated();
  const id = await api.sessionV2();
  const path = `/v2/sessions/${id}/public-share`;
  expect(await api.get(path)).toMatchObject({ status: 404, body: { detail: "Public share not found" } });

  const share = await api.post<Schema<"V2ShareView">>(path);
  expect(share.status).toBe(201);
  expect((await api.post(path)).body).toEqual(share.body);
  expect((await api.get<View>(`/v2/sessions/${id}`)).body.publicShareUrl).toBe(share.body.shareUrl);
  expect((await api.delete(path)).status).toBe(204);
  expect((await api.get(path)).status).toBe(404);
});

test("a recording takes a while to be uploaded", async () => {
  const api = await emulated({ startDelayMs: 60_000 });
  const path = `/v2/sessions/${await api.sessionV2({ enableRecording: true })}`;
  await api.patch<View>(path, { action: "stop" });

  expect((await api.get<View>(path)).body.recordingUrl).toBeNull();
  api.emulator.advance(60_000);
  expect((await api.get<View>(path)).body.recordingUrl).toMatch(/^http/);
});

test("a recording is never there in the answer to the stop or in a list, but a little later in the session", async () => {
  const api = await emulated({ startDelayMs: 10 });
  const path = `/v2/sessions/${await api.sessionV2({ enableRecording: true })}`;

  expect((await api.patch<View>(path, { action: "stop" })).body.recordingUrl).toBeNull();
  const view = await until(
    async () => (await api.get<View>(path)).body,
    ({ recordingUrl }) => recordingUrl != null,
  );
  expect((await api.get<List>("/v2/sessions")).body.items[0]?.recordingUrl).toBeNull();
  expect((await fetch(view.recordingUrl ?? "")).status).toBe(200);
});

test("the size of the screen is set in both directions or not at all", async () => {
  const api = await emulated();

  expect((await api.post("/v2/sessions", { browserScreenWidth: 800 })).status).toBe(422);
  expect((await api.post("/v2/tasks", { task: "t", sessionSettings: { browserScreenHeight: 600 } })).status).toBe(422);
  expect((await api.post("/v2/browsers", { browserScreenHeight: 600, browserScreenWidth: null })).status).toBe(422);
  expect((await api.post("/v2/sessions", { browserScreenWidth: 800, browserScreenHeight: 600 })).status).toBe(201);
  expect(api.emulator.sessions()).toHaveLength(1);
});
