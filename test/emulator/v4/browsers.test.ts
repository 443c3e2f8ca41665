import { expect, test } from "vitest";
import type { TaskJob } from "../../../src/emulator/index.ts";
import type { Schema } from "../../../src/emulator/operations.ts";
import { emulated, gate, type Invalid, MINUTE, type Refusal, until } from "../support.ts";
import { ApiV4, type Created, never } from "./support.ts";

type Item = Schema<"V4BrowserSessionItemView">;

async function v4(options: Parameters<typeof emulated>[0] = {}): Promise<ApiV4> {
  return new ApiV4(await emulated({ startDelayMs: 1, ...options }));
}

/** Each task writes its text into the browser's state, and answers with what was there. */
const storing = {
  onTask: ({ task, state }: TaskJob) => {
    const before = state.get("shop.test/login");
    state.set("shop.test/login", task);
    return before ?? "nothing";
  },
};

test("a browser without an agent is the same one in v4, and has no agent's session", async () => {
  const { api } = await v4();
  const { status, body } = await api.post<Item>("/v4/browsers", { metadata: { a: "b" }, proxyCountryCode: "ci" });
  expect([status, body.agentSessionId]).toEqual([201, null]);

  expect((await api.get<Item>(`/v2/browsers/${body.id}`)).body).toMatchObject({ status: "active" });
  expect(await api.get("/v4/browsers?metadata=a:b")).toMatchObject({ body: { items: [body], totalItems: 1 } });
  api.emulator.addDownload(body.id, { path: "a.txt", data: "1" });
  expect(await api.get(`/v4/browsers/${body.id}/downloads`)).toMatchObject({ body: { files: [{ path: "a.txt" }] } });
  expect(await api.patch(`/v4/browsers/${body.id}`, { action: "stop" })).toMatchObject({ body: { status: "stopped" } });
  expect((await api.post("/v4/browsers", { timeout: 241 })).status).toBe(403);
});

test("profiles are the same ones in v4", async () => {
  const { api } = await v4();
  const { id } = (await api.post<{ id: string }>("/v4/profiles", { name: "one" })).body;

  expect((await api.get(`/v4/profiles/${id}`)).body).toEqual((await api.get(`/v3/profiles/${id}`)).body);
  expect((await api.patch<{ name: string }>(`/v4/profiles/${id}`, { name: "two" })).body.name).toBe("two");
  expect(await api.get("/v4/profiles?query=TWO")).toMatchObject({ body: { totalItems: 1 } });
  expect((await api.delete(`/v4/profiles/${id}`)).status).toBe(204);
  expect((await api.get(`/v2/profiles/${id}`)).status).toBe(404);
});

test("every version shows the browser of a session with the session's id, once", async () => {
  const v = await v4({ onTask: never });
  const { sessionId } = (await v.create()).body;
  await v.create();

  for (const version of ["v2", "v3", "v4"]) {
    const [browser, ...others] = await v.browsers(sessionId, version);
    expect(others).toEqual([]);
    expect(browser).toMatchObject({ status: "active", agentSessionId: sessionId, browserCost: "0" });
    expect(browser?.id).not.toBe(sessionId);
    expect((await v.api.get<Item>(`/${version}/browsers/${browser?.id}`)).body.agentSessionId).toBe(sessionId);
    expect(await v.api.get(`/${version}/browsers`)).toMatchObject({ body: { totalItems: 2 } });
    expect((await v.api.get(`/${version}/browsers/${sessionId}`)).status).toBe(404);
  }
});

test("the session of a run holds one slot, beyond its run's end, until its browser is stopped", async () => {
  const v = await v4({ maxSessions: 1, onTask: () => "done" });
  const { sessionId } = await v.ended();

  const { status, body } = await v.create<Refusal>();
  expect([status, body.detail]).toEqual([429, expect.stringContaining("Too many concurrent active sessions")]);
  expect((await v.api.post("/v2/sessions")).status).toBe(429);
  expect((await v.create({ sessionId })).status).toBe(200);
  await v.stop((await v.browsers(sessionId))[0]?.id);
  expect((await v.create()).status).toBe(200);
});

test("a refused run leaves no session and no workspace behind", async () => {
  const v = await v4({ maxSessions: 0 });
  expect((await v.create()).status).toBe(429);

  expect(v.api.emulator.sessions()).toEqual([]);
  expect(await v.api.get("/v3/workspaces")).toMatchObject({ body: { items: [] } });
  expect(await v.api.get("/v4/runs")).toMatchObject({ body: { runs: [] } });
});

