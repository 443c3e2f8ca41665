import { describe, expect, test } from "vitest";
import { InvalidInputError, NotFoundError, ProfileInUseError, TimeoutError } from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import { abortAfter, answer, refusal, reset, Service, silence, useFastTime } from "../support/service.ts";
import { clientOf, closing, LOOK } from "./support.ts";
import { closed, profile, session } from "./views.ts";

useFastTime();

const CREATE = "POST /v1/browser_profiles";
const LIST = "GET /v1/browser_profiles";
const ONE = "/v1/browser_profiles/bp_1";
const PENDING = refusal(400, "Browser session pbs_1 does not have a persisted profile archive");
const NEVER = refusal(400, "Browser session pbs_1 was not configured to generate a browser profile");

describe("a profile of a session", () => {
  test("is made at once when what the session leaves behind is stored", async () => {
    const on = new Service().on(CREATE, profile());
    const request = { name: "acme", browser_session_id: "pbs_1", description: "of Acme" };
    expect(await clientOf(on).profiles.create(request)).toEqual(profile());
    expect(on.bodies(CREATE)).toEqual([request]);
    expect(on.operations).toEqual([CREATE]);
  });

  test("is asked for again until it is stored; the session is looked at once", async () => {
    const on = new Service().on(CREATE, PENDING, PENDING, PENDING, profile()).on(LOOK, closed());
    expect(await clientOf(on).profiles.create({ name: "acme", browser_session_id: "pbs_1" })).toEqual(profile());
    expect(on.operations).toEqual([CREATE, LOOK, CREATE, CREATE, CREATE]);
  });

  test("of one that is still live is refused with what to do, and not asked for again", async () => {
    const on = new Service().on(CREATE, PENDING).on(LOOK, session());
    const error = await rejection(clientOf(on).profiles.create({ name: "acme", browser_session_id: "pbs_1" }));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain("stop it first");
    expect(on.count(CREATE)).toBe(1);
  });

  test.each([
    ["that leaves nothing behind", NEVER, "was not configured"],
    ["whose own profile is gone", refusal(400, "Profile bp_2, whose archive is unavailable"), "unavailable"],
  ])("of one %s is refused for good, in the service's words", async (_, reply, text) => {
    const on = new Service().on(CREATE, reply);
    const error = await rejection(clientOf(on).profiles.create({ name: "acme", browser_session_id: "pbs_1" }));
    expect(error).toMatchObject({ status: 400, message: expect.stringContaining(text) });
    expect(on.operations).toEqual([CREATE]);
  });

  test("of one that turns out to leave nothing behind is not waited for any more", async () => {
    const on = new Service().on(CREATE, PENDING, NEVER).on(LOOK, closed());
    const create = clientOf(on).profiles.create({ name: "acme", browser_session_id: "pbs_1" });
    expect(String(await rejection(create))).toContain("was not configured");
    expect(on.count(CREATE)).toBe(2);
  });

  test("is waited for for a minute, or as long as was said, and no longer than the caller does", async () => {
    const on = new Service().on(CREATE, PENDING).on(LOOK, closed());
    const request = { name: "acme", browser_session_id: "pbs_1" };
    const { profiles } = clientOf(on);
    const begun = performance.now();
    const error = await rejection(profiles.create(request));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ timeoutMs: 60_000, cause: { status: 400 } });
    expect(performance.now() - begun).toBeLessThan(60_001);
    expect(performance.now() - begun).toBeGreaterThan(50_000);
    expect(await rejection(profiles.create(request, { waitTimeoutMs: 3_000 }))).toMatchObject({ timeoutMs: 3_000 });
    const { signal, reason } = abortAfter(2_000);
    expect(await rejection(profiles.create(request, { signal }))).toBe(reason);
  });

  test("is not made a second time when its answer is lost on the way", async () => {
    const on = new Service().on(CREATE, PENDING, reset()).on(LOOK, closed());
    const create = clientOf(on).profiles.create({ name: "acme", browser_session_id: "pbs_1" });
    expect(await rejection(create)).toMatchObject({ outcome: "unknown" });
    expect(on.count(CREATE)).toBe(2);
  });

  test("is waited for also when the session cannot be looked at", async () => {
    const unavailable = answer(503, { detail: { code: "downloaded_files_unavailable", retryable: true } });
    const on = new Service().on(CREATE, PENDING, profile()).on(LOOK, unavailable);
    const create = clientOf(on, { maxRetries: 0 }).profiles.create({ name: "acme", browser_session_id: "pbs_1" });
    expect(await create).toEqual(profile());
  });
});

