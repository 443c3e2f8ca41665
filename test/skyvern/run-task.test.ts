import { describe, expect, test } from "vitest";
import { InvalidInputError, RunFailedError, SessionNotStoppedError, TimeoutError } from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import { abortAfter, answer, delayed, refusal, reset, Service, useFastTime } from "../support/service.ts";
import { CANCEL, clientOf, DISPATCH, LOOK, RUN, service } from "./support.ts";
import { session, taskRun } from "./views.ts";

useFastTime();

const AT_WORK = taskRun({ status: "running", output: null });

describe("runTask", () => {
  test("gives a handle on the run at once; waiting is not sent", async () => {
    const on = service();
    const options = { waitForCompletion: false, timeoutMs: 5_000 } as const;
    const run = await clientOf(on).runTask({ prompt: "Go", url: "https://app.test" }, options);
    expect(run).toMatchObject({ id: "tsk_1", sessionId: undefined });
    expect(on.operations).toEqual([DISPATCH]);
    expect(on.bodies(DISPATCH)).toEqual([{ prompt: "Go", url: "https://app.test" }]);
  });

  test("with waitForCompletion gives the run once it is completed; that is not sent either", async () => {
    const on = service().on(RUN, AT_WORK, AT_WORK, taskRun());
    const options = { waitForCompletion: true, waitTimeoutMs: 60_000, timeoutMs: 5_000 } as const;
    expect(await clientOf(on).runTask({ prompt: "Go" }, options)).toEqual(taskRun());
    expect(on.bodies(DISPATCH)).toEqual([{ prompt: "Go" }]);
    expect(on.count(RUN)).toBe(3);
  });

  test("into a session looks at it first, and remembers it where the service does not tell", async () => {
    const on = service();
    const run = await clientOf(on).runTask({ prompt: "Go", browser_session_id: "pbs_1" });
    expect(on.operations).toEqual([LOOK, DISPATCH]);
    expect(run.toJSON()).toEqual({ apiVersion: "skyvern", id: "tsk_1", sessionId: "pbs_1" });
  });

  test("tells of the session that the service has opened for it", async () => {
    const on = service().on(DISPATCH, taskRun({ status: "created", browser_session_id: "pbs_7" }));
    expect(await clientOf(on).runTask({ prompt: "Go" })).toMatchObject({ sessionId: "pbs_7" });
  });

  test.each<[string, object, string]>([
    ["a profile, with the default engine", { browser_profile_id: "bp_1" }, "does not work with the default engine"],
    [
      "a profile, with the default engine by its name",
      { browser_profile_id: "bp_1", engine: "skyvern-1.0" },
      'engine: "skyvern-2.0"',
    ],
    ["a fresh browser, with the default engine", { start_fresh_browser: true }, "needs another engine"],
    [
      "a fresh browser in a session",
      { start_fresh_browser: true, engine: "skyvern-2.0", browser_session_id: "pbs_1" },
      "goes with no session",
    ],
    [
      "a fresh browser with a profile",
      { start_fresh_browser: true, engine: "skyvern-2.0", browser_profile_id: "bp_1" },
      "goes with no session, no profile",
    ],
    [
      "a fresh browser with an address",
      { start_fresh_browser: true, engine: "skyvern-2.0", browser_address: "http://127.0.0.1:9222" },
      "goes with no session, no profile and no address",
    ],
    ["a field that the service does not know", { colour: "red" }, "colour is not a known field"],
    ["no prompt", { prompt: undefined }, "prompt is required"],
  ])("refuses %s before anything is sent", async (_, fields, text) => {
    const on = new Service();
    const error = await rejection(clientOf(on).runTask({ prompt: "Go", ...fields }));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain(text);
    expect(on.sent).toEqual([]);
  });

  test.each([
    ["a schema of a library", { "~standard": { version: 1, vendor: "zod" } }],
    ["one that is a function", Object.assign(() => {}, { "~standard": { version: 1, vendor: "arktype" } })],
  ])("refuses %s, and says that JSON Schema is what it takes", async (_, schema) => {
    const on = new Service();
    const task = { prompt: "Go", data_extraction_schema: schema as never };
    const error = await rejection(clientOf(on).runTask(task));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain("takes JSON Schema");
    expect(on.sent).toEqual([]);
  });

  test.each([[undefined], [null], ["Go"]])("refuses %j in place of a task", async (task) => {
    const error = await rejection(clientOf(new Service()).runTask(task as never));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain("must be an object");
  });

  test.each([
    [{ browser_profile_id: "bp_1", engine: "skyvern-2.0" }],
    [{ start_fresh_browser: true, engine: "skyvern-2.0" }],
    [{ browser_profile_id: null, start_fresh_browser: false }],
    [{ engine: "an engine of tomorrow" }],
  ])("lets pass what goes together: %j", async (fields) => {
    const on = service();
    await clientOf(on).runTask({ prompt: "Go", ...fields });
    expect(on.bodies(DISPATCH)).toEqual([{ prompt: "Go", ...fields }]);
  });

  test.each<[object, string]>([
    [{ waitTimeoutMs: 1_000 }, "pass waitForCompletion: true"],
    [{ waitForCompletion: false, waitTimeoutMs: 1_000 }, "pass waitForCompletion: true"],
    [null as never, "The options of runTask must be an object"],
    [{ waitForCompletion: "yes" }, "waitForCompletion must be true or false"],
    [{ waitForCompletion: true, waitTimeoutMs: 0 }, "waitTimeoutMs must be more than 0"],
    [{ retries: 1 }, 'has no option "retries"'],
  ])("refuses options that cannot be: %j", async (options, text) => {
    const on = new Service();
    expect(String(await rejection(clientOf(on).runTask({ prompt: "Go" }, options)))).toContain(text);
    expect(on.sent).toEqual([]);
  });

  test("cancels a run whose caller has left, while it was waited for and while it was dispatched", async () => {
    const waiting = service().on(RUN, AT_WORK);
    const first = abortAfter(5_000);
    const options = { waitForCompletion: true, signal: first.signal } as const;
    expect(await rejection(clientOf(waiting).runTask({ prompt: "Go" }, options))).toBe(first.reason);
    expect(waiting.count(CANCEL)).toBe(1);
    const dispatching = service().on(RUN, AT_WORK).on(DISPATCH, delayed(3_000, AT_WORK));
    const second = abortAfter(1_000);
    expect(await rejection(clientOf(dispatching).runTask({ prompt: "Go" }, { signal: second.signal }))).toBe(
      second.reason,
    );
    await expect.poll(() => dispatching.count(CANCEL)).toBe(1);
  });

  test("that is not dispatched in time is an error, and the run is cancelled when it arrives", async () => {
    const on = service().on(RUN, AT_WORK).on(DISPATCH, delayed(3_000, AT_WORK));
    const options = { waitForCompletion: true, waitTimeoutMs: 1_000 } as const;
    expect(await rejection(clientOf(on).runTask({ prompt: "Go" }, options))).toBeInstanceOf(TimeoutError);
    await expect.poll(() => on.count(CANCEL)).toBe(1);
  });

  test("reports a run that could not be cancelled when the client was closed", async () => {
    const told: unknown[] = [];
    const on = service().on(RUN, AT_WORK).on(CANCEL, refusal(403, "no"));
    const skyvern = clientOf(on, { onSessionNotStopped: (error) => told.push(error) });
    const running = rejection(skyvern.runTask({ prompt: "Go" }, { waitForCompletion: true, waitTimeoutMs: 9_000 }));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await skyvern.close();
    expect(told).toMatchObject([{ sessionId: "tsk_1" }]);
    expect(told[0]).toBeInstanceOf(SessionNotStoppedError);
    await running;
  });

  test("whose answer names no run is of unknown outcome", async () => {
    const on = service().on(DISPATCH, { status: "created" });
    expect(await rejection(clientOf(on).runTask({ prompt: "Go" }))).toMatchObject({ outcome: "unknown" });
  });
});

