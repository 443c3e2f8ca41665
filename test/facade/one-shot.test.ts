import { describe, expect, test } from "vitest";
import {
  type BrowserUse,
  InvalidInputError,
  type RunResult,
  type SessionNotStoppedError,
  TimeoutError,
  type V3View,
} from "../../src/index.ts";
import { rejection } from "../support/clients.ts";
import {
  abortAfter,
  answer,
  countedSignal,
  delayed,
  refusal,
  reset,
  Service,
  useFastTime,
} from "../support/service.ts";
import { v2Session, v2Step, v2Task, v3View } from "../support/views.ts";

useFastTime();

const DONE: Partial<V3View> = { status: "stopped", stepCount: 2, output: "42 EUR", isTaskSuccessful: true };

/** A run in a session of its own, on both versions. */
const VERSIONS = {
  v2: {
    create: "POST /v2/tasks",
    created: { id: "t1", sessionId: "s1" },
    poll: "GET /v2/tasks/t1/status",
    running: { status: "started" },
    stop: "PATCH /v2/sessions/s1",
    stopped: v2Session({ status: "stopped" }),
    set: (service: Service) =>
      service
        .on("GET /v2/tasks/t1/status", { status: "started" }, { status: "finished" })
        .on("GET /v2/tasks/t1", v2Task({ steps: [v2Step(1)] })),
  },
  v3: {
    create: "POST /v3/sessions",
    created: v3View({ status: "created" }),
    poll: "GET /v3/sessions/s1",
    running: v3View({ status: "running", stepCount: 1 }),
    stop: "POST /v3/sessions/s1/stop",
    stopped: v3View(DONE),
    set: (service: Service) =>
      service
        .on("GET /v3/sessions/s1", v3View({ status: "created" }), v3View({ status: "running" }), v3View(DONE))
        .on("GET /v3/sessions/s1/messages", {
          messages: [{ id: "a1", role: "assistant", data: "Open the shop", createdAt: "2026-03-01T10:00:00Z" }],
          hasMore: false,
        }),
  },
} as const;