describe("a profile of a session that is waited for", () => {
  const request = { name: "acme", browser_session_id: "pbs_1" };
  const limits = { waitTimeoutMs: 5_000 };

  test("is waited for also when the connection breaks under the look, which is repeated then", async () => {
    const on = new Service().on(CREATE, PENDING, PENDING, profile()).on(LOOK, reset(), closed());
    expect(await clientOf(on, { maxRetries: 0 }).profiles.create(request)).toEqual(profile());
    expect(on.operations).toEqual([CREATE, LOOK, CREATE, LOOK, CREATE]);
  });

  test("of one that has failed is refused at once", async () => {
    const on = new Service().on(CREATE, PENDING).on(LOOK, closed({ status: "failed" }));
    const error = await rejection(clientOf(on).profiles.create(request));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain("has failed");
    expect(on.count(CREATE)).toBe(1);
  });

  test.each([
    ["the first try", [silence], closed(), "unknown"],
    ["a later try", [PENDING, silence], closed(), "unknown"],
    ["the look", [PENDING], silence, undefined],
  ])("is waited for no longer than was said, when %s is not answered", async (_, tries, look, outcome) => {
    const on = new Service().on(CREATE, ...tries).on(LOOK, look);
    const begun = performance.now();
    const error = await rejection(clientOf(on).profiles.create(request, limits));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ timeoutMs: 5_000 });
    expect((error as TimeoutError).outcome).toBe(outcome);
    expect(performance.now() - begun).toBeLessThan(5_100);
  });

  test("is not waited for longer than the caller does, whatever is not answered", async () => {
    for (const on of [new Service().on(CREATE, silence), new Service().on(CREATE, PENDING).on(LOOK, silence)]) {
      const { signal, reason } = abortAfter(1_000);
      expect(await rejection(clientOf(on).profiles.create(request, { signal }))).toBe(reason);
    }
  });
});

describe("a profile", () => {
  test.each<[string, object, string]>([
    ["two sources", { browser_session_id: "pbs_1", workflow_run_id: "wr_1" }, "not of both"],
    ["an empty name", { name: "" }, "name must be at least 1 characters long"],
    ["a field that the service does not know", { userId: "u" }, "userId is not a known field"],
  ])("with %s is refused before anything is sent", async (_, fields, text) => {
    const on = new Service();
    const error = await rejection(clientOf(on).profiles.create({ name: "acme", ...fields }));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain(text);
    expect(on.sent).toEqual([]);
  });

  test("of nothing, or of a workflow run, is not waited for", async () => {
    for (const source of [{}, { workflow_run_id: "wr_1" }]) {
      const on = new Service().on(CREATE, PENDING);
      expect(await rejection(clientOf(on).profiles.create({ name: "acme", ...source }))).toMatchObject({ status: 400 });
      expect(on.count(CREATE)).toBe(1);
    }
  });

  test("with a name that is taken is refused in the service's words", async () => {
    const on = new Service().on(CREATE, refusal(409, "The name acme is taken"));
    expect(await rejection(clientOf(on).profiles.create({ name: "acme" }))).toMatchObject({
      name: "ApiError",
      status: 409,
    });
  });

  test("is read, changed and deleted", async () => {
    const on = new Service()
      .on(`GET ${ONE}`, profile())
      .on(`PATCH ${ONE}`, profile({ name: "other" }))
      .on(`DELETE ${ONE}`, answer(204));
    const { profiles } = clientOf(on);
    expect(await profiles.get("bp_1")).toEqual(profile());
    expect(await profiles.update("bp_1", { name: "other" })).toMatchObject({ name: "other" });
    expect(await profiles.delete("bp_1")).toBe(undefined);
    expect(on.bodies(`PATCH ${ONE}`)).toEqual([{ name: "other" }]);
  });

  test("is not changed into what no profile can be, and nothing is sent", async () => {
    const on = new Service();
    const wrong: [object, string][] = [
      [{ name: "" }, "name must be"],
      [{ colour: "red" }, "colour is not a known field"],
    ];
    for (const [changes, text] of wrong) {
      const error = await rejection(clientOf(on).profiles.update("bp_1", changes));
      expect(error).toBeInstanceOf(InvalidInputError);
      expect((error as Error).message).toContain(text);
    }
    expect(on.count(`PATCH ${ONE}`)).toBe(0);
  });

  test("that does not exist is a NotFoundError", async () => {
    const on = new Service().on(`GET ${ONE}`, answer(404));
    expect(await rejection(clientOf(on).profiles.get("bp_1"))).toBeInstanceOf(NotFoundError);
  });

  test("of which another one's view comes is not taken for it", async () => {
    const on = new Service()
      .on(`GET ${ONE}`, profile({ browser_profile_id: "bp_2" }))
      .on(`PATCH ${ONE}`, profile({ browser_profile_id: "bp_2" }));
    const { profiles } = clientOf(on);
    for (const call of [profiles.get("bp_1"), profiles.update("bp_1", { name: "a" })])
      expect(String(await rejection(call))).toContain("a view of bp_2 when asked for bp_1");
  });

  test("is named by a text, and asked for with objects", async () => {
    const on = new Service();
    const { profiles } = clientOf(on);
    const five = 5 as never;
    const nothing = null as never;
    for (const call of [
      profiles.get(five),
      profiles.update(five, {}),
      profiles.delete(five),
      profiles.create(undefined as never),
      profiles.create(nothing),
      profiles.create({ name: "a" }, nothing),
      profiles.update("bp_1", nothing),
    ])
      expect(await rejection(call)).toBeInstanceOf(InvalidInputError);
    expect(() => profiles.list(nothing)).toThrow(InvalidInputError);
    expect(on.sent).toEqual([]);
  });

  test("is not deleted under a live session of this client", async () => {
    const on = closing().on(`DELETE ${ONE}`, answer(204));
    const skyvern = clientOf(on);
    const opened = await skyvern.sessions.open({ browser_profile_id: "bp_1" });
    expect(await rejection(skyvern.profiles.delete("bp_1"))).toBeInstanceOf(ProfileInUseError);
    expect(on.count(`DELETE ${ONE}`)).toBe(0);
    await opened.stop();
    await skyvern.profiles.delete("bp_1");
  });
});

