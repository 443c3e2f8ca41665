import { describe, expect, test } from "vitest";
import { SessionBusyError, SessionNotStoppedError, SessionStoppedError, type Skyvern } from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import { abortAfter, answer, delayed, held, reset, useFastTime } from "../support/service.ts";
import { clientOf, closing, DISPATCH, LOOK, RUN, service } from "./support.ts";
import { closed, session, taskRun } from "./views.ts";

useFastTime();

const IN_SESSION = { prompt: "Go", browser_session_id: "pbs_1" };
const CREATED = taskRun({ status: "created", output: null });

/** A client, and what it reports as not stopped. */
function watched(on = service()): { readonly skyvern: Skyvern; readonly told: SessionNotStoppedError[] } {
  const told: SessionNotStoppedError[] = [];
  return { skyvern: clientOf(on, { onSessionNotStopped: (error) => told.push(error) }), told };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe("a dispatch whose caller has left and whose answer is lost is reported", () => {
  const ways: [string, string, (skyvern: Skyvern, signal: AbortSignal) => Promise<unknown>][] = [
    ["a started task", "(id unknown)", (skyvern, signal) => skyvern.runTask({ prompt: "Go" }, { signal })],
    [
      "a task that was waited for",
      "(id unknown)",
      (skyvern, signal) => skyvern.runTask({ prompt: "Go" }, { signal, waitForCompletion: true }),
    ],
    ["a started task in a session", "pbs_1", (skyvern, signal) => skyvern.runTask(IN_SESSION, { signal })],
    ["start of a session", "pbs_1", (skyvern, signal) => skyvern.sessions.attach("pbs_1").start("Go", { signal })],
    ["run of a session", "pbs_1", (skyvern, signal) => skyvern.sessions.attach("pbs_1").run("Go", { signal })],
  ];
  test.each(ways)("%s", async (_, sessionId, dispatch) => {
    for (const lost of [reset(), answer(502), { status: "created" }]) {
      const { skyvern, told } = watched(service().on(DISPATCH, delayed(3_000, lost)));
      const { signal, reason } = abortAfter(1_000);
      expect(await rejection(dispatch(skyvern, signal))).toBe(reason);
      expect(told).toEqual([]);
      await pause(5_000);
      expect(told).toMatchObject([{ sessionId, cause: { outcome: "unknown" } }]);
      expect(told[0]).toBeInstanceOf(SessionNotStoppedError);
    }
  });

  test("also when its wait was over", async () => {
    const { skyvern, told } = watched(service().on(DISPATCH, delayed(3_000, reset())));
    await rejection(skyvern.runTask({ prompt: "Go" }, { waitForCompletion: true, waitTimeoutMs: 1_000 }));
    await pause(5_000);
    expect(told).toMatchObject([{ sessionId: "(id unknown)" }]);
  });

  test("also when the client was closed meanwhile", async () => {
    const { skyvern, told } = watched(service().on(DISPATCH, delayed(3_000, reset())));
    const running = rejection(skyvern.runTask({ prompt: "Go" }, { waitForCompletion: true }));
    await pause(1_000);
    await skyvern.close();
    await running;
    expect(told).toMatchObject([{ sessionId: "(id unknown)" }]);
  });

  test("but not when it is known, refused, or told to the caller, or when its session has ended", async () => {
    const answered = watched(service().on(DISPATCH, delayed(3_000, CREATED)));
    const refused = watched(service().on(DISPATCH, delayed(3_000, answer(400, { detail: "no" }))));
    for (const { skyvern } of [answered, refused])
      await rejection(skyvern.runTask({ prompt: "Go" }, { signal: abortAfter(1_000).signal }));
    const heard = watched(service().on(DISPATCH, reset()));
    await rejection(heard.skyvern.runTask({ prompt: "Go" }));
    const ended = watched(closing(service().on(DISPATCH, delayed(3_000, reset()))));
    const opened = await ended.skyvern.sessions.open();
    await rejection(opened.run("Go", { signal: abortAfter(1_000).signal }));
    await opened.stop();
    await pause(5_000);
    expect([answered, refused, heard, ended].map(({ told }) => told)).toEqual([[], [], [], []]);
  });
});

describe("after a dispatch that was not answered", () => {
  async function doubtful() {
    const on = service().on(DISPATCH, reset(), CREATED);
    const skyvern = clientOf(on);
    const lost = await rejection(skyvern.sessions.attach("pbs_1").start("One"));
    expect(lost).toMatchObject({ outcome: "unknown" });
    return { on, skyvern, lost };
  }

  test("the session takes no other task at once, by no way of this client's", async () => {
    const { on, skyvern, lost } = await doubtful();
    on.on("GET /v1/browser_sessions/PBS_1", session());
    for (const dispatch of [
      () => skyvern.sessions.attach("pbs_1").start("Two"),
      () => skyvern.sessions.attach("PBS_1").run("Three"),
      () => skyvern.runTask(IN_SESSION),
    ]) {
      const error = await rejection(dispatch());
      expect(error).toBeInstanceOf(SessionBusyError);
      expect(error).toMatchObject({ cause: lost });
    }
    expect(on.count(DISPATCH)).toBe(1);
  });

  test("it takes one when it was seen busy, and free again", async () => {
    const { on, skyvern, lost } = await doubtful();
    on.on(LOOK, session({ runnable_id: "tsk_1" }), session()).on(RUN, taskRun({ status: "running" }));
    expect(await rejection(skyvern.runTask(IN_SESSION))).toMatchObject({ code: "session_busy", cause: lost });
    await skyvern.runTask(IN_SESSION);
    expect(on.count(DISPATCH)).toBe(2);
  });

  test("it takes one also when both were seen in one call, as the task is just ending", async () => {
    const { on, skyvern } = await doubtful();
    on.on(LOOK, session({ runnable_id: "tsk_1" }), session()).on(RUN, taskRun());
    await skyvern.runTask(IN_SESSION);
    expect(on.count(DISPATCH)).toBe(2);
  });

  test("it takes one when a minute has passed, and not before", async () => {
    const { on, skyvern } = await doubtful();
    await pause(59_000);
    expect(await rejection(skyvern.runTask(IN_SESSION))).toBeInstanceOf(SessionBusyError);
    await pause(1_000);
    await skyvern.runTask(IN_SESSION);
    expect(on.count(DISPATCH)).toBe(2);
  });

  test("another session takes one, and so does this one after a refusal", async () => {
    const { on, skyvern } = await doubtful();
    on.on("GET /v1/browser_sessions/pbs_2", session({ browser_session_id: "pbs_2" }));
    await skyvern.runTask({ prompt: "Go", browser_session_id: "pbs_2" });
    const other = service().on(DISPATCH, answer(400, { detail: "no" }), CREATED);
    const { sessions } = clientOf(other);
    await rejection(sessions.attach("pbs_1").start("One"));
    await sessions.attach("pbs_1").start("Two");
    expect(other.count(DISPATCH)).toBe(2);
  });

  test("it is said that the session has ended, when it has", async () => {
    const { on, skyvern } = await doubtful();
    on.on(LOOK, closed());
    expect(await rejection(skyvern.runTask(IN_SESSION))).toBeInstanceOf(SessionStoppedError);
  });
});

describe("a run that is begun while", () => {
  test("its handle stops has nothing dispatched, though the look came first", async () => {
    const { reply, give, asked } = held();
    const on = closing();
    const opened = await clientOf(on).sessions.open();
    on.on(LOOK, reply);
    const running = rejection(opened.run("Go"));
    await asked;
    const stopping = opened.stop();
    give(session());
    expect(await running).toBeInstanceOf(SessionStoppedError);
    await stopping;
    expect(on.count(DISPATCH)).toBe(0);
  });

  test("its client closes has nothing dispatched, and does not hold that up", async () => {
    const { reply, give, asked } = held();
    const on = service().on(LOOK, reply);
    const skyvern = clientOf(on);
    const begun = performance.now();
    const running = rejection(skyvern.runTask(IN_SESSION, { waitForCompletion: true }));
    await asked;
    const done = skyvern.close();
    give(session());
    expect(await running).toMatchObject({ code: "invalid_input", message: expect.stringContaining("closed") });
    await done;
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(on.count(DISPATCH)).toBe(0);
  });
});
