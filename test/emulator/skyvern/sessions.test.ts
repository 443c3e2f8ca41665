import { expect, test } from "vitest";
import { gate } from "../support.ts";
import { DAY, emulated, MINUTE, type SessionView } from "./support.ts";

const NAIVE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

test("a session is created without a body, with an hour to live, and is ready a moment later", async () => {
  const api = await emulated({ startMs: 60_000 });
  const created = await api.session();

  expect(created).toMatchObject({
    status: "created",
    timeout: 60,
    started_at: null,
    completed_at: null,
    warning: null,
  });
  expect(created.browser_session_id).toMatch(/^pbs_\d+$/);
  expect(created.browser_address).toMatch(/^wss:/);
  api.emulator.advance(60_000);
  const { status, started_at: startedAt } = await api.readSession(created.browser_session_id);
  expect([status, startedAt]).toEqual(["running", expect.stringMatching(NAIVE)]);
});

test("times are UTC without saying so, with microseconds", async () => {
  const api = await emulated({ now: () => Date.UTC(2026, 1, 12, 1, 9, 18, 48) });
  expect((await api.session()).created_at).toBe("2026-02-12T01:09:18.048000");
});

test("what was asked for is echoed, but for the proxy", async () => {
  const api = await emulated();
  const asked = { extensions: ["ad-blocker"], browser_type: "msedge", generate_browser_profile: true };
  const view = await api.session({ ...asked, proxy_location: "RESIDENTIAL_DE", timeout: 5 });

  expect(view).toMatchObject({ ...asked, timeout: 5 });
  expect(view).not.toHaveProperty("proxy_location");
});

test("less than five minutes is refused, and so is more than a day", async () => {
  const api = await emulated();

  expect((await api.post("/v1/browser_sessions", { timeout: 4 })).status).toBe(422);
  expect((await api.post("/v1/browser_sessions", { timeout: 1441 })).status).toBe(422);
  expect((await api.session({ timeout: null })).timeout).toBe(60);
});

test("a time that is too long for the server is capped, and a warning says so", async () => {
  const [usual, older] = [await emulated(), await emulated({ maxTimeoutMinutes: 1440 })];

  expect(await usual.session({ timeout: 240 })).toMatchObject({ timeout: 240, warning: null });
  expect(await usual.session({ timeout: 480 })).toMatchObject({
    timeout: 240,
    warning: expect.stringContaining("480"),
  });
  expect(await older.session({ timeout: 480 })).toMatchObject({ timeout: 480, warning: null });
});

test("a session ends by itself when its time is over, counted from its start", async () => {
  const api = await emulated({ startMs: MINUTE });
  const { browser_session_id: id } = await api.session({ timeout: 5 });
  api.emulator.advance(MINUTE);
  api.emulator.advance(5 * MINUTE - 5_000);

  expect((await api.readSession(id)).status).toBe("running");
  api.emulator.advance(5_000);
  const view = await api.readSession(id);
  expect(view.status).toBe("timeout");
  expect(Date.parse(`${view.completed_at}Z`) - Date.parse(`${view.started_at}Z`)).toBe(5 * MINUTE);
});

test("closing answers the same however often, and 404 for a session that never was", async () => {
  const api = await emulated();
  const { browser_session_id: id } = await api.session();
  const closed = { status: 200, body: { message: "Browser session closed" } };

  expect(await api.close(id)).toMatchObject(closed);
  const { completed_at: at } = await api.readSession(id);
  api.emulator.advance(1_000);
  expect(await api.close(id)).toMatchObject(closed);
  expect(await api.readSession(id)).toMatchObject({ status: "completed", completed_at: at });
  expect((await api.close("pbs_1")).status).toBe(404);
});

test("a session that was closed before it started never starts", async () => {
  const api = await emulated({ startMs: MINUTE });
  const { browser_session_id: id } = await api.session();
  await api.close(id);
  api.emulator.advance(MINUTE);

  expect(await api.readSession(id)).toMatchObject({ status: "completed", started_at: null });
});

test("a browser that breaks ends its session as failed", async () => {
  const api = await emulated();
  const { browser_session_id: id } = await api.session();
  api.emulator.endSession(id, "failed");

  expect((await api.readSession(id)).status).toBe("failed");
  expect(() => api.emulator.endSession("pbs_1", "failed")).toThrow("no session pbs_1");
});

