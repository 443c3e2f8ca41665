import { describe, expect, test } from "vitest";
import {
  InvalidInputError,
  NotFoundError,
  RunFailedError,
  SessionBusyError,
  SessionStoppedError,
  TimeoutError,
} from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import { abortAfter, delayed, held, refusal, reset, Service, silence, useFastTime } from "../support/service.ts";
import { CANCEL, CLOSE, CREATE, clientOf, closing, DISPATCH, LOOK, RUN, service } from "./support.ts";
import { closed, session, taskRun } from "./views.ts";

useFastTime();

const BUSY = session({ runnable_id: "tsk_9", runnable_type: "task" });
const HOLDER = "GET /v1/runs/tsk_9";
const AT_WORK = taskRun({ status: "running", output: null });

describe("a task in a session", () => {
  test("is dispatched after a look, and its run is given when it is completed, as the service shows it", async () => {
    const on = service();
    const result = await clientOf(on).sessions.attach("pbs_1").run("Log in", { url: "https://app.test", max_steps: 5 });
    expect(result).toEqual(taskRun());
    expect(on.operations).toEqual([LOOK, DISPATCH, RUN]);
    expect(on.bodies(DISPATCH)).toEqual([
      { prompt: "Log in", url: "https://app.test", max_steps: 5, browser_session_id: "pbs_1" },
    ]);
  });

  test("that is started gives its run at once, which remembers the session", async () => {
    const on = service();
    const run = await clientOf(on).sessions.attach("pbs_1").start("Log in");
    expect(run).toMatchObject({ id: "tsk_1", sessionId: "pbs_1", isDone: false });
    expect(on.operations).toEqual([LOOK, DISPATCH]);
  });

  test.each(["browser_session_id", "browser_profile_id", "browser_address", "start_fresh_browser", "prompt"])(
    "has no %s of its own",
    async (field) => {
      const on = new Service();
      const error = await rejection(
        clientOf(on)
          .sessions.attach("pbs_1")
          .run("Go", { [field]: "x" } as object),
      );
      expect(error).toBeInstanceOf(InvalidInputError);
      expect(String(error)).toContain(field);
      expect(on.sent).toEqual([]);
    },
  );

  test.each([
    ["schema", "pass data_extraction_schema"],
    ["waitForCompletion", "session.run waits for its run, session.start does not"],
    ["wait_for_completion", "session.run waits for its run, session.start does not"],
    ["waitTimeoutMs", "session.start does not wait"],
    ["timeout", "pass waitTimeoutMs"],
  ])("with %s is refused, with a word on what to pass instead", async (field, text) => {
    const on = new Service();
    const error = await rejection(
      clientOf(on)
        .sessions.attach("pbs_1")
        .start("Go", { [field]: 1 } as object),
    );
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain(text);
    expect(on.sent).toEqual([]);
  });
});

