import { expect, test } from "vitest";
import type { BrowserUse } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { answer, type Reply, Service, useFastTime } from "../../support/service.ts";
import { browser, profile, v2Session, v3View } from "../../support/views.ts";

useFastTime();

async function idsOf(list: AsyncIterable<{ readonly id: string }>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of list) ids.push(id);
  return ids;
}

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `p${from + index}`);
const profiles = (client: BrowserUse) => client.profiles.list();
const page = (ids: readonly string[], totalItems?: number) => ({ items: ids.map((id) => profile(id)), totalItems });
const PROFILES = "GET /v3/profiles";

/** Profiles as the service pages them: at most `cap` to a page. */
function paged(ids: readonly string[], cap = 100): Reply {
  return ({ query }) => {
    const size = Math.min(cap, Number(query["pageSize"]));
    const first = (Number(query["pageNumber"]) - 1) * size;
    return page(ids.slice(first, first + size), ids.length);
  };
}

test.each([0, 1, 99, 100, 101, 250])(
  "%i items are listed, each once and in order, with no page too many",
  async (count) => {
    const service = new Service().on(PROFILES, paged(names(0, count)));
    expect(await idsOf(profiles(service.client()))).toEqual(names(0, count));
    expect(service.sent).toHaveLength(Math.max(1, Math.ceil(count / 100)));
  },
);

test("Nothing is asked for before the first item is, and no page before it is needed", async () => {
  const service = new Service().on(PROFILES, paged(names(0, 250)));
  const list = profiles(service.client());
  expect(service.sent).toEqual([]);
  for (let taken = 0; taken < 100; taken++) await list.next();
  expect(service.sent).toHaveLength(1);
  await list.return();
  expect(service.sent).toHaveLength(1);
});

test("Items are all listed when the service gives shorter pages than it was asked for", async () => {
  const service = new Service().on(PROFILES, paged(names(0, 120), 50));
  expect(await idsOf(profiles(service.client()))).toEqual(names(0, 120));
});

test("An item that moves to the next page meanwhile is listed once", async () => {
  const service = new Service().on(PROFILES, page(names(0, 100), 101), page(["p99", "p100"], 102));
  expect(await idsOf(profiles(service.client()))).toEqual(names(0, 101));
});

test.each([
  ["too large", 1e9],
  ["missing", undefined],
  ["no number", "many" as unknown as number],
])("A list ends where its items do when the total is %s", async (_, total) => {
  const service = new Service().on(PROFILES, page(names(0, 100), total), page(names(100, 130), total), page([], total));
  expect(await idsOf(profiles(service.client()))).toEqual(names(0, 130));
});

test("A service that gives the same page for ever does not keep the caller for ever", async () => {
  const service = new Service().on(PROFILES, page(names(0, 100), 1e9));
  expect(await idsOf(profiles(service.client()))).toEqual(names(0, 100));
  expect(service.sent).toHaveLength(2);
});

test("A page that fails for good ends the list with its error, after what came before it", async () => {
  const service = new Service().on(PROFILES, page(names(0, 100), 150), answer(403));
  const ids: string[] = [];
  const listing = (async () => {
    for await (const { id } of profiles(service.client())) ids.push(id);
  })();
  expect(await rejection(listing)).toMatchObject({ status: 403 });
  expect(ids).toEqual(names(0, 100));
});

test("A page that fails in passing is asked for again", async () => {
  const service = new Service().on(PROFILES, answer(500), paged(names(0, 3)));
  expect(await idsOf(profiles(service.client()))).toEqual(names(0, 3));
});

test("An abort ends a list with the caller's reason", async () => {
  const control = new AbortController();
  const service = new Service().on(PROFILES, paged(names(0, 250)));
  const list = service.client().profiles.list({}, { signal: control.signal });
  await list.next();
  control.abort(new Error("left"));
  const rest = (async () => {
    for await (const _ of list);
  })();
  expect(await rejection(rest)).toBe(control.signal.reason);
});

test.each<[string, string, (client: BrowserUse) => AsyncIterable<{ readonly id: string }>, object]>([
  ["v2 sessions", "GET /v2/sessions", (client) => client.v2.sessions.list(), { items: [v2Session()], totalItems: 1 }],
  ["v3 sessions", "GET /v3/sessions", (client) => client.v3.sessions.list(), { sessions: [v3View()], total: 1 }],
  [
    "browsers",
    "GET /v3/browsers",
    (client) => client.browsers.list(),
    { items: [browser({ id: "s1" })], totalItems: 1 },
  ],
  ["profiles", PROFILES, profiles, { items: [profile("s1")], totalItems: 1 }],
])("A page without its list is an error, not an empty list: %s", async (_, operation, list, right) => {
  const service = new Service().on(operation, { totalItems: 0, total: 0 });
  expect(await rejection(idsOf(list(service.client())))).toMatchObject({ code: "api_error", status: 200 });
  service.on(operation, right);
  expect(await idsOf(list(service.client()))).toEqual(["s1"]);
});

const MISSPELLED = { filter: "active" } as object;
test.each<[string, (client: BrowserUse) => unknown]>([
  ["v2 sessions", (client) => client.v2.sessions.list(MISSPELLED)],
  ["browsers", (client) => client.browsers.list(MISSPELLED)],
  ["profiles", (client) => client.profiles.list(MISSPELLED)],
])("A filter that nobody reads is refused: %s", (_, list) => {
  expect(() => list(new Service().client())).toThrow(/"filter"/);
});