test("a server of one's own starts a session with its first task", async () => {
  const api = await emulated({ startMs: Number.POSITIVE_INFINITY });
  const { browser_session_id: id } = await api.session();
  api.emulator.advance(DAY);
  expect((await api.readSession(id)).status).toBe("created");
  await api.ended({ browser_session_id: id });

  expect(await api.readSession(id)).toMatchObject({ status: "running", started_at: expect.any(String) });
});

test("a session is busy while a run is in it, and says with which", async () => {
  const { promise, open } = gate();
  const api = await emulated({ onTask: () => promise });
  const { browser_session_id: id } = await api.session();
  const { run_id: runId } = await api.task({ browser_session_id: id });
  await api.runAs(runId, "running");

  expect(await api.readSession(id)).toMatchObject({ runnable_id: runId, runnable_type: "task_run" });
  expect(api.emulator.sessions()).toMatchObject([{ id, runId }]);
  open();
  await api.runAs(runId, "completed");
  expect(await api.readSession(id)).toMatchObject({ runnable_id: null, runnable_type: null });
});

test("the live list is a bare array of what has not ended and is younger than a day", async () => {
  const api = await emulated({ startMs: Number.POSITIVE_INFINITY });
  const old = await api.session();
  api.emulator.advance(DAY);
  const [one, two, three] = [await api.session(), await api.session(), await api.session()];
  await api.close(two.browser_session_id);
  const { body } = await api.get<SessionView[]>("/v1/browser_sessions");

  expect(body.map(({ browser_session_id: id }) => id)).toEqual([three.browser_session_id, one.browser_session_id]);
  expect((await api.readSession(old.browser_session_id)).completed_at).toBeNull();
});

test("the history has running sessions first, then the newest, of seven days, in pages", async () => {
  const api = await emulated({ startMs: Number.POSITIVE_INFINITY });
  await api.session();
  api.emulator.advance(7 * DAY);
  const ids: string[] = [];
  for (let i = 0; i < 4; i++) ids.push((await api.session()).browser_session_id);
  for (const at of [3, 1]) await api.close(ids[at] ?? "");
  const page = async (query: string) =>
    (await api.get<SessionView[]>(`/v1/browser_sessions/history${query}`)).body.map((view) => view.browser_session_id);

  expect(await page("")).toEqual([ids[2], ids[0], ids[3], ids[1]]);
  expect(await page("?page=2&page_size=3")).toEqual([ids[1]]);
  expect(await page("?page=9")).toEqual([]);
  for (const query of ["page=0", "page_size=0", "page_size=101"]) {
    expect((await api.get(`/v1/browser_sessions/history?${query}`)).status).toBe(422);
  }
});

test("whether a profile may be made of a session can be said until it ends", async () => {
  const api = await emulated();
  const { browser_session_id: id, generate_browser_profile: before } = await api.session();
  const patch = (body: object) => api.call<SessionView>("PATCH", `/v1/browser_sessions/${id}`, body);

  expect(before).toBe(false);
  expect((await patch({ generate_browser_profile: true })).body.generate_browser_profile).toBe(true);
  expect((await patch({})).status).toBe(422);
  await api.close(id);
  expect((await patch({ generate_browser_profile: false })).status).toBe(409);
  expect((await api.readSession(id)).generate_browser_profile).toBe(true);
});

test("as many sessions as were allowed can be open, and one more is 429 with a detail", async () => {
  const api = await emulated({ maxSessions: 1 });
  const { browser_session_id: id } = await api.session();

  expect(await api.post("/v1/browser_sessions")).toMatchObject({ status: 429, body: { detail: expect.any(String) } });
  await api.close(id);
  expect((await api.post("/v1/browser_sessions")).status).toBe(200);
});

test("a proxy session goes with the proxies of internet providers only", async () => {
  const api = await emulated();
  const create = async (body: object) =>
    (await api.post("/v1/browser_sessions", { proxy_session_id: "p", ...body })).status;

  expect(await create({})).toBe(400);
  expect(await create({ proxy_location: "RESIDENTIAL" })).toBe(400);
  expect(await create({ proxy_location: "RESIDENTIAL_ISP" })).toBe(200);
});

test("a proxy is a name, a place or a URL, and nothing else", async () => {
  const api = await emulated();
  const create = async (place: unknown) => (await api.post("/v1/browser_sessions", { proxy_location: place })).status;

  expect(await create({ country: "DE", city: "Kiel" })).toBe(200);
  expect(await create({ url: "http://proxy.test" })).toBe(200);
  expect(await create({ country: "DEU" })).toBe(422);
  expect(await create({ land: "DE" })).toBe(422);
});
