import { expect, test } from "vitest";
import type { SkyvernTask } from "../../../src/emulator/index.ts";
import { type Api, emulated, type ProfileView } from "./support.ts";

const NOT_YET = { status: 400, body: { detail: expect.stringContaining("does not have a persisted profile archive") } };
const NEVER = {
  status: 400,
  body: { detail: expect.stringContaining("was not configured to generate a browser profile") },
};

/** Keeps the prompt as a cookie, and answers with those it found. */
function remember({ prompt, state }: SkyvernTask): object {
  const found = Object.fromEntries(state);
  state.set("shop.test/login", prompt);
  return found;
}

const from = (api: Api, id: string, name = "from") =>
  api.post("/v1/browser_profiles", { name, browser_session_id: id });
const get = (api: Api, id: string) => api.get<ProfileView>(`/v1/browser_profiles/${id}`);
const list = async (api: Api, query = "") =>
  (await api.get<ProfileView[]>(`/v1/browser_profiles${query}`)).body.map(({ name }) => name);

test("a session's state goes into a profile, and a session that begins with the profile has it", async () => {
  const api = await emulated({ onTask: remember, archiveMs: 0 });
  const { browser_session_id: first } = await api.session({ generate_browser_profile: true });
  expect((await api.ended({ prompt: "ann", browser_session_id: first })).output).toEqual({});
  await api.close(first);
  const { browser_profile_id: id } = await api.profile({ name: "ann", browser_session_id: first });
  const { browser_session_id: second, ...view } = await api.session({ browser_profile_id: id });

  expect(view.browser_profile_id).toBe(id);
  expect((await api.ended({ prompt: "bob", browser_session_id: second })).output).toEqual({ "shop.test/login": "ann" });
  expect(api.emulator.profileState(id)).toEqual(new Map([["shop.test/login", "ann"]]));
});

test("a session without that profile has none of its state", async () => {
  const api = await emulated({ onTask: remember, archiveMs: 0 });
  const { browser_session_id: first } = await api.session({ generate_browser_profile: true });
  await api.ended({ prompt: "ann", browser_session_id: first });
  const { browser_session_id: other } = await api.session();

  expect((await api.ended({ browser_session_id: other })).output).toEqual({});
  expect((await api.ended()).output).toEqual({});
});

test("no profile can be made while the session is open, nor in the moment after its end", async () => {
  const api = await emulated({ archiveMs: 60_000 });
  const { browser_session_id: id } = await api.session({ generate_browser_profile: true });

  expect(await from(api, id)).toMatchObject(NOT_YET);
  await api.close(id);
  expect(await from(api, id)).toMatchObject(NOT_YET);
  api.emulator.advance(60_000);
  expect((await from(api, id)).status).toBe(200);
});

test("no profile can ever be made of a session that was not opened, or changed, for it", async () => {
  const api = await emulated({ archiveMs: 0 });
  const [plain, changed] = [await api.session(), await api.session()];
  await api.call("PATCH", `/v1/browser_sessions/${changed.browser_session_id}`, { generate_browser_profile: true });
  for (const { browser_session_id: id } of [plain, changed]) await api.close(id);

  expect(await from(api, plain.browser_session_id)).toMatchObject(NEVER);
  expect((await from(api, changed.browser_session_id)).status).toBe(200);
});

test("a session that timed out leaves its state, and one that broke does not", async () => {
  const api = await emulated({ archiveMs: 0 });
  const [late, broken] = [
    await api.session({ generate_browser_profile: true }),
    await api.session({ generate_browser_profile: true }),
  ];
  api.emulator.endSession(late.browser_session_id, "timeout");
  api.emulator.endSession(broken.browser_session_id, "failed");

  expect((await from(api, late.browser_session_id)).status).toBe(200);
  expect(await from(api, broken.browser_session_id, "other")).toMatchObject(NOT_YET);
});

test("a session whose own profile is gone says that its archive is", async () => {
  const api = await emulated();
  const { browser_profile_id: profile } = await api.profile({ name: "gone" });
  const { browser_session_id: id } = await api.session({ browser_profile_id: profile });
  await api.close(id);
  expect(await from(api, id)).toMatchObject(NEVER);
  await api.call("DELETE", `/v1/browser_profiles/${profile}`);

  expect(await from(api, id)).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining("whose archive is unavailable") },
  });
});

test.each([
  [false, "old"],
  [true, "new"],
])("a session writes its profile back only where that is asked for: %s", async (writesProfilesBack, kept) => {
  const api = await emulated({ onTask: remember, archiveMs: 0, writesProfilesBack });
  const { browser_session_id: first } = await api.session({ generate_browser_profile: true });
  await api.ended({ prompt: "old", browser_session_id: first });
  await api.close(first);
  const { browser_profile_id: id } = await api.profile({ name: "p", browser_session_id: first });
  const { browser_session_id: second } = await api.session({ browser_profile_id: id });
  await api.ended({ prompt: "new", browser_session_id: second });
  expect(api.emulator.profileState(id)?.get("shop.test/login")).toBe("old");
  await api.close(second);

  expect(api.emulator.profileState(id)?.get("shop.test/login")).toBe(kept);
});

