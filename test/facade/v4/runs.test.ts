import { describe, expect, test } from "vitest";
import { v4RunPort } from "../../../src/facade/v4/runs.ts";
import { InvalidInputError, type Run, RunFailedError, type RunResult, TimeoutError } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { abortAfter, answer, delayed, refusal, reset, Service, useFastTime } from "../../support/service.ts";
import { CANCEL, RUN, STATUS, v4Run } from "./views.ts";

useFastTime();

function runOf(service: Service, options: object = {}): Run {
  return service.client(options).resume({ apiVersion: "v4", id: "r1", sessionId: "s1" });
}

const is = (status: string) => ({ status });

test("While a run is at work only its status is asked for; the whole run once, at the end", async () => {
  const service = new Service()
    .on(STATUS, is("queued"), is("dispatching"), is("running"), is("running"), is("completed"))
    .on(RUN, v4Run());
  await runOf(service).result();
  expect(service.operations).toEqual([STATUS, STATUS, STATUS, STATUS, STATUS, RUN]);
});

test("A completed run's text is the answer, its decimal cost a number, and of success nothing is known", async () => {
  const service = new Service().on(STATUS, is("completed")).on(RUN, v4Run());
  expect(await runOf(service).result()).toEqual({
    status: "completed",
    success: null,
    output: "42 EUR",
    costUsd: 0.0123,
    startedAt: new Date("2026-03-01T10:00:00Z"),
    finishedAt: new Date("2026-03-01T10:00:31Z"),
    raw: v4Run(),
  });
});

test("A completed run without a text has answered: nothing", async () => {
  const service = new Service().on(STATUS, is("completed")).on(RUN, v4Run({ result: null }));
  expect(await runOf(service).result()).toMatchObject({ status: "completed", output: null });
});

test.each(["failed", "cancelled"] as const)("A run that has %s ends the wait without an answer", async (end) => {
  const service = new Service().on(STATUS, is(end)).on(RUN, v4Run({ status: end, result: "half of it" }));
  const error = await rejection(runOf(service).result());
  expect(error).toBeInstanceOf(RunFailedError);
  expect(error).toMatchObject({ code: "run_failed", result: { status: end, output: "half of it" } });
});

test("What the service says of a failure is on the result, and not in the message: it may name what is secret", async () => {
  const said = "no way to http://user:hunter2@proxy.test";
  const service = new Service().on(STATUS, is("failed")).on(RUN, v4Run({ status: "failed", error: said }));
  expect(await rejection(runOf(service).result())).toMatchObject({
    message: "Run r1 ended without an answer: failed.",
    result: { raw: { error: said } },
  });
});

test("A status that nobody knows does not end the wait", async () => {
  const service = new Service()
    .on(STATUS, is("paused"), is("COMPLETED"), is("meditating"), is("completed"))
    .on(RUN, v4Run());
  expect(await runOf(service).result()).toMatchObject({ status: "completed" });
  expect(service.operations).toEqual([STATUS, STATUS, STATUS, STATUS, RUN]);
});

test("A whole run that is older than its status does not end the wait", async () => {
  const service = new Service()
    .on(STATUS, is("completed"))
    .on(RUN, v4Run({ status: "running", result: null }), v4Run());
  expect((await runOf(service).result()).output).toBe("42 EUR");
});

test("An answer without a status, and the run of somebody else, end no wait", async () => {
  const service = new Service()
    .on(STATUS, {}, is("completed"))
    .on(RUN, v4Run({ id: "r2", result: "another's" }), v4Run());
  expect((await runOf(service).result()).output).toBe("42 EUR");
});

test("Faults that pass do not end the wait; a run that is gone does", async () => {
  const service = new Service()
    .on(STATUS, answer(502), reset(), answer(429), is("completed"))
    .on(RUN, answer(503), v4Run());
  expect((await runOf(service, { maxRetries: 0 }).result()).output).toBe("42 EUR");
  const gone = new Service().on(STATUS, refusal(404, "Run not found"));
  expect(await rejection(runOf(gone).result())).toMatchObject({ code: "not_found" });
});

test("Who waits too long gets the run on the error, and it goes on", async () => {
  const service = new Service().on(STATUS, is("running"));
  const run = runOf(service);
  const error = await rejection(run.result({ waitTimeoutMs: 5_000 }));
  expect(error).toBeInstanceOf(TimeoutError);
  expect(error).toMatchObject({ timeoutMs: 5_000, run, message: expect.not.stringContaining("goes on") });
  expect(service.count(CANCEL)).toBe(0);
});

test("Who aborts a wait leaves with the own reason, and the run goes on", async () => {
  const service = new Service().on(STATUS, is("running"));
  const { signal, reason } = abortAfter(3_000);
  expect(await rejection(runOf(service).result({ signal }))).toBe(reason);
  expect(service.count(CANCEL)).toBe(0);
});

test.each([
  ["queued", false],
  ["dispatching", false],
  ["running", false],
  ["completed", true],
  ["failed", true],
  ["cancelled", true],
  ["a status of tomorrow", true],
  [undefined, true],
])("That a list says %s of a run is a reason to look: %s", (status, isNews) => {
  expect(v4RunPort(new Service().client().api, { id: "r1" }).isNews(status)).toBe(isNews);
});

