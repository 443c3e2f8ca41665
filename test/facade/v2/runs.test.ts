import { expect, test } from "vitest";
import { type Run, RunFailedError, type Step, TimeoutError } from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import { delayed, Service, useFastTime } from "../../support/service.ts";
import { v2Step, v2Task } from "../../support/views.ts";

useFastTime();

const STATUS = "GET /v2/tasks/t1/status";
const TASK = "GET /v2/tasks/t1";

function runOf(service: Service): Run {
  return service.client().resume({ apiVersion: "v2", id: "t1", sessionId: "s1" });
}

function status(text: string): object {
  return { id: "t1", status: text };
}

test("While a task runs only its status is asked for; the whole task once, at the end", async () => {
  const service = new Service()
    .on(STATUS, status("created"), status("started"), status("started"), status("finished"))
    .on(TASK, v2Task());
  await runOf(service).result();
  expect(service.operations).toEqual([STATUS, STATUS, STATUS, STATUS, TASK]);
});

test("A finished task's output is the answer, its naive times are UTC, and its cost is a number", async () => {
  const service = new Service().on(STATUS, status("finished")).on(TASK, v2Task());
  const result = await runOf(service).result();
  expect(result).toEqual({
    status: "finished",
    success: true,
    output: "42 EUR",
    costUsd: 0.0123,
    startedAt: new Date("2026-03-01T10:00:01Z"),
    finishedAt: new Date("2026-03-01T10:00:31Z"),
    raw: v2Task(),
  });
});

test("What a task does not say is null", async () => {
  const { output: _, isSuccess: __, cost: ___, startedAt: ____, finishedAt: _____, ...bare } = v2Task();
  const service = new Service().on(STATUS, status("finished")).on(TASK, bare);
  const { raw: ______, ...result } = await runOf(service).result();
  expect(result).toEqual({
    status: "finished",
    success: null,
    output: null,
    costUsd: null,
    startedAt: null,
    finishedAt: null,
  });
});

test.each(["failed", "stopped"] as const)("A task that has %s ends the wait without an answer", async (end) => {
  const service = new Service().on(STATUS, status(end)).on(TASK, v2Task({ status: end, output: "half of it" }));
  const error = await rejection(runOf(service).result());
  expect(error).toBeInstanceOf(RunFailedError);
  expect(error).toMatchObject({ code: "run_failed", result: { status: end, output: "half of it" } });
});

test("A goal that was not reached is an answer too", async () => {
  const service = new Service().on(STATUS, status("finished")).on(TASK, v2Task({ isSuccess: false }));
  expect(await runOf(service).result()).toMatchObject({ success: false, output: "42 EUR" });
});

test("A status that nobody knows does not end the wait", async () => {
  const service = new Service()
    .on(STATUS, status("paused"), status("meditating"), status("finished"))
    .on(TASK, v2Task());
  expect(await runOf(service).result()).toMatchObject({ status: "finished" });
  expect(service.operations).toEqual([STATUS, STATUS, STATUS, TASK]);
});

test("A whole task that is older than its status does not end the wait", async () => {
  const service = new Service()
    .on(STATUS, status("finished"))
    .on(TASK, v2Task({ status: "started", output: null }), v2Task());
  expect((await runOf(service).result()).output).toBe("42 EUR");
});

test("An answer without a status does not end the wait, nor does a task without steps", async () => {
  const { steps: _, ...bare } = v2Task();
  const service = new Service().on(STATUS, { id: "t1" }, status("finished")).on(TASK, bare, v2Task());
  expect((await runOf(service).result()).output).toBe("42 EUR");
});

test("Steps are given once and in order, before the result", async () => {
  const [one, two, three] = [v2Step(1), v2Step(2), v2Step(3)];
  const service = new Service().on(
    TASK,
    v2Task({ status: "started", steps: [] }),
    v2Task({ status: "started", steps: [two, one, one] }),
    v2Task({ status: "started", steps: [one, two] }),
    v2Task({ steps: [three, one, two] }),
  );
  const steps: Step[] = [];
  const result = await runOf(service).result({ onStep: (step) => void steps.push(step) });
  expect(steps).toEqual(
    [one, two, three].map((raw) => ({
      number: raw.number,
      summary: `Goal ${raw.number}`,
      url: raw.url,
      screenshotUrl: undefined,
      raw,
    })),
  );
  expect(result.output).toBe("42 EUR");
});

test("A step that turns up late is given late, and never lost", async () => {
  const service = new Service().on(
    TASK,
    v2Task({ status: "started", steps: [v2Step(0), v2Step(2)] }),
    v2Task({ steps: [v2Step(0), v2Step(1), v2Step(2)] }),
  );
  const numbers: number[] = [];
  for await (const { number } of runOf(service).steps()) numbers.push(number);
  expect(numbers).toEqual([0, 2, 1]);
});

test("Each step is waited for before the next one", async () => {
  const service = new Service().on(TASK, v2Task({ steps: [v2Step(1), v2Step(2)] }));
  const seen: string[] = [];
  await runOf(service).result({
    onStep: async ({ number }) => {
      seen.push(`begin ${number}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      seen.push(`end ${number}`);
    },
  });
  expect(seen).toEqual(["begin 1", "end 1", "begin 2", "end 2"]);
});

test("Steps that are asked for alone end with the run, however it ends", async () => {
  const service = new Service().on(TASK, v2Task({ status: "failed", steps: [v2Step(1)] }));
  const numbers: number[] = [];
  for await (const { number } of runOf(service).steps()) numbers.push(number);
  expect(numbers).toEqual([1]);
});

test("No step is lost to another wait that sees the end first", async () => {
  const service = new Service()
    .on(
      TASK,
      delayed(1_000, v2Task({ status: "started", steps: [v2Step(1)] })),
      v2Task({ steps: [v2Step(1), v2Step(2)] }),
    )
    .on(STATUS, status("finished"));
  const run = runOf(service);
  const numbers: number[] = [];
  await Promise.all([run.result({ onStep: ({ number }) => numbers.push(number) }), run.result()]);
  expect(numbers).toEqual([1, 2]);
});

test("A result that is known is not asked for again", async () => {
  const service = new Service().on(STATUS, status("finished")).on(TASK, v2Task());
  const run = runOf(service);
  const first = await run.result();
  expect(await run.result()).toEqual(first);
  expect(service.count(STATUS)).toBe(1);
});

test("Stopping a task stops it alone; a task that has ended is left as it is", async () => {
  const service = new Service()
    .on(STATUS, status("started"), status("stopped"))
    .on("PATCH /v2/tasks/t1", v2Task({ status: "stopped" }))
    .on(TASK, v2Task({ status: "stopped" }));
  const run = runOf(service);
  await run.stop();
  await run.stop();
  expect(service.bodies("PATCH /v2/tasks/t1")).toEqual([{ action: "stop" }]);
});

test("The first look comes at once, and later ones are never more than six seconds apart", async () => {
  const at: number[] = [];
  const service = new Service().on(STATUS, () => {
    at.push(performance.now());
    return status("started");
  });
  const begun = performance.now();
  expect(await rejection(runOf(service).result({ waitTimeoutMs: 600_000 }))).toBeInstanceOf(TimeoutError);
  expect(at[0]).toBe(begun);
  const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(200);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(6_000);
});
