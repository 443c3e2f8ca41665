import { describe, expect, test } from "vitest";
import type { Run, Step, V4Event } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import {
  abortAfter,
  answer,
  type Reply,
  refusal,
  reset,
  type Sent,
  Service,
  useFastTime,
} from "../../support/service.ts";
import { EVENTS, event, events, RUN, STATUS, v4Run } from "./views.ts";

useFastTime();

function runOf(service: Service, options: object = {}): Run {
  return service.client(options).resume({ apiVersion: "v4", id: "r1", sessionId: "s1" });
}

const is = (status: string) => ({ status });

async function collect(run: Run): Promise<Step[]> {
  const steps: Step[] = [];
  for await (const step of run.steps()) steps.push(step);
  return steps;
}

const idsOf = (steps: readonly Step[]) => steps.map(({ raw }) => (raw as V4Event).id);

/** A log as the service pages it. */
function log(all: () => readonly V4Event[], limit = 200) {
  return ({ query }: Sent) => {
    const after = Number(query["after"] ?? 0);
    const later = all().filter(({ id }) => id > after);
    return events(later.slice(0, limit), { hasMore: later.length > limit });
  };
}

/** A look at the status, by which time more has happened. */
function writer(written: V4Event[]): (more: readonly V4Event[], status: string) => Reply {
  return (more, status) => () => {
    written.push(...more);
    return is(status);
  };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("A step has a number that counts from 1, what its event says, and the event itself", async () => {
  const raw = event(17, { summary: "Open the shop", url: "https://shop.test/" });
  const service = new Service()
    .on(STATUS, is("completed"))
    .on(RUN, v4Run())
    .on(EVENTS, events([raw, event(40)]));
  expect(await collect(runOf(service))).toEqual([
    { number: 1, summary: "Open the shop", url: "https://shop.test/", raw },
    { number: 2, summary: "step 40", url: undefined, raw: event(40) },
  ]);
});

test.each<[string, Record<string, unknown>, string]>([
  ["its summary before all else", { text: "text", summary: "summary" }, "summary"],
  ["its message", { message: "message", content: "content" }, "message"],
  ["its text", { text: "text" }, "text"],
  ["its title", { title: "title" }, "title"],
  ["its content", { content: "content" }, "content"],
  ["its type, when it has no words", { tokens: 7 }, "a.type"],
  ["its type, when its words are empty or none", { summary: "", text: { a: 1 }, url: 7 }, "a.type"],
])("What an event says is %s", async (_, data, summary) => {
  const service = new Service()
    .on(STATUS, is("completed"))
    .on(RUN, v4Run())
    .on(EVENTS, events([event(1, data)]));
  expect(await collect(runOf(service))).toMatchObject([{ summary, url: undefined }]);
});

test("An event without data is a step too", async () => {
  const { data: _, ...bare } = event(1);
  const service = new Service()
    .on(STATUS, is("completed"))
    .on(RUN, v4Run())
    .on(EVENTS, events([bare as V4Event]));
  expect(await collect(runOf(service))).toMatchObject([{ summary: "a.type" }]);
});

test("Pages are read to the last one, each from where the one before has ended", async () => {
  const service = new Service()
    .on(STATUS, is("completed"))
    .on(RUN, v4Run())
    .on(
      EVENTS,
      log(() => range(1, 500).map((id) => event(id))),
    );
  expect(idsOf(await collect(runOf(service)))).toEqual(range(1, 500));
  expect(service.sent.filter(({ operation }) => operation === EVENTS).map(({ query }) => query)).toEqual([
    { after: "0" },
    { after: "200" },
    { after: "400" },
  ]);
});

test("Steps are given while the run is at work, each once, also to who comes late", async () => {
  const written: V4Event[] = [event(1)];
  const writes = writer(written);
  const service = new Service()
    .on(STATUS, is("running"), is("running"), writes([event(2), event(5)], "running"), is("completed"))
    .on(RUN, v4Run())
    .on(
      EVENTS,
      log(() => written),
    );
  const run = runOf(service);
  const seen: [number, number][] = [];
  for await (const { number, raw } of run.steps()) seen.push([number, (raw as V4Event).id]);
  expect(seen).toEqual([
    [1, 1],
    [2, 2],
    [3, 5],
  ]);
  expect(idsOf(await collect(run))).toEqual([1, 2, 5]);
});

test("What is written between a look at the status and a look at the events is not lost, even if it is the last", async () => {
  const written: V4Event[] = [];
  const writes = writer(written);
  const service = new Service()
    .on(STATUS, is("running"), writes([event(1)], "completed"))
    .on(
      EVENTS,
      log(() => written),
    )
    .on(RUN, v4Run());
  expect(idsOf(await collect(runOf(service)))).toEqual([1]);
  // The other way round, the last event would be written after the events were read, and before the end was seen.
  const late: Service = new Service()
    .on(STATUS, is("running"), is("completed"))
    .on(
      EVENTS,
      log(() => (late.count(EVENTS) > 1 ? [event(1), event(2)] : [event(1)])),
    )
    .on(RUN, v4Run());
  expect(idsOf(await collect(runOf(late)))).toEqual([1, 2]);
  expect(late.operations).toEqual([STATUS, EVENTS, STATUS, EVENTS, RUN]);
});

describe("A service that", () => {
  const ended = () => new Service().on(STATUS, is("running"), is("running"), is("completed")).on(RUN, v4Run());

  test("ignores after gives each step once", async () => {
    const all = [event(1), event(2), event(3)];
    const service = ended().on(EVENTS, events(all.slice(0, 1)), events(all.slice(0, 2)), events(all));
    expect(idsOf(await collect(runOf(service)))).toEqual([1, 2, 3]);
  });

  test("gives the same page for ever, and more of it, is asked no more than twice at a look", async () => {
    const service = ended().on(EVENTS, events([event(1), event(2)], { hasMore: true }));
    expect(idsOf(await collect(runOf(service)))).toEqual([1, 2]);
    expect(service.count(EVENTS)).toBeLessThanOrEqual(6);
  });

  test.each([
    ["stands still", 0],
    ["goes back", -5],
    ["is null", null],
    ["is left out", undefined],
  ])("has a cursor that %s loses none and turns in no circle", async (_, nextAfter) => {
    const all = range(1, 5).map((id) => event(id));
    const service = ended().on(EVENTS, ({ query }) => {
      const later = all.filter(({ id }) => id > Number(query["after"]));
      return { events: later.slice(0, 2), hasMore: later.length > 2, nextAfter };
    });
    expect(idsOf(await collect(runOf(service)))).toEqual([1, 2, 3, 4, 5]);
    expect(service.count(EVENTS)).toBeLessThan(10);
  });

  test("has a cursor that leads further than it should loses none", async () => {
    const all = range(1, 6).map((id) => event(id));
    const service = ended().on(EVENTS, ({ query }) => {
      const later = all.filter(({ id }) => id > Number(query["after"]));
      return { events: later.slice(0, 2), hasMore: later.length > 2, nextAfter: 6 };
    });
    expect(idsOf(await collect(runOf(service)))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("shows nothing on a page, and more after it, is followed by its cursor", async () => {
    const service = ended().on(EVENTS, ({ query }) =>
      query["after"] === "0" ? { events: [], hasMore: true, nextAfter: 9 } : events([event(10)]),
    );
    expect(idsOf(await collect(runOf(service)))).toEqual([10]);
  });

  test("gives pages that overlap, and out of order, gives each step once and in order", async () => {
    const service = ended().on(
      EVENTS,
      events([event(2), event(1)], { hasMore: true, nextAfter: 2 }),
      events([event(3), event(2), event(4)]),
    );
    expect(idsOf(await collect(runOf(service)))).toEqual([1, 2, 3, 4]);
  });

  test("fails in the middle of the pages loses none that were read before", async () => {
    const all = range(1, 4).map((id) => event(id));
    let faults = 1;
    const service = ended().on(EVENTS, (sent) => {
      if (sent.query["after"] === "2" && faults-- > 0) return answer(502);
      return log(() => all, 2)(sent);
    });
    expect(idsOf(await collect(runOf(service, { maxRetries: 0 })))).toEqual([1, 2, 3, 4]);
  });

  test("fails when the run is read at the end loses no step", async () => {
    const service = ended()
      .on(EVENTS, events([event(1)]))
      .on(RUN, reset(), answer(500), v4Run());
    expect(idsOf(await collect(runOf(service, { maxRetries: 0 })))).toEqual([1]);
  });
});

describe("A run that is over", () => {
  const over = (...replies: Reply[]) =>
    new Service()
      .on(STATUS, is("completed"))
      .on(RUN, v4Run())
      .on(EVENTS, ...replies);

  test("gives its answer without its events when three looks at them are in vain", async () => {
    const service = over(answer(500));
    const { output } = await runOf(service, { maxRetries: 0 }).result({ onStep: () => {} });
    expect(output).toBe("42 EUR");
    expect(service.count(EVENTS)).toBe(3);
  });

  test("gives its events when they come at the third look", async () => {
    expect(idsOf(await collect(runOf(over(answer(500), reset(), events([event(1)])), { maxRetries: 0 })))).toEqual([1]);
  });

  test("gives its last events also when there were many looks in vain while it was at work", async () => {
    const busy = Array.from({ length: 4 }, () => is("running"));
    const vain = Array.from({ length: 5 }, () => answer(500));
    const service = over(...vain, events([event(1)])).on(STATUS, ...busy, is("completed"));
    expect(idsOf(await collect(runOf(service, { maxRetries: 0 })))).toEqual([1]);
  });

  test("and has no list of events gives its answer", async () => {
    const { output } = await runOf(over(refusal(404, "no events"))).result({ onStep: () => {} });
    expect(output).toBe("42 EUR");
  });

  test("says why its events cannot be read where they are refused", async () => {
    expect(await rejection(collect(runOf(over(refusal(403, "no")))))).toMatchObject({ status: 403 });
  });
});

test("A run at work that has no list of events yet is waited for", async () => {
  const service = new Service()
    .on(STATUS, is("running"), is("completed"))
    .on(RUN, v4Run())
    .on(EVENTS, refusal(404, "none yet"), events([event(1)]));
  expect(idsOf(await collect(runOf(service)))).toEqual([1]);
});

test("onStep is told of each before the result", async () => {
  const service = new Service()
    .on(STATUS, is("running"), is("completed"))
    .on(EVENTS, events([event(1)]), events([event(2)]))
    .on(RUN, v4Run());
  const told: string[] = [];
  const { output } = await runOf(service).result({ onStep: ({ summary }) => void told.push(summary) });
  expect([...told, output]).toEqual(["step 1", "step 2", "42 EUR"]);
});

test("Who aborts in the middle of the steps leaves with the own reason", async () => {
  const service = new Service().on(STATUS, is("running")).on(EVENTS, events([]));
  const { signal, reason } = abortAfter(3_000);
  const steps = runOf(service).steps({ signal });
  expect(await rejection(steps.next())).toBe(reason);
});