describe("A run that is attached by its id", () => {
  test("asks nothing before it is looked at, and does not know its session until then", async () => {
    const service = new Service().on(RUN, v4Run({ status: "running" })).on(STATUS, is("running"));
    const run = service.client().v4.runs.attach("r1");
    expect([run.id, run.sessionId, run.apiVersion]).toEqual(["r1", undefined, "v4"]);
    expect(service.operations).toEqual([]);
    await run.hasEnded();
    expect(run.sessionId).toBe("s1");
    await run.hasEnded();
    expect(service.operations).toEqual([RUN, STATUS]);
  });

  test("is read whole at first, and then by its status", async () => {
    const service = new Service()
      .on(RUN, v4Run({ status: "running" }), v4Run())
      .on(STATUS, is("running"), is("completed"));
    expect((await service.client().v4.runs.attach("r1").result()).output).toBe("42 EUR");
    expect(service.operations).toEqual([RUN, STATUS, STATUS, RUN]);
  });

  test("and has ended already is read once", async () => {
    const service = new Service().on(RUN, v4Run());
    expect((await service.client().v4.runs.attach("r1").result()).output).toBe("42 EUR");
    expect(service.operations).toEqual([RUN]);
  });

  test("shares its wait with others, whether they know its session or not", async () => {
    const service = new Service()
      .on(RUN, delayed(100, v4Run({ status: "running" })), v4Run())
      .on(STATUS, is("running"), is("running"), is("completed"));
    const client = service.client();
    const first = client.v4.runs.attach("r1");
    const waits: Promise<RunResult>[] = [first.result()];
    await new Promise((resolve) => setTimeout(resolve, 200));
    waits.push(first.result(), client.v4.runs.attach("r1").result());
    waits.push(client.resume({ apiVersion: "v4", id: "r1", sessionId: "s1" }).result());
    const results = await Promise.all(waits);
    expect(new Set(results.map(({ raw }) => raw)).size).toBe(1);
    expect(service.count(RUN)).toBe(2);
  });

  test.each(["", " ", "..", 7.5, null, undefined, "a\nb"])("cannot have the id %j", (id) => {
    expect(() => new Service().client().v4.runs.attach(id as string)).toThrow(InvalidInputError);
  });
});

describe("A reference", () => {
  test("is what toJSON gave, with the session as soon as it is known", async () => {
    const service = new Service().on(RUN, v4Run());
    const run = service.client().v4.runs.attach("r1");
    expect(JSON.parse(JSON.stringify(run))).toEqual({ apiVersion: "v4", id: "r1" });
    await run.result();
    expect(run.toJSON()).toEqual({ apiVersion: "v4", id: "r1", sessionId: "s1" });
  });

  test("makes a run, with its session or without, and asks nothing", () => {
    const client = new Service().client();
    expect(client.resume({ apiVersion: "v4", id: "r1" })).toMatchObject({ id: "r1", sessionId: undefined });
    expect(client.resume({ apiVersion: "v4", id: "r1", sessionId: "s1" })).toMatchObject({ id: "r1", sessionId: "s1" });
  });

  test.each([{ apiVersion: "v4" }, { apiVersion: "v4", id: "" }, { apiVersion: "v4", id: "r1", sessionId: 7.5 }])(
    "is not %j",
    (reference) => {
      expect(() => new Service().client().resume(reference as never)).toThrow(InvalidInputError);
    },
  );

  test("with a schema reads the text of a run", async () => {
    const service = new Service().on(RUN, v4Run({ result: '```json\n{"total":42}\n```' }));
    const schema = { jsonSchema: { type: "object" } };
    const { output } = await service.client().resume({ apiVersion: "v4", id: "r1" }, { schema }).result();
    expect(output).toEqual({ total: 42 });
  });
});

describe("stop", () => {
  test("cancels a run at work, and does it again when the cancellation could not be delivered", async () => {
    const service = new Service()
      .on(STATUS, is("running"))
      .on(CANCEL, refusal(502, "not delivered"), reset(), v4Run({ status: "cancelled", result: null }));
    await runOf(service).stop();
    expect(service.operations).toEqual([STATUS, CANCEL, CANCEL, CANCEL]);
    expect(service.bodies(CANCEL)).toEqual([undefined, undefined, undefined]);
  });

  test("does nothing to a run that has ended", async () => {
    const service = new Service().on(STATUS, is("completed")).on(RUN, v4Run());
    const run = runOf(service);
    await run.stop();
    await run.stop();
    expect(service.operations).toEqual([STATUS, RUN]);
  });

  test("ends the wait of all who share it, without an answer", async () => {
    const service = new Service().on(STATUS, is("running")).on(CANCEL, () => {
      service.on(STATUS, is("cancelled")).on(RUN, v4Run({ status: "cancelled", result: null }));
      return v4Run({ status: "running" });
    });
    const run = runOf(service);
    const waits = [rejection(run.result()), rejection(run.result())];
    await run.stop();
    for (const error of await Promise.all(waits)) expect(error).toMatchObject({ result: { status: "cancelled" } });
  });
});