describe("one task per session", () => {
  test.each([
    ["that has ended", closed(), SessionStoppedError],
    ["that timed out", session({ status: "timeout" }), SessionStoppedError],
    ["that a run has", BUSY, SessionBusyError],
  ])("a session %s gets none", async (_, view, kind) => {
    const on = service()
      .on(LOOK, view)
      .on(HOLDER, taskRun({ run_id: "tsk_9", status: "running" }));
    const error = await rejection(clientOf(on).sessions.attach("pbs_1").start("Go"));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ sessionId: "pbs_1" });
    expect(on.count(DISPATCH)).toBe(0);
  });

  test("a session that something has which is no run, gets none", async () => {
    const on = service().on(LOOK, BUSY).on(HOLDER, refusal(404, "Run not found"));
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").start("Go"))).toBeInstanceOf(SessionBusyError);
    expect(on.count(LOOK)).toBe(1);
  });

  test("a session that its last run is about to leave is waited for", async () => {
    const ended = taskRun({ run_id: "tsk_9", status: "failed" });
    const on = service().on(LOOK, BUSY, BUSY, BUSY, session()).on(HOLDER, ended);
    await clientOf(on).sessions.attach("pbs_1").start("Go");
    expect(on.operations).toEqual([LOOK, HOLDER, LOOK, LOOK, LOOK, DISPATCH]);
  });

  test("that is waited for no longer than 15 seconds, and not when another run takes it meanwhile", async () => {
    const ended = taskRun({ run_id: "tsk_9" });
    const on = service().on(LOOK, BUSY).on(HOLDER, ended);
    const begun = performance.now();
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").start("Go"))).toBeInstanceOf(SessionBusyError);
    expect(performance.now() - begun).toBeGreaterThan(14_000);
    const taken = service()
      .on(LOOK, BUSY, session({ runnable_id: "tsk_8" }))
      .on(HOLDER, ended);
    expect(await rejection(clientOf(taken).sessions.attach("pbs_1").start("Go"))).toBeInstanceOf(SessionBusyError);
    expect(taken.count(LOOK)).toBe(2);
  });

  test("that is waited for no longer than 15 seconds in all, also when the service is slow to answer", async () => {
    const slow = delayed(9_000, taskRun({ run_id: "tsk_9" }));
    const on = service().on(LOOK, BUSY, silence).on(HOLDER, slow);
    const begun = performance.now();
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").start("Go"))).toBeInstanceOf(SessionBusyError);
    expect(performance.now() - begun).toBeLessThan(15_100);
    const { signal, reason } = abortAfter(5_000);
    on.on(LOOK, BUSY);
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").start("Go", { signal }))).toBe(reason);
    const hidden = service().on(LOOK, BUSY).on(HOLDER, silence);
    const since = performance.now();
    expect(await rejection(clientOf(hidden).sessions.attach("pbs_1").start("Go"))).toBeInstanceOf(SessionBusyError);
    expect(performance.now() - since).toBeLessThan(15_100);
  });

  test("a look that fails while it is waited for is told, and nothing is dispatched", async () => {
    const on = service()
      .on(LOOK, BUSY, reset())
      .on(HOLDER, taskRun({ run_id: "tsk_9" }));
    const start = clientOf(on, { maxRetries: 0 }).sessions.attach("pbs_1").start("Go");
    expect(await rejection(start)).toMatchObject({ code: "connection" });
    expect(on.count(DISPATCH)).toBe(0);
  });

  test("a session that is gone gets none", async () => {
    const on = service().on(LOOK, refusal(404, "not found"));
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").start("Go"))).toBeInstanceOf(NotFoundError);
    expect(on.count(DISPATCH)).toBe(0);
  });

  test("two handles of one client exclude each other while one of them dispatches", async () => {
    const { reply, give, asked } = held();
    const on = service().on(DISPATCH, reply);
    const skyvern = clientOf(on);
    const first = skyvern.sessions.attach("pbs_1").start("One");
    await asked;
    for (const second of [
      skyvern.sessions.attach("pbs_1").start("Two"),
      skyvern.runTask({ prompt: "Three", browser_session_id: "pbs_1" }),
      skyvern.runTask({ prompt: "Four", browser_session_id: "pbs_1" }, { waitForCompletion: true }),
    ])
      expect(await rejection(second)).toBeInstanceOf(SessionBusyError);
    give(taskRun({ status: "created" }));
    await first;
    expect(on.count(DISPATCH)).toBe(1);
  });

  test("and while the run of one of them works, though the session does not show it yet", async () => {
    const on = service().on(RUN, AT_WORK);
    const skyvern = clientOf(on);
    await skyvern.runTask({ prompt: "One", browser_session_id: "pbs_1" });
    expect(await rejection(skyvern.sessions.attach("pbs_1").start("Two"))).toBeInstanceOf(SessionBusyError);
    on.on(RUN, taskRun());
    await skyvern.sessions.attach("pbs_1").start("Three");
    expect(on.count(DISPATCH)).toBe(2);
  });

  test("while another session of the same client takes its own", async () => {
    const other = session({ browser_session_id: "pbs_2" });
    const on = service().on(RUN, AT_WORK).on("GET /v1/browser_sessions/pbs_2", other);
    const skyvern = clientOf(on);
    await skyvern.sessions.attach("pbs_1").start("One");
    await skyvern.sessions.attach("pbs_2").start("Two");
    expect(await rejection(skyvern.sessions.attach("pbs_1").start("Three"))).toBeInstanceOf(SessionBusyError);
    expect(on.count(DISPATCH)).toBe(2);
  });

  test("a handle that has seen the end refuses by itself", async () => {
    const on = closing();
    const opened = await clientOf(on).sessions.open();
    await opened.stop();
    on.sent.length = 0;
    expect(await rejection(opened.start("Go"))).toBeInstanceOf(SessionStoppedError);
    expect(on.sent).toEqual([]);
  });

  test("a look that shows the end is noted, so that the handle is closed", async () => {
    const on = service().on(LOOK, closed());
    const opened = await clientOf(on).sessions.open();
    await rejection(opened.start("Go"));
    expect(opened.isClosed).toBe(true);
  });

  test("a session is quiet until it is given a task, and again when the end was seen", async () => {
    const on = service().on(RUN, AT_WORK);
    const opened = await clientOf(on).sessions.open();
    expect(opened.isQuiet).toBe(true);
    const run = await opened.start("Go");
    expect(opened.isQuiet).toBe(false);
    on.on(RUN, taskRun());
    await run.result();
    expect(opened.isQuiet).toBe(true);
  });

  test("a dispatch whose answer is lost is not repeated, and leaves the session in doubt", async () => {
    const on = service().on(DISPATCH, reset());
    const opened = await clientOf(on).sessions.open();
    expect(await rejection(opened.run("Go"))).toMatchObject({ outcome: "unknown" });
    expect(on.count(DISPATCH)).toBe(1);
    expect(opened.isQuiet).toBe(false);
  });
});