describe.each(["v2", "v3"] as const)("a one-shot run on %s", (name) => {
  const version = VERSIONS[name];
  const service = () =>
    version.set(new Service().on(version.create, version.created).on(version.stop, version.stopped));
  const runWith = (client: BrowserUse, options: object = {}): Promise<RunResult> =>
    name === "v2" ? client.v2.run("Read the total", options) : client.v3.run("Read the total", options);
  const run = (on: Service, options?: object) => runWith(on.client(), options);

  test("gives the answer, and stops its session", async () => {
    const on = service();
    expect(await run(on)).toMatchObject({ success: true, output: "42 EUR" });
    expect(on.count(version.create)).toBe(1);
    expect(on.count(version.stop)).toBe(1);
  });

  test("stops its session when it fails", async () => {
    const on = service().on(version.poll, refusal(404, "gone"));
    expect(await rejection(run(on))).toMatchObject({ code: "not_found" });
    expect(on.count(version.stop)).toBe(1);
  });

  test("gives the answer also when its session is gone by itself", async () => {
    const reports: SessionNotStoppedError[] = [];
    const on = service().on(version.stop, refusal(404, "gone"));
    if (name === "v2") on.on("GET /v2/sessions/s1", refusal(404, "gone"));
    const client = on.client({ onSessionNotStopped: (error) => void reports.push(error) });
    expect(await runWith(client)).toMatchObject({ success: true });
    expect(reports).toEqual([]);
  });

  test("gives the answer and reports the session when that cannot be stopped", async () => {
    const reports: SessionNotStoppedError[] = [];
    const on = service().on(version.stop, refusal(403, "no"));
    if (name === "v3") on.on(version.poll, v3View({ ...DONE, status: "idle" }));
    const client = on.client({ onSessionNotStopped: (error) => void reports.push(error) });
    expect(await runWith(client)).toMatchObject({ success: true });
    expect(reports).toMatchObject([{ sessionId: "s1" }]);
  });

  test("that is aborted stops its session and rejects with the caller's reason", async () => {
    const on = service().on(version.poll, version.running);
    const { signal, reason } = abortAfter(3_000);
    expect(await rejection(run(on, { signal }))).toBe(reason);
    expect(on.count(version.stop)).toBe(1);
  });

  test("that is aborted before it began rejects at once, and stops the session that opens later", async () => {
    const on = service().on(version.create, delayed(5_000, version.created));
    const { signal, reason } = abortAfter(1_000);
    const begun = performance.now();
    expect(await rejection(run(on, { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(1_000);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(on.operations).toEqual([version.create, version.stop]);
  });

  test("under a signal that has aborted sends nothing", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    expect(await rejection(run(new Service(), { signal }))).toBe(signal.reason);
  });

  test("is over in time, with its session stopped", async () => {
    const on = service().on(version.poll, version.running);
    const begun = performance.now();
    const error = await rejection(run(on, { waitTimeoutMs: 5_000 }));
    expect(performance.now() - begun).toBe(5_000);
    expect(error).toMatchObject({ code: "timeout", timeoutMs: 5_000 });
    expect(on.count(version.stop)).toBe(1);
  });

  test("is over in time also when it is not even begun, and stops the session that opens later", async () => {
    const on = service().on(version.create, delayed(9_000, version.created));
    const begun = performance.now();
    expect(await rejection(run(on, { waitTimeoutMs: 5_000 }))).toBeInstanceOf(TimeoutError);
    expect(performance.now() - begun).toBe(5_000);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(on.count(version.stop)).toBe(1);
  });

  test("that perhaps was started is reported as such, and not started again", async () => {
    const on = service().on(version.create, reset());
    expect(await rejection(run(on))).toMatchObject({ code: "connection", outcome: "unknown" });
    expect(on.count(version.create)).toBe(1);
  });

  test("that was started without saying where is reported as perhaps started", async () => {
    const on = service().on(version.create, name === "v2" ? { id: "t1" } : { status: "created" });
    expect(await rejection(run(on))).toMatchObject({ code: "api_error", outcome: "unknown" });
  });

  test("gives its steps, and ends with what onStep throws", async () => {
    const on = service();
    const mine = new Error("mine");
    const onStep = () => {
      throw mine;
    };
    expect(await rejection(run(on, { onStep }))).toBe(mine);
    expect(on.count(version.stop)).toBe(1);
  });

  test("leaves nobody listening to its signal", async () => {
    const { control, listeners } = countedSignal();
    await run(service(), { signal: control.signal });
    expect(listeners()).toBe(0);
  });

  test.each(["sessionId", "sessionSettings", "structuredOutput", "outputSchema", "task", "keepAlive", "maxStep"])(
    "is refused before anything is sent with the field %s",
    async (field) => {
      expect(await rejection(run(new Service(), { [field]: "x" }))).toBeInstanceOf(InvalidInputError);
    },
  );

  test("goes on after a fault that passes", async () => {
    const on = service();
    on.on(
      version.poll,
      answer(500),
      answer(500),
      answer(500),
      answer(500),
      answer(500),
      name === "v2" ? { status: "finished" } : v3View(DONE),
    );
    expect(await run(on)).toMatchObject({ success: true });
  });
});

test.each([
  ["stopped with an answer", DONE, true],
  ["stopped without one", { ...DONE, output: null, isTaskSuccessful: null }, false],
  ["timed out", { ...DONE, status: "timed_out" as const }, false],
  ["broken", { ...DONE, status: "error" as const }, false],
])("A v3 session of its own that is %s has answered: %s", async (_, view, answered) => {
  const on = VERSIONS.v3.set(new Service().on("POST /v3/sessions", VERSIONS.v3.created));
  on.on("GET /v3/sessions/s1", v3View(view)).on("POST /v3/sessions/s1/stop", v3View(view));
  const ended = on.client().v3.run("Read the total");
  if (answered) expect(await ended).toMatchObject({ output: "42 EUR" });
  else expect(await rejection(ended)).toMatchObject({ code: "run_failed", result: { output: null } });
});