test("a follow-up goes on in the open browser, with the state it has", async () => {
  const v = await v4(storing);
  const { sessionId } = await v.ended({ task: "first" });
  const settings = { proxyCountryCode: null, record: true };

  expect((await v.ended({ task: "second", sessionId, browserSettings: settings })).result).toBe("first");
  const browsers = await v.browsers(sessionId);
  expect(browsers).toHaveLength(1);
  expect(browsers[0]).toMatchObject({ status: "active" });
});

test.each(["v2", "v3", "v4"])(
  "stopping the browser through %s saves its profile, and the next run has a new one",
  async (version) => {
    const v = await v4(storing);
    const profileId = await v.api.profile();
    const { sessionId } = await v.ended({ task: "saved", browserSettings: { profileId } });
    expect(v.api.emulator.profileState(profileId)?.size).toBe(0);
    const [first] = await v.browsers(sessionId);
    expect(await v.stop(first?.id, version)).toMatchObject({ status: 200, body: { status: "stopped", cdpUrl: null } });

    expect(v.api.emulator.profileState(profileId)).toEqual(new Map([["shop.test/login", "saved"]]));
    expect((await v.ended({ task: "next", sessionId })).result).toBe("saved");
    expect((await v.browsers(sessionId)).map(({ status }) => status)).toEqual(["active", "stopped"]);
  },
);

test("stopping the browser costs and refunds nothing: the runs have paid", async () => {
  const v = await v4({ onTask: () => "done" });
  const { sessionId } = await v.ended();
  await v.stop((await v.browsers(sessionId))[0]?.id);

  const { body } = await v.api.get<Schema<"V3AccountView">>("/v3/billing/account");
  expect(body.totalCreditsBalanceUsd).toBeCloseTo(99.99, 9);
});

test("a run fails when its browser is stopped or times out under it, and its agent is told", async () => {
  const jobs: TaskJob[] = [];
  const v = await v4({
    onTask: (job) => {
      jobs.push(job);
      return never();
    },
  });
  const [stopped, expired] = [(await v.create()).body, (await v.create()).body];
  await until(
    async () => jobs,
    ({ length }) => length === 2,
  );
  await v.stop((await v.browsers(stopped.sessionId))[0]?.id);
  v.api.emulator.expireSession(expired.sessionId);

  expect(await v.run(stopped.id)).toMatchObject({ status: "failed", error: "The browser has ended (stopped)." });
  expect(await v.run(expired.id)).toMatchObject({ status: "failed", error: "The browser has ended (timed_out)." });
  expect(jobs.map(({ signal }) => signal.aborted)).toEqual([true, true]);
});

test("an idle browser times out after 15 minutes without saving, and a follow-up gets a new one", async () => {
  const v = await v4({ ...storing, now: () => Date.UTC(2026, 0, 1) });
  const profileId = await v.api.profile();
  const { sessionId } = await v.ended({ task: "lost", browserSettings: { profileId } });
  v.api.emulator.advance(15 * MINUTE - 1);
  expect((await v.browsers(sessionId)).map(({ status }) => status)).toEqual(["active"]);
  v.api.emulator.advance(1);

  expect((await v.browsers(sessionId)).map(({ status }) => status)).toEqual(["stopped"]);
  expect(v.api.emulator.profileState(profileId)?.size).toBe(0);
  const { id } = (await v.create({ task: "next", sessionId })).body;
  v.api.emulator.advance(2);
  expect(await v.reached(id)).toMatchObject({ status: "completed", result: "nothing" });
});

test("a run keeps its browser open, but not beyond four hours", async () => {
  const v = await v4({ onTask: never, now: () => Date.UTC(2026, 0, 1) });
  const { id, sessionId } = (await v.create()).body;
  v.api.emulator.advance(239 * MINUTE);
  expect((await v.run(id)).status).toBe("running");

  v.api.emulator.advance(MINUTE);
  expect((await v.run(id)).status).toBe("failed");
  expect((await v.browsers(sessionId)).map(({ status }) => status)).toEqual(["stopped"]);
});