test("a blank profile is made of nothing, and holds nothing", async () => {
  const api = await emulated();
  const view = await api.profile({ name: "blank", description: "d", proxy_location: "NONE" });

  expect(view).toMatchObject({ name: "blank", description: "d", proxy_location: "NONE", source_browser_type: null });
  expect(view.browser_profile_id).toMatch(/^bp_\d+$/);
  expect(api.emulator.profileState(view.browser_profile_id)).toEqual(new Map());
});

test("a name is taken once: 409, until the profile that has it is deleted", async () => {
  const api = await emulated();
  const { browser_profile_id: id } = await api.profile({ name: "one" });
  const { browser_profile_id: other } = await api.profile({ name: "two" });
  const rename = (to: string) => api.call("PATCH", `/v1/browser_profiles/${other}`, { name: to });

  expect((await api.post("/v1/browser_profiles", { name: "one" })).status).toBe(409);
  expect((await rename("one")).status).toBe(409);
  expect((await rename("two")).status).toBe(200);
  await api.call("DELETE", `/v1/browser_profiles/${id}`);
  expect((await rename("one")).status).toBe(200);
});

test("two sources are 422, a source that does not exist is 404, and so is any workflow run", async () => {
  const api = await emulated();
  const create = async (body: object) => (await api.post("/v1/browser_profiles", { name: "n", ...body })).status;
  const { browser_session_id: id } = await api.session();

  expect(await create({ browser_session_id: id, workflow_run_id: "wr_1" })).toBe(422);
  expect(await create({ browser_session_id: "pbs_1" })).toBe(404);
  expect(await create({ workflow_run_id: "wr_1" })).toBe(404);
  expect(await create({ name: "" })).toBe(422);
});

test("a profile remembers the browser it was made with, which wins over what a session asks for", async () => {
  const api = await emulated({ archiveMs: 0 });
  const { browser_session_id: session } = await api.session({ generate_browser_profile: true, browser_type: "msedge" });
  await api.close(session);
  const { browser_profile_id: id, source_browser_type: type } = await api.profile({
    name: "n",
    browser_session_id: session,
  });

  expect(type).toBe("msedge");
  expect((await api.session({ browser_profile_id: id, browser_type: "chrome" })).browser_type).toBe("msedge");
});

test("a session cannot begin with a profile that is not there", async () => {
  const api = await emulated();
  const open = async (id: string) => (await api.post("/v1/browser_sessions", { browser_profile_id: id })).status;
  const { browser_profile_id: id } = await api.profile({ name: "n" });
  await api.call("DELETE", `/v1/browser_profiles/${id}`);

  expect([await open("bp_1"), await open(id), await open("profile")]).toEqual([404, 404, 422]);
});

test("deleting is 204 and keeps the profile for those who list deleted ones", async () => {
  const api = await emulated();
  const { browser_profile_id: id } = await api.profile({ name: "n" });
  const remove = async () => (await api.call("DELETE", `/v1/browser_profiles/${id}`)).status;

  expect([await remove(), await remove(), (await get(api, id)).status]).toEqual([204, 404, 404]);
  expect([await list(api), await list(api, "?include_deleted=true")]).toEqual([[], ["n"]]);
});

test("the list is a bare array in pages, newest first, and can be searched", async () => {
  const api = await emulated();
  for (const name of ["a1", "a2", "b1"]) await api.profile({ name, description: `of ${name}` });

  expect(await list(api)).toEqual(["b1", "a2", "a1"]);
  expect(await list(api, "?page=2&page_size=2")).toEqual(["a1"]);
  expect(await list(api, "?search_key=A")).toEqual(["a2", "a1"]);
  expect(await list(api, "?search_key=of%20b")).toEqual(["b1"]);
  expect([await list(api, "?managed=true"), await list(api, "?managed=false")]).toEqual([[], ["b1", "a2", "a1"]]);
});

test("a change keeps what it does not name, and a proxy session is new each time it is rotated", async () => {
  const api = await emulated();
  const { browser_profile_id: id } = await api.profile({ name: "n", description: "d" });
  const patch = (body: object) => api.call<ProfileView>("PATCH", `/v1/browser_profiles/${id}`, body);

  expect((await patch({ description: "e" })).body).toMatchObject({ name: "n", description: "e" });
  expect((await patch({})).status).toBe(422);
  const [one, two] = [await patch({ rotate_proxy_session_id: true }), await patch({ rotate_proxy_session_id: true })];
  expect(one.body.proxy_session_id).not.toBe(two.body.proxy_session_id);
  expect((await get(api, id)).body).toEqual(two.body);
});

test("the runs that began with a profile are counted", async () => {
  const api = await emulated();
  const { browser_profile_id: id } = await api.profile({ name: "n" });
  await api.task({ engine: "skyvern-2.0", browser_profile_id: id });
  await api.task();

  expect((await api.get(`/v1/browser_profiles/${id}/usage`)).body).toEqual({
    workflows: [],
    credentials: [],
    recent_seeded_run_count: 1,
  });
});
