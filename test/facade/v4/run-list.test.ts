import { describe, expect, test } from "vitest";
import { createApi } from "../../../src/facade/call/api.ts";
import { createTransport } from "../../../src/facade/call/transport.ts";
import type { ListPlace } from "../../../src/facade/runs/run-list.ts";
import { browserUseService } from "../../../src/facade/service.ts";
import { v4RunList } from "../../../src/facade/v4/run-list.ts";
import { rejection } from "../../support/clients.ts";
import { useFastTime } from "../../support/service.ts";

useFastTime();

const PAGE = 50;
const NOBODY = new AbortController().signal;

interface Row {
  readonly id: string;
  readonly status: string;
}

/** Runs of an account, newest first, and what is asked of them. */
class Runs {
  rows: Row[] = [];
  readonly asked: (string | null)[] = [];
  latencyMs = 0;
  answer: (cursor: string | null) => object = (cursor) => {
    const from = Number(cursor ?? 0);
    const hasMore = from + PAGE < this.rows.length;
    return { runs: this.rows.slice(from, from + PAGE), hasMore, nextCursor: hasMore ? String(from + PAGE) : null };
  };

  add(count: number, prefix: string, status = "running"): ListPlace[] {
    const added = Array.from({ length: count }, (_, index) => ({ id: `${prefix}${index}`, status }));
    this.rows.unshift(...added);
    return added.map(({ id }) => ({ id, sessionId: "" }));
  }

  async read(places: readonly ListPlace[], signal = NOBODY) {
    const before = this.asked.length;
    const { statuses, requests } = await this.#list(places, signal);
    return { found: statuses.size, pages: this.asked.length - before, requests, statuses };
  }

  readonly #fetch = async (request: Request): Promise<Response> => {
    const { searchParams } = new URL(request.url);
    const cursor = searchParams.get("cursor");
    expect([...searchParams.keys()]).toEqual(cursor === null ? [] : ["cursor"]);
    this.asked.push(cursor);
    await new Promise((resolve) => setTimeout(resolve, this.latencyMs));
    request.signal.throwIfAborted();
    return Response.json(this.answer(cursor));
  };

  readonly #list = v4RunList(
    createApi(
      browserUseService,
      createTransport(browserUseService, { apiKey: "k", baseUrl: "https://cloud.test/api", fetch: this.#fetch }),
      {
        apiKey: "k",
        baseUrl: "https://cloud.test/api",
        headers: {},
        timeoutMs: 60_000,
        totalTimeoutMs: 60_000,
        maxRetries: 0,
      },
    ),
  );
}

test("Pages are read for as long as more of ours are expected than they cost, and are as long as the service makes them", async () => {
  const runs = new Runs();
  runs.add(500, "past");
  const places = runs.add(120, "ours");
  expect(await runs.read(places)).toMatchObject({ found: 120, pages: 3, requests: 3 });
  expect(runs.asked).toEqual([null, "50", "100"]);
});

test("Statuses are those of the rows, by the ids as they are compared", async () => {
  const runs = new Runs();
  runs.rows = [
    { id: "0B1C-A", status: "completed" },
    { id: "0b1cb", status: "a status of tomorrow" },
  ];
  const places = ["0b1ca", "0b1cb"].map((id) => ({ id, sessionId: "" }));
  expect((await runs.read(places)).statuses).toEqual(
    new Map([
      ["0b1ca", "completed"],
      ["0b1cb", "a status of tomorrow"],
    ]),
  );
});

test("One that is missing alone is not worth a page: it is asked for by itself, and counted", async () => {
  const runs = new Runs();
  const [oldest] = runs.add(1, "oldest");
  runs.add(100, "others");
  const places = [...runs.add(10, "ours"), oldest as ListPlace];
  expect(await runs.read(places)).toMatchObject({ found: 10, pages: 1, requests: 2 });
});