describe("a run", () => {
  test.each(["failed", "terminated", "timed_out", "canceled"] as const)(
    "that ends as %s is an error that has it",
    async (status) => {
      const view = taskRun({ status, output: null, failure_reason: "why" });
      const run = await clientOf(service().on(RUN, view)).runTask({ prompt: "Go" });
      const error = await rejection(run.result());
      expect(error).toBeInstanceOf(RunFailedError);
      expect(error).toMatchObject({ result: view, message: expect.stringContaining(status) });
      expect(run.isDone).toBe(true);
    },
  );

  test.each(["created", "queued", "running", "paused", "a status of tomorrow"])(
    "that is %s is waited for",
    async (status) => {
      const on = service().on(RUN, taskRun({ status: status as "running" }), taskRun());
      const run = await clientOf(on).runTask({ prompt: "Go" });
      expect(await run.result()).toEqual(taskRun());
      expect(on.count(RUN)).toBe(2);
    },
  );

  test("keeps the end that was seen first, though a cancelled one may be completed later", async () => {
    const on = service().on(RUN, taskRun({ status: "canceled" }), taskRun());
    const run = await clientOf(on).runTask({ prompt: "Go" });
    expect(await rejection(run.result())).toBeInstanceOf(RunFailedError);
    expect(await rejection(run.result())).toBeInstanceOf(RunFailedError);
    expect(on.count(RUN)).toBe(1);
  });

  test("is not cancelled by who stops to wait for it", async () => {
    const on = service().on(RUN, AT_WORK);
    const run = await clientOf(on).runTask({ prompt: "Go" });
    const { signal, reason } = abortAfter(3_000);
    expect(await rejection(run.result({ signal }))).toBe(reason);
    const error = await rejection(run.result({ waitTimeoutMs: 3_000 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ run, timeoutMs: 3_000 });
    expect(on.count(CANCEL)).toBe(0);
  });

  test("is waited for through failures that pass, and no longer than was said", async () => {
    const on = service().on(RUN, reset(), answer(502), answer(429), taskRun());
    const run = await clientOf(on, { maxRetries: 0 }).runTask({ prompt: "Go" });
    expect(await run.result()).toEqual(taskRun());
    const broken = service().on(RUN, answer(500, { error: "oops" }));
    const other = await clientOf(broken, { maxRetries: 0 }).runTask({ prompt: "Go" });
    expect(await rejection(other.result({ waitTimeoutMs: 4_000 }))).toMatchObject({
      code: "timeout",
      cause: { status: 500 },
    });
  });

  test("that the service does not know is an error at once", async () => {
    const run = clientOf(service().on(RUN, answer(404))).resume({ apiVersion: "skyvern", id: "tsk_1" });
    expect(await rejection(run.result())).toMatchObject({ code: "not_found" });
  });

  test("of which another one's view comes is not taken for its own", async () => {
    const on = service().on(RUN, taskRun({ run_id: "tsk_2" }));
    const run = clientOf(on).resume({ apiVersion: "skyvern", id: "tsk_1" });
    expect(String(await rejection(run.hasEnded()))).toContain("tsk_2");
  });

  test("is not waited for with options that are null", async () => {
    const run = clientOf(new Service()).resume({ apiVersion: "skyvern", id: "tsk_1" });
    expect(await rejection(run.result(null as never))).toBeInstanceOf(InvalidInputError);
  });

  test("is shared by all who wait for it", async () => {
    const on = service().on(RUN, AT_WORK, AT_WORK, taskRun());
    const skyvern = clientOf(on);
    const reference = { apiVersion: "skyvern", id: "tsk_1" } as const;
    const runs = [skyvern.resume(reference), skyvern.resume(reference), skyvern.resume(reference)];
    await Promise.all(runs.map((run) => run.result()));
    expect(on.count(RUN)).toBe(3);
  });

  test("knows its session also when it waits together with one that does not", async () => {
    const skyvern = clientOf(service().on(RUN, AT_WORK, taskRun()));
    const reference = { apiVersion: "skyvern", id: "tsk_1" } as const;
    const runs = [skyvern.resume(reference), skyvern.resume({ ...reference, sessionId: "pbs_1" })];
    await Promise.all(runs.map((run) => run.result()));
    expect(runs.map((run) => run.toJSON())).toEqual([reference, { ...reference, sessionId: "pbs_1" }]);
  });

  test("stops by being cancelled, and does nothing once it has ended", async () => {
    const on = service().on(RUN, AT_WORK);
    const run = await clientOf(on).runTask({ prompt: "Go" });
    await run.stop();
    expect(on.count(CANCEL)).toBe(1);
    on.on(RUN, taskRun());
    await run.stop();
    expect(on.count(CANCEL)).toBe(1);
  });

  test("that ends while it is cancelled has stopped; a cancelling that is refused is an error", async () => {
    const ends = service().on(RUN, AT_WORK, taskRun()).on(CANCEL, refusal(400, "Run is completed"));
    await (await clientOf(ends).runTask({ prompt: "Go" })).stop();
    const on = service().on(RUN, AT_WORK).on(CANCEL, refusal(400, "Not possible"));
    expect(await rejection((await clientOf(on).runTask({ prompt: "Go" })).stop())).toMatchObject({ status: 400 });
  });

  test("goes through JSON to another process", async () => {
    const on = service();
    const run = await clientOf(on).runTask({ prompt: "Go", browser_session_id: "pbs_1" });
    const there = clientOf(service()).resume(JSON.parse(JSON.stringify(run)));
    expect(there).toMatchObject({ id: "tsk_1", sessionId: "pbs_1" });
    expect(await there.result()).toEqual(taskRun());
  });

  test.each<[unknown]>([
    [undefined],
    ["tsk_1"],
    [{ id: "tsk_1" }],
    [{ apiVersion: "v2", id: "t1", sessionId: "s1" }],
    [{ apiVersion: "skyvern" }],
    [{ apiVersion: "skyvern", id: ".." }],
    [{ apiVersion: "skyvern", id: "tsk_1", sessionId: 7.5 }],
  ])("is not taken up from %j", (reference) => {
    expect(() => clientOf(new Service()).resume(reference as never)).toThrow(InvalidInputError);
  });

  test("is told of once when it ends, and each wait when it is over", async () => {
    const events: { type: string }[] = [];
    const on = service().on(LOOK, session()).on(RUN, AT_WORK, taskRun());
    const skyvern = clientOf(on, { onEvent: (event) => events.push(event) });
    const run = await skyvern.runTask({ prompt: "Go", browser_session_id: "pbs_1" });
    await Promise.all([run.result(), run.result()]);
    const ids = { apiVersion: "skyvern", runId: "tsk_1", sessionId: "pbs_1" };
    expect(events.filter(({ type }) => type === "ended")).toEqual([
      { type: "ended", ...ids, status: "completed", success: true, costUsd: null },
    ]);
    expect(events.filter(({ type }) => type === "waited")).toMatchObject([
      { ...ids, outcome: "answered" },
      { ...ids, outcome: "answered" },
    ]);
    expect(events.filter(({ type }) => type === "polled")[0]).toMatchObject({ apiVersion: "skyvern", runs: 1 });
  });

  test("is looked at at once when a webhook brings it", async () => {
    const on = service().on(RUN, AT_WORK);
    const skyvern = clientOf(on);
    const run = skyvern.resume({ apiVersion: "skyvern", id: "tsk_1" });
    const running = run.result();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    const looks = on.count(RUN);
    on.on(RUN, taskRun());
    skyvern.notify(taskRun());
    await running;
    expect(on.count(RUN)).toBe(looks + 1);
  });
});