test("a follow-up inherits the settings that it leaves out, for a new browser", async () => {
  const v = await v4({ onTask: () => "done" });
  const profileId = await v.api.profile();
  const { sessionId } = await v.ended({ browserSettings: { profileId, record: true } });
  await v.stop((await v.browsers(sessionId))[0]?.id);
  await v.ended({ sessionId });

  const [second] = await v.browsers(sessionId);
  const view = await v.api.get<Schema<"V4BrowserSessionView">>(`/v4/browsers/${second?.id}`);
  expect(view.body.recordingAvailable).toBe(true);
  await v.stop(second?.id);
  await v.ended({ sessionId, browserSettings: { record: false } });
  const [third] = await v.browsers(sessionId);
  expect((await v.api.get(`/v4/browsers/${third?.id}`)).body).toMatchObject({ recordingAvailable: false });
  expect(v.api.emulator.sessions()).toMatchObject([{ kind: "v4", profileId }]);
});

test("a follow-up that names another profile is 400, whether a browser is open or not", async () => {
  const v = await v4({ onTask: () => "done" });
  const [profileId, other] = [await v.api.profile(), await v.api.profile()];
  const { sessionId } = await v.ended({ browserSettings: { profileId } });
  const follow = (id: string | null) => v.create<Refusal & Created>({ sessionId, browserSettings: { profileId: id } });

  expect(await follow(other)).toMatchObject({ status: 400, body: { detail: "The session has another profile" } });
  await v.reached((await follow(profileId)).body.id);
  expect(await v.browsers(sessionId)).toHaveLength(1);
  await v.stop((await v.browsers(sessionId))[0]?.id);
  expect((await follow(other)).status).toBe(400);
  expect((await follow(profileId)).status).toBe(200);
});

test("a profile that the open browser does not have, or none, makes a new browser beside it", async () => {
  const v = await v4({ maxSessions: 2, onTask: () => "done" });
  const profileId = await v.api.profile();
  const { sessionId } = await v.ended();
  await v.ended({ sessionId, browserSettings: { profileId } });

  expect((await v.browsers(sessionId)).map(({ status }) => status)).toEqual(["active", "active"]);
  expect((await v.create({ sessionId, browserSettings: { profileId: null } })).status).toBe(429);
  for (const { id } of await v.browsers(sessionId)) await v.stop(id);
  expect((await v.create({ sessionId })).status).toBe(200);
});

test("width and height of the screen go together, counting what is inherited", async () => {
  const v = await v4({ onTask: () => "done" });
  const alone = await v.create<Invalid>({ browserSettings: { screenWidth: 800 } });
  expect([alone.status, alone.body.detail[0]?.loc]).toEqual([422, ["body", "browserSettings", "screenHeight"]]);
  const plain = await v.ended();
  expect((await v.create({ sessionId: plain.sessionId, browserSettings: { screenHeight: 600 } })).status).toBe(422);
  const { sessionId } = await v.ended({ browserSettings: { screenWidth: 800, screenHeight: 600 } });
  await v.stop((await v.browsers(sessionId))[0]?.id);

  expect((await v.ended({ sessionId, browserSettings: { screenWidth: 1024 } })).status).toBe("completed");
});

test("the recording of a session's browser comes after its stop", async () => {
  const v = await v4({ onTask: () => "done" });
  const { sessionId } = await v.ended({ browserSettings: { record: true } });
  const [browser] = await v.browsers(sessionId);
  const path = `/v4/browsers/${browser?.id}`;
  await v.stop(browser?.id);

  const { body } = await until(
    () => v.api.get<Schema<"V4BrowserSessionView">>(path),
    (answer) => answer.body.recordingUrl !== null,
  );
  expect((await fetch(body.recordingUrl ?? "")).status).toBe(200);
});

test("sessions of every version and browsers share one cap", async () => {
  const v = await v4({ maxSessions: 3, onTask: never });
  await v.create();
  await v.api.sessionV2();
  await v.api.post("/v4/browsers", {});

  for (const path of ["/v2/sessions", "/v3/sessions", "/v4/browsers"]) {
    expect([path, (await v.api.post(path, {})).status]).toEqual([path, 429]);
  }
  expect((await v.create()).status).toBe(429);
});

test("two follow-ups at once: one starts, the other finds the session busy", async () => {
  const done = gate<string>();
  const v = await v4({ onTask: ({ task }) => (task === "first" ? "ok" : done.promise) });
  const { sessionId } = await v.ended({ task: "first" });
  const answers = await Promise.all([v.create({ sessionId }), v.create({ sessionId })]);

  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
});
