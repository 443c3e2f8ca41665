import { expect, test } from "vitest";
import type { Schema } from "../../src/emulator/operations.ts";
import { type Api, emulated, MISSING } from "./support.ts";

type Profile = Schema<"V2ProfileView">;
type List = Schema<"V2ProfileListResponse">;

/** Runs one task that writes to the browser state, in a session it leaves open. */
async function sessionThatStores(api: Api, profileId: string, value: string): Promise<string> {
  const sessionId = await api.sessionV2({ profileId });
  const { id } = await api.taskV2({ sessionId, task: value });
  await api.endedTask(id);
  return sessionId;
}

const storing = {
  startDelayMs: 1,
  onTask: ({ task, state }: { task: string; state: Map<string, string> }) => {
    const before = state.get("shop.test/login");
    state.set("shop.test/login", task);
    return before ?? "nothing";
  },
};

test("a profile is created, read, renamed and deleted", async () => {
  const api = await emulated();
  const created = await api.post<Profile>("/v2/profiles", { name: "one", userId: "u1" });

  expect(created).toMatchObject({
    status: 201,
    body: { name: "one", userId: "u1", lastUsedAt: null, cookieDomains: null },
  });
  const path = `/v2/profiles/${created.body.id}`;
  expect((await api.get<Profile>(path)).body).toEqual(created.body);
  expect((await api.patch<Profile>(path, { name: "two" })).body).toMatchObject({ name: "two", userId: "u1" });
  expect((await api.patch<Profile>(path, { userId: null })).body).toMatchObject({ name: "two", userId: null });
  expect((await api.delete(path)).status).toBe(204);
  expect((await api.get(path)).status).toBe(404);
});

test("v2 and v3 show the same profiles, v2 with naive times and v3 with a zone", async () => {
  const api = await emulated();
  const { id } = (await api.post<Profile>("/v3/profiles")).body;
  const [two, three] = [await api.get<Profile>(`/v2/profiles/${id}`), await api.get<Profile>(`/v3/profiles/${id}`)];

  expect(two.body.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  expect(three.body.createdAt).toMatch(/Z$/);
  expect(Date.parse(`${two.body.createdAt}Z`)).toBe(Date.parse(three.body.createdAt));
});

test("a query finds names and user ids by any part, in any case, and pages count all that match", async () => {
  const api = await emulated();
  await api.profile({ name: "Acme support" });
  await api.profile({ name: "other", userId: "user-of-ACME" });
  await api.profile({ name: "Umbrella" });
  const ask = async (query: string) => (await api.get<List>(`/v2/profiles?${query}`)).body;

  expect((await ask("query=acme")).items.map(({ name }) => name)).toEqual(["other", "Acme support"]);
  expect(await ask("query=acme&pageSize=1&pageNumber=2")).toMatchObject({
    totalItems: 2,
    items: [{ name: "Acme support" }],
  });
  expect((await ask("query=acm%25")).items).toEqual([]);
  expect((await ask("pageNumber=9")).items).toEqual([]);
  expect((await api.get(`/v2/profiles?query=${"x".repeat(201)}`)).status).toBe(422);
});

test("a profile that does not exist is 404 everywhere", async () => {
  const api = await emulated();

  expect((await api.delete(`/v2/profiles/${MISSING}`)).status).toBe(404);
  for (const path of ["/v2/sessions", "/v2/browsers", "/v3/sessions"]) {
    expect(await api.post(path, { profileId: MISSING })).toMatchObject({
      status: 404,
      body: { detail: "Profile not found" },
    });
  }
});

test("a stopped session writes its state back to the profile, and the next session starts with it", async () => {
  const api = await emulated(storing);
  const profileId = await api.profile();
  const sessionId = await sessionThatStores(api, profileId, "first");
  expect(api.emulator.profileState(profileId)?.size).toBe(0);
  await api.patch(`/v2/sessions/${sessionId}`, { action: "stop" });

  expect(api.emulator.profileState(profileId)).toEqual(new Map([["shop.test/login", "first"]]));
  const { body } = await api.get<Profile>(`/v2/profiles/${profileId}`);
  expect(body.cookieDomains).toEqual(["shop.test"]);
  expect(body.lastUsedAt).toBe(body.updatedAt);
  const next = await api.taskV2({ sessionId: await api.sessionV2({ profileId }) });
  expect((await api.endedTask(next.id)).output).toBe("first");
});

test("a session that times out saves nothing", async () => {
  const api = await emulated(storing);
  const profileId = await api.profile();
  const sessionId = await sessionThatStores(api, profileId, "lost");
  api.emulator.expireSession(sessionId);
  await api.patch(`/v2/sessions/${sessionId}`, { action: "stop" });

  expect(api.emulator.profileState(profileId)?.size).toBe(0);
  expect((await api.get<Profile>(`/v2/profiles/${profileId}`)).body.lastUsedAt).toBeNull();
});

test("sessions of one profile do not see each other's changes, and the last one stopped wins", async () => {
  const api = await emulated(storing);
  const profileId = await api.profile();
  const first = await sessionThatStores(api, profileId, "first");
  const second = await sessionThatStores(api, profileId, "second");
  await api.patch(`/v2/sessions/${second}`, { action: "stop" });
  await api.patch(`/v2/sessions/${first}`, { action: "stop" });

  expect(api.emulator.profileState(profileId)?.get("shop.test/login")).toBe("first");
});

test("a v3 session and a browser save their profile when they are stopped, too", async () => {
  const api = await emulated(storing);
  const profileId = await api.profile();
  const { body } = await api.post<{ id: string }>("/v3/sessions", { task: "from v3", profileId });
  await api.statusV3(body.id, "stopped");
  expect(api.emulator.profileState(profileId)?.get("shop.test/login")).toBe("from v3");

  const browser = await api.post<{ id: string }>("/v3/browsers", { profileId });
  const { updatedAt } = (await api.get<Profile>(`/v3/profiles/${profileId}`)).body;
  api.emulator.advance(1_000);
  await api.patch(`/v3/browsers/${browser.body.id}`, { action: "stop" });
  expect((await api.get<Profile>(`/v3/profiles/${profileId}`)).body.updatedAt > updatedAt).toBe(true);
});

test("a profile deleted while it is in use does not come back when its session stops", async () => {
  const api = await emulated(storing);
  const profileId = await api.profile();
  const sessionId = await sessionThatStores(api, profileId, "late");
  await api.delete(`/v2/profiles/${profileId}`);

  expect((await api.patch(`/v2/sessions/${sessionId}`, { action: "stop" })).status).toBe(200);
  expect((await api.get(`/v2/profiles/${profileId}`)).status).toBe(404);
});