describe("who leaves", () => {
  test("while a run is waited for has it cancelled; the session lives on", async () => {
    const on = service().on(RUN, AT_WORK);
    const opened = await clientOf(on).sessions.open();
    const { signal, reason } = abortAfter(5_000);
    expect(await rejection(opened.run("Go", { signal }))).toBe(reason);
    expect([on.count(CANCEL), on.count(CLOSE)]).toEqual([1, 0]);
  });

  test("is not held up for more than ten seconds by a cancelling that takes long", async () => {
    const on = service().on(RUN, AT_WORK).on(CANCEL, silence);
    const { signal } = abortAfter(5_000);
    const begun = performance.now();
    await rejection(clientOf(on).sessions.attach("pbs_1").run("Go", { signal }));
    expect(performance.now() - begun).toBeLessThan(15_100);
  });

  test("while a task is dispatched has it cancelled when it arrives", async () => {
    const on = service()
      .on(RUN, AT_WORK)
      .on(DISPATCH, delayed(3_000, taskRun({ status: "created" })));
    const { signal, reason } = abortAfter(1_000);
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").start("Go", { signal }))).toBe(reason);
    await expect.poll(() => on.count(CANCEL)).toBe(1);
  });

  test("before anything was sent, sends nothing", async () => {
    const on = new Service();
    const signal = AbortSignal.abort(new Error("gone"));
    const opened = clientOf(on).sessions.attach("pbs_1");
    expect(await rejection(opened.run("Go", { signal }))).toMatchObject({ message: "gone" });
    expect(await rejection(opened.start("Go", { signal }))).toMatchObject({ message: "gone" });
    expect(on.sent).toEqual([]);
  });

  test("during the look has nothing dispatched", async () => {
    const on = service().on(LOOK, delayed(2_000, session()));
    const { signal, reason } = abortAfter(1_000);
    expect(await rejection(clientOf(on).sessions.attach("pbs_1").start("Go", { signal }))).toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(on.count(DISPATCH)).toBe(0);
  });
});

test("who leaves when the look has just been answered has nothing dispatched", async () => {
  const on = service();
  const skyvern = clientOf(on);
  const control = new AbortController();
  skyvern.api.use({ onResponse: () => control.abort(new Error("gone")) });
  const started = skyvern.runTask({ prompt: "Go", browser_session_id: "pbs_1" }, { signal: control.signal });
  expect(await rejection(started)).toMatchObject({ message: "gone" });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(on.operations).toEqual([LOOK]);
});

test("a run that takes longer than was waited for goes on, and is on the error", async () => {
  const on = service().on(RUN, AT_WORK);
  const error = await rejection(clientOf(on).sessions.attach("pbs_1").run("Go", { waitTimeoutMs: 10_000 }));
  expect(error).toBeInstanceOf(TimeoutError);
  const { run } = error as TimeoutError<{ id: string; result(): Promise<unknown> }>;
  expect(run?.id).toBe("tsk_1");
  expect(on.count(CANCEL)).toBe(0);
  on.on(RUN, taskRun());
  expect(await run?.result()).toEqual(taskRun());
});

test("a run that fails is an error that has it, and leaves the session usable", async () => {
  const failed = taskRun({ status: "failed", output: null, failure_reason: "no such page" });
  const on = service().on(RUN, failed, taskRun());
  const opened = await clientOf(on).sessions.open();
  const error = await rejection(opened.run("Go"));
  expect(error).toBeInstanceOf(RunFailedError);
  expect(error).toMatchObject({ result: failed });
  expect(await opened.run("Again")).toEqual(taskRun());
});

test("closing the client cancels a run that is waited for", async () => {
  const on = closing(service().on(RUN, AT_WORK)).on(CANCEL, () => {
    on.on(RUN, taskRun({ status: "canceled" }));
    return new Response("null");
  });
  const skyvern = clientOf(on);
  const running = rejection(skyvern.runTask({ prompt: "Go" }, { waitForCompletion: true }));
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await skyvern.close();
  expect(await running).toBeInstanceOf(RunFailedError);
  expect(on.count(CANCEL)).toBe(1);
});

test("closing the client cancels a run that is still on its way in", async () => {
  const { reply, give, asked } = held();
  const on = service().on(DISPATCH, reply).on(RUN, AT_WORK);
  on.on(CANCEL, () => {
    on.on(RUN, taskRun({ status: "canceled" }));
    return new Response("null");
  });
  const skyvern = clientOf(on);
  const running = rejection(skyvern.runTask({ prompt: "Go" }, { waitForCompletion: true }));
  await asked;
  const closed = skyvern.close();
  give(taskRun({ status: "created" }));
  await closed;
  expect(on.count(CANCEL)).toBe(1);
  await running;
});

test("closing the client leaves a run alone that is not waited for any more", async () => {
  const on = service().on(RUN, AT_WORK);
  const skyvern = clientOf(on);
  await rejection(skyvern.runTask({ prompt: "Go" }, { waitForCompletion: true, waitTimeoutMs: 3_000 }));
  await skyvern.close();
  expect(on.count(CANCEL)).toBe(0);
});

test("closing the client leaves a run alone that was only started", async () => {
  const on = service().on(RUN, AT_WORK);
  const skyvern = clientOf(on);
  await skyvern.runTask({ prompt: "Go" });
  await skyvern.close();
  expect(on.operations).toEqual([DISPATCH]);
  expect(on.count(CREATE)).toBe(0);
});
