import { describe, expect, test } from "vitest";
import type { Skyvern, TaskRun } from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import { answer, type Reply, Service, useFastTime } from "../support/service.ts";
import { clientOf, RUNS } from "./support.ts";
import { taskRun } from "./views.ts";

useFastTime();

const PAGE_SIZE = 100;

/** Many runs, of which each is at work until its time; others' runs stand before them on the list. */
class Crowd {
  readonly on: Service = new Service();
  readonly skyvern: Skyvern = clientOf(this.on);
  readonly #ends = new Map<string, number>();
  #others = 0;

  constructor(count: number, endsAfterMs: (index: number) => number) {
    const now = performance.now();
    for (let index = 0; index < count; index++) {
      const id = `tsk_${index}`;
      this.#ends.set(id, now + endsAfterMs(index));
      this.on.on(`GET /v1/runs/${id}`, () => this.#view(id));
    }
    this.on.on(RUNS, this.#list);
  }

  /** So many runs of somebody else come first. */
  others(count: number): this {
    this.#others = count;
    return this;
  }

  runs(): TaskRun[] {
    return [...this.#ends.keys()].map((id) => this.skyvern.resume({ apiVersion: "skyvern", id }));
  }

  looks(): number {
    return this.on.operations.filter((operation) => operation !== RUNS).length;
  }

  readonly #list: Reply = ({ query }) => {
    const others = Array.from({ length: this.#others }, (_, index) => ({ run_id: `wr_${index}`, status: "running" }));
    const own = [...this.#ends.keys()].map((id) => this.#view(id)).filter(({ status }) => status === "running");
    const page = Number(query["page"]);
    return [...others, ...own].slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  };

  #view(id: string) {
    const hasEnded = performance.now() >= (this.#ends.get(id) ?? 0);
    return taskRun({ run_id: id, status: hasEnded ? "completed" : "running" });
  }
}

describe("many runs of one client", () => {
  test("are asked for together, with the statuses that are not final, and one look confirms each end", async () => {
    const crowd = new Crowd(50, () => 60_000);
    await Promise.all(crowd.runs().map((run) => run.result()));
    const queries = crowd.on.sent.filter(({ operation }) => operation === RUNS).map(({ request }) => request.url);
    expect(queries[0]).toContain("?page=1&page_size=100&status=created&status=queued&status=running&status=paused");
    expect(crowd.looks()).toBe(50 + 50); // at the beginning, and at the end
    expect(queries.length).toBeLessThan(100);
  });

  test("that end one after the other are each looked at when they are no longer on the list", async () => {
    const crowd = new Crowd(30, (index) => 20_000 + index * 1_000);
    await Promise.all(crowd.runs().map((run) => run.result()));
    expect(crowd.looks()).toBe(30 + 30);
  });

  test("are found behind a full page of somebody else's", async () => {
    const crowd = new Crowd(40, () => 60_000).others(120);
    await Promise.all(crowd.runs().map((run) => run.result()));
    expect(crowd.looks()).toBe(40 + 40);
  });

  test("too few to be worth the pages are asked for one by one", async () => {
    const crowd = new Crowd(2, () => 30_000).others(1_000);
    await Promise.all(crowd.runs().map((run) => run.result()));
    const pages = crowd.on.sent.map(({ query }) => query["page"]).filter(Boolean);
    expect(pages).not.toContain("3");
  });

  test("are asked for one by one where there is no list", async () => {
    const crowd = new Crowd(10, () => 20_000);
    crowd.on.on(RUNS, answer(500, { error: "oops" }));
    expect(await Promise.all(crowd.runs().map((run) => run.result()))).toHaveLength(10);
  });

  test("with rows that tell nothing are asked for one by one", async () => {
    const crowd = new Crowd(5, () => 20_000);
    crowd.on.on(RUNS, [{}, { run_id: "tsk_0" }]);
    expect(await Promise.all(crowd.runs().map((run) => run.result()))).toHaveLength(5);
  });
});

test("one run alone is asked for by itself", async () => {
  const crowd = new Crowd(1, () => 30_000);
  await crowd.runs()[0]?.result();
  expect(crowd.on.count(RUNS)).toBe(0);
});

test("nobody is asked any more when nobody waits", async () => {
  const crowd = new Crowd(10, () => 600_000);
  const waits = crowd.runs().map((run) => rejection(run.result({ waitTimeoutMs: 10_000 })));
  await Promise.all(waits);
  const sent = crowd.on.sent.length;
  await new Promise((resolve) => setTimeout(resolve, 60_000));
  expect(crowd.on.sent).toHaveLength(sent);
});