describe("the list of profiles", () => {
  const rows = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => profile({ browser_profile_id: `bp_${from + index}` }));
  const idsOf = async (on: Service, request = {}) => {
    const ids: string[] = [];
    for await (const { browser_profile_id } of clientOf(on).profiles.list(request)) ids.push(browser_profile_id);
    return ids;
  };

  test("is read page by page, to one that brings nothing new, as a service may give fewer than it was asked for", async () => {
    const on = new Service().on(LIST, rows(0, 50), rows(50, 50), rows(100, 3), []);
    expect(await idsOf(on)).toHaveLength(103);
    expect(on.sent.map(({ query }) => query)).toEqual([
      { page: "1", page_size: "100" },
      { page: "2", page_size: "100" },
      { page: "3", page_size: "100" },
      { page: "4", page_size: "100" },
    ]);
  });

  test("gives what has no id as it comes, and passes over what is nothing", async () => {
    const nameless = { name: "a" };
    const on = new Service();
    on.on(LIST, () => Response.json([nameless, null, profile(), nameless]), []);
    const listed: unknown[] = [];
    for await (const item of clientOf(on).profiles.list()) listed.push(item);
    expect(listed).toEqual([nameless, profile(), nameless]);
  });

  test("ends with an empty page, and with one that brings nothing new", async () => {
    expect(await idsOf(new Service().on(LIST, rows(0, 100), []))).toHaveLength(100);
    expect(await idsOf(new Service().on(LIST, rows(0, 100)))).toHaveLength(100);
    expect(await idsOf(new Service().on(LIST, []))).toEqual([]);
  });

  test("gives one that moves to the next page once", async () => {
    expect(await idsOf(new Service().on(LIST, rows(0, 100), rows(98, 5)))).toHaveLength(103);
  });

  test("is asked for with what was asked, and nothing else", async () => {
    const on = new Service().on(LIST, []);
    await idsOf(on, { include_deleted: true, search_key: "acme", managed: false });
    expect(on.sent[0]?.query).toEqual({
      include_deleted: "true",
      search_key: "acme",
      managed: "false",
      page: "1",
      page_size: "100",
    });
    expect(() => clientOf(on).profiles.list({ page: 2 } as object)).toThrow(InvalidInputError);
  });
});