test("Ours that are pushed down by those of others are found again where they are", async () => {
  const runs = new Runs();
  const places = runs.add(40, "ours");
  for (let wave = 0; wave < 6; wave++) {
    expect(await runs.read(places)).toMatchObject({ found: 40, pages: wave === 0 ? 1 : expect.any(Number) });
    runs.add(50, `wave${wave}-`);
  }
  expect(await runs.read(places)).toMatchObject({ found: 40, pages: 7 });
});

test("Ours that are far down are looked for once, at a part of what asking for each costs, and not again", async () => {
  const runs = new Runs();
  const places = runs.add(40, "ours");
  runs.add(5_000, "others");
  const first = await runs.read(places);
  expect(first).toMatchObject({ found: 0, requests: first.pages + 40 });
  expect(first.pages).toBeLessThanOrEqual(11);
  expect(await runs.read(places)).toMatchObject({ found: 0, pages: 1 });
  expect(await runs.read(places)).toMatchObject({ found: 0, pages: 1 });
});

test("Ours that a late list does not have yet are found once others of ours turn up", async () => {
  const runs = new Runs();
  runs.add(500, "past");
  const late = new Runs();
  const places = late.add(200, "ours");
  expect(await runs.read(places)).toMatchObject({ found: 0 });
  runs.rows.unshift(...late.rows);
  expect(await runs.read(places)).toMatchObject({ found: 200, pages: 4 });
});

test("Ours that were lost and found again are expected where they are pushed to", async () => {
  const runs = new Runs();
  const late = new Runs();
  const places = late.add(40, "ours");
  runs.add(100, "past");
  expect(await runs.read(places)).toMatchObject({ found: 0 });
  runs.rows.unshift(...late.rows);
  expect(await runs.read(places)).toMatchObject({ found: 40, pages: 1 });
  runs.add(100, "others");
  expect(await runs.read(places)).toMatchObject({ found: 40, pages: 3 });
});

test("Two that a late list does not have yet cost one page more, however many others are found", async () => {
  const runs = new Runs();
  runs.add(5_000, "past");
  const places = [...runs.add(120, "ours"), { id: "late1", sessionId: "" }, { id: "late2", sessionId: "" }];
  expect(await runs.read(places)).toMatchObject({ found: 120, pages: 4, requests: 6 });
});

test("A few that are looked for cost a few pages at most", async () => {
  const runs = new Runs();
  const places = runs.add(3, "ours");
  runs.add(500, "others");
  expect((await runs.read(places)).pages).toBe(1);
});

describe("A list that never ends is left, when it", () => {
  test.each<[string, (runs: Runs, cursor: string | null) => object]>([
    ["gives the same page for ever", ({ rows }) => ({ runs: rows.slice(0, PAGE), hasMore: true, nextCursor: "next" })],
    [
      "gives the same page under ever new cursors",
      ({ rows }, cursor) => ({ runs: rows.slice(0, PAGE), hasMore: true, nextCursor: `${cursor}.` }),
    ],
    ["gives empty pages", (_, cursor) => ({ runs: [], hasMore: true, nextCursor: `${cursor}.` })],
  ])("%s", async (_, answer) => {
    const runs = new Runs();
    const places = runs.add(200, "ours");
    runs.answer = (cursor) => answer(runs, cursor);
    expect((await runs.read(places)).pages).toBeLessThanOrEqual(2);
  });

  test("gives other runs for ever", async () => {
    const runs = new Runs();
    const places = runs.add(100, "ours");
    let count = 0;
    runs.answer = (cursor) => ({ runs: [{ id: `other${count++}`, status: "running" }], nextCursor: `${cursor}.` });
    expect((await runs.read(places)).pages).toBeLessThanOrEqual(26);
  });
});

test("A list that is slow is left with what was found, before its time is over", async () => {
  const runs = new Runs();
  const places = runs.add(1_000, "ours");
  runs.latencyMs = 1_000;
  expect(await runs.read(places)).toMatchObject({ found: 150, pages: 3, requests: 853 });
});

test("What is no list is no reading", async () => {
  const runs = new Runs();
  runs.answer = () => ({ detail: "what?" });
  expect(await rejection(runs.read(runs.add(2, "ours")))).toMatchObject({ code: "api_error" });
});
