import { expect, test } from "vitest";
import { InvalidInputError } from "../../src/index.ts";
import { rejection } from "../support/clients.ts";
import { Service, useFastTime } from "../support/service.ts";
import { browser } from "../support/views.ts";

useFastTime();

const CREATE = "POST /v3/browsers";
const DOWNLOADS = "GET /v3/browsers/b1/downloads";

const file = (path: string) => ({
  path,
  size: 1,
  lastModified: "2026-03-01T10:00:00Z",
  url: `https://files.test/${path}`,
});

async function pathsOf(service: Service): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of service.client().browsers.attach("b1").downloads()) paths.push(path);
  return paths;
}

test("How long a browser lives is said in minutes, and sent as the service calls it", async () => {
  const service = new Service().on(CREATE, browser());
  await service.client().browsers.open({ timeoutMinutes: 90 });
  await service.client().browsers.open();
  expect(service.bodies(CREATE)).toEqual([{ timeout: 90 }, {}]);
});

test.each<[string, object]>([
  ["0 minutes", { timeoutMinutes: 0 }],
  ["241 minutes", { timeoutMinutes: 241 }],
  ["half a minute", { timeoutMinutes: 0.5 }],
  ["the service's own word", { timeout: 60 }],
  ["eleven pairs of metadata", { metadata: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`k${i}`, "v"])) }],
  ["half a screen", { browserScreenWidth: 800 }],
  ["a proxy that is no URL", { customProxy: "proxy" }],
  ["a country that is none", { proxyCountryCode: "gb" }],
  ["a misspelled field", { solveCaptcha: true }],
])("A browser with %s is refused before anything is sent", async (_, request) => {
  const service = new Service();
  expect(await rejection(service.client().browsers.open(request))).toBeInstanceOf(InvalidInputError);
  expect(service.sent).toEqual([]);
});

test("A wrong life is called what the caller calls it", async () => {
  const service = new Service();
  const error = await rejection(service.client().browsers.open({ timeoutMinutes: 241 }));
  expect(error).toHaveProperty("message", expect.stringContaining("timeoutMinutes must be 1 to 240"));
});

test("Downloads are listed over all pages, with URLs", async () => {
  const service = new Service().on(
    DOWNLOADS,
    { files: [file("a")], hasMore: true, nextCursor: "c1" },
    { files: [file("b")], hasMore: true, nextCursor: "c2" },
    { files: [file("c")], hasMore: false, nextCursor: null },
  );
  expect(await pathsOf(service)).toEqual(["a", "b", "c"]);
  expect(service.sent.map(({ query }) => query)).toEqual([
    { limit: "100", includeUrls: "true" },
    { limit: "100", includeUrls: "true", cursor: "c1" },
    { limit: "100", includeUrls: "true", cursor: "c2" },
  ]);
});

test("Cursors that go in a circle do not keep the caller for ever", async () => {
  const service = new Service().on(DOWNLOADS, ({ query }) => ({
    files: [file("a")],
    hasMore: true,
    nextCursor: query["cursor"] === "c1" ? "c2" : "c1",
  }));
  expect(await pathsOf(service)).toEqual(["a", "a", "a"]);
});

test("Downloads end where there is no cursor to go on with", async () => {
  const service = new Service().on(DOWNLOADS, { files: [file("a")], hasMore: true, nextCursor: null });
  expect(await pathsOf(service)).toEqual(["a"]);
});

test("Filters of a list go with every page", async () => {
  const page = (id: string) => ({ items: [browser({ id })], totalItems: 2, pageNumber: 1, pageSize: 100 });
  const service = new Service().on("GET /v3/browsers", page("b1"), page("b2"));
  const ids: string[] = [];
  for await (const { id } of service.client().browsers.list({ filterBy: "active", agentSessionId: "s1" })) ids.push(id);
  expect(ids).toEqual(["b1", "b2"]);
  expect(service.sent.map(({ query }) => query)).toEqual([
    { filterBy: "active", agentSessionId: "s1", pageNumber: "1", pageSize: "100" },
    { filterBy: "active", agentSessionId: "s1", pageNumber: "2", pageSize: "100" },
  ]);
});
