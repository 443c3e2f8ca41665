import { describe, expect, test } from "vitest";
import {
  BrowserUse,
  InvalidInputError,
  NotFoundError,
  OutputValidationError,
  type Run,
  RunFailedError,
  type RunReference,
  TimeoutError,
} from "../../../src/index.ts";
import { rejection } from "../../support/clients.ts";
import {
  abortAfter,
  answer,
  countedSignal,
  delayed,
  type Reply,
  refusal,
  reset,
  Service,
  silence,
  useFastTime,
} from "../../support/service.ts";
import { message, v2Step, v2Task, v3View } from "../../support/views.ts";

useFastTime();

/** The same run on both versions: what is asked, and what it answers while it runs and at its end. */
interface Version {
  readonly reference: RunReference;
  readonly poll: string;
  readonly whole: string;
  readonly stop: string;
  readonly running: object;
  readonly ended: object;
  /** The service's other answers, with an end that says `success`. */
  readonly set: (service: Service, success?: boolean) => Service;
}

const V2: Version = {
  reference: { apiVersion: "v2", id: "t1", sessionId: "s1" },
  poll: "GET /v2/tasks/t1/status",
  whole: "GET /v2/tasks/t1",
  stop: "PATCH /v2/tasks/t1",
  running: { id: "t1", status: "started" },
  ended: { id: "t1", status: "finished" },
  set: (service, isSuccess = true) =>
    service
      .on("GET /v2/tasks/t1/status", { id: "t1", status: "finished" })
      .on("GET /v2/tasks/t1", v2Task({ isSuccess, output: '{"total":42}', steps: [v2Step(1), v2Step(2)] }))
      .on("PATCH /v2/tasks/t1", v2Task({ status: "stopped" })),
};

const BASELINE = { messageId: "a1", stepCount: 3, totalCostUsd: "0" };
const V3: Version = {
  reference: { apiVersion: "v3", id: "s1", sessionId: "s1", baseline: BASELINE },
  poll: "GET /v3/sessions/s1",
  whole: "GET /v3/sessions/s1",
  stop: "POST /v3/sessions/s1/stop",
  running: v3View({ status: "running", stepCount: 4 }),
  ended: v3View({ stepCount: 5, output: { total: 42 }, isTaskSuccessful: true }),
  set: (service, isTaskSuccessful = true) => {
    const messages = [message("h2", "human"), message("a2", "assistant"), message("a3", "assistant")];
    const view = v3View({ stepCount: 5, output: { total: 42 }, isTaskSuccessful });
    return service
      .on("GET /v3/sessions/s1", view)
      .on("GET /v3/sessions/s1/messages", ({ query }) => ({
        messages: query["after"] === "a1" ? messages : [],
        hasMore: false,
      }))
      .on("POST /v3/sessions/s1/stop", view);
  },
};

const READ_TOTAL = {
  jsonSchema: { type: "object" },
  validate: (value: unknown) => {
    const { total } = value as { total?: unknown };
    if (typeof total !== "number") throw new Error("total is no number");
    return total;
  },
};
const REFUSE = {
  jsonSchema: { type: "object" },
  validate: () => {
    throw new Error("never good enough");
  },
};

describe.each([
  ["v2", V2],
  ["v3", V3],
])("on %s", (_, version) => {
  const resume = (service: Service): Run => service.client().resume(version.reference);

  const passing: readonly [string, Reply][] = [
    ["500", answer(500)],
    ["503", refusal(503, "later")],
    ["429", refusal(429, "slow down")],
    ["408", answer(408)],
    ["a page of HTML", () => new Response("<html>", { status: 200 })],
    ["null", () => new Response("null", { status: 200 })],
    ["half a document", () => new Response('{"status":', { status: 200 })],
    ["a document without a status", {}],
    ["a view of something else", { ...version.ended, id: "another" }],
    ["a connection that breaks", reset()],
    ["an answer that never comes", silence],
  ];

  test.each(passing)("A wait goes on after %s, for as long as it lasts", async (_, fault) => {
    const service = version.set(new Service());
    let asked = 0;
    service.on(version.poll, (sent) => {
      if (++asked < 12) return fault;
      service.on(version.poll, version.ended);
      return typeof version.ended === "function" ? version.ended(sent) : version.ended;
    });
    expect(await resume(service).result()).toMatchObject({ success: true });
    expect(asked).toBe(12);
  });

  test.each([
    [401, "authentication"],
    [403, "api_error"],
    [404, "not_found"],
    [422, "validation"],
  ])("A wait ends with %i", async (status, code) => {
    const service = version.set(new Service()).on(version.poll, refusal(status, "no"));
    expect(await rejection(resume(service).result())).toMatchObject({ code, status });
    expect(service.count(version.poll)).toBe(1);
  });

  test("A wait is over in time, and its error carries the run, which can be waited for again", async () => {
    const service = version.set(new Service()).on(version.poll, version.running);
    const run = resume(service);
    const begun = performance.now();
    const error = await rejection(run.result({ waitTimeoutMs: 7_000 }));
    expect(performance.now() - begun).toBe(7_000);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: "timeout", operation: "result", timeoutMs: 7_000, run });
    version.set(service).on(version.poll, version.ended);
    expect(await run.result()).toMatchObject({ success: true });
  });

  test.each<[string, Reply]>([
    ["never answers", silence],
    ["fails", answer(500)],
    ["breaks the connection", reset()],
    ["asks for patience", () => new Response("{}", { status: 429, headers: { "Retry-After": "3600" } })],
  ])("A wait is over in time when the service %s", async (_, fault) => {
    const service = version.set(new Service()).on(version.poll, fault);
    const begun = performance.now();
    const error = await rejection(resume(service).result({ waitTimeoutMs: 90_000 }));
    expect(performance.now() - begun).toBeLessThanOrEqual(90_000);
    expect(error).toMatchObject({ code: "timeout", timeoutMs: 90_000 });
  });

  test("The last fault is the cause of a wait that was over in time", async () => {
    const service = version.set(new Service()).on(version.poll, reset());
    const error = (await rejection(resume(service).result({ waitTimeoutMs: 90_000 }))) as TimeoutError;
    expect(error.cause).toMatchObject({ code: "connection" });
  });

  test("A wait is over in time, however many answers it is put together from", async () => {
    const service = version.set(new Service());
    service.on(version.whole, silence).on("GET /v3/sessions/s1/messages", silence);
    service.on(version.poll, delayed(3_000, version.ended));
    const begun = performance.now();
    await rejection(resume(service).result({ waitTimeoutMs: 5_000 }));
    expect(performance.now() - begun).toBe(5_000);
    expect(service.sent).toHaveLength(2);
  });

  test("Steps are over in time as well", async () => {
    const service = version.set(new Service()).on(version.whole, silence);
    const begun = performance.now();
    const steps = resume(service).steps({ waitTimeoutMs: 5_000 });
    expect(await rejection(steps.next())).toMatchObject({ code: "timeout", timeoutMs: 5_000 });
    expect(performance.now() - begun).toBe(5_000);
  });

  test("A wait is over in time, whatever onStep does", async () => {
    const service = version.set(new Service());
    const begun = performance.now();
    const hanging = resume(service).result({ waitTimeoutMs: 5_000, onStep: () => new Promise(() => {}) });
    expect(await rejection(hanging)).toMatchObject({ code: "timeout" });
    expect(performance.now() - begun).toBe(5_000);
  });

  test("Aborting a wait ends it at once with the caller's reason, and leaves the run", async () => {
    const service = version.set(new Service()).on(version.poll, version.running);
    const { signal, reason } = abortAfter(3_000);
    const begun = performance.now();
    expect(await rejection(resume(service).result({ signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(3_000);
    expect(service.count(version.stop)).toBe(0);
  });

  test("Aborting a wait ends it at once, also while onStep works or the service is silent", async () => {
    const service = version.set(new Service());
    const first = abortAfter(1_000);
    const busy = resume(service).result({ signal: first.signal, onStep: () => new Promise(() => {}) });
    expect(await rejection(busy)).toBe(first.reason);
    service.on(version.poll, silence);
    const second = abortAfter(1_000);
    expect(await rejection(resume(service).result({ signal: second.signal }))).toBe(second.reason);
  });

  test("A wait with a signal that has aborted asks nothing", async () => {
    const service = new Service();
    const signal = AbortSignal.abort(new Error("too late"));
    expect(await rejection(resume(service).result({ signal }))).toBe(signal.reason);
    expect(await rejection(resume(service).steps({ signal }).next())).toBe(signal.reason);
    expect(service.sent).toEqual([]);
  });

  test("A signal that lives on is not listened to any more after a run", async () => {
    const { control, listeners } = countedSignal();
    const service = version.set(new Service()).on(version.poll, version.running, version.running, version.ended);
    const run = resume(service);
    await run.result({ signal: control.signal, onStep: () => {} });
    for await (const _ of run.steps({ signal: control.signal })) break;
    expect(listeners()).toBe(0);
  });

  test("What onStep throws ends the wait; a run that was resumed goes on", async () => {
    const service = version.set(new Service());
    const mine = new Error("mine");
    const result = resume(service).result({
      onStep: () => {
        throw mine;
      },
    });
    expect(await rejection(result)).toBe(mine);
    expect(service.count(version.stop)).toBe(0);
  });

  test("An agent that has not reached its goal has answered all the same", async () => {
    expect(await resume(version.set(new Service(), false)).result()).toMatchObject({ success: false });
  });

  test("A run that is written down and read again is the same run", async () => {
    const service = version.set(new Service());
    const run = resume(service);
    const again = service.client().resume(JSON.parse(JSON.stringify({ run })).run);
    expect(again.toJSON()).toEqual(version.reference);
    expect(again).toMatchObject({ id: run.id, sessionId: "s1", apiVersion: version.reference.apiVersion });
    expect(await again.result()).toMatchObject({ success: true });
  });

  test("A schema can be given when a run is picked up", async () => {
    const service = version.set(new Service());
    const run = service.client().resume(version.reference, { schema: READ_TOTAL });
    expect((await run.result()).output).toBe(42);
  });

  test("An answer that does not fit is kept on the error", async () => {
    const service = version.set(new Service());
    const error = await rejection(service.client().resume(version.reference, { schema: REFUSE }).result());
    expect(error).toBeInstanceOf(OutputValidationError);
    expect(error).toMatchObject({
      code: "output_validation",
      issues: [{ path: [], message: "never good enough" }],
      cause: new Error("never good enough"),
      result: { success: true, output: version === V2 ? '{"total":42}' : { total: 42 } },
    });
  });

  test("A wait is over in time, and ends with the caller's signal, whatever the schema's validator does", async () => {
    const service = version.set(new Service());
    const schema = { jsonSchema: { type: "object" }, validate: () => new Promise<never>(() => {}) };
    const run = service.client().resume(version.reference, { schema });
    expect(await rejection(run.result({ waitTimeoutMs: 5_000 }))).toMatchObject({ code: "timeout" });
    const { signal, reason } = abortAfter(3_000);
    expect(await rejection(run.result({ signal }))).toBe(reason);
  });

  test("A run is no promise", async () => {
    const run = resume(new Service());
    expect("then" in run).toBe(false);
    expect(await run).toBe(run);
  });

  test("Asking for several results at once gives each the same answer", async () => {
    const service = version.set(new Service()).on(version.poll, version.running, version.ended);
    const run = resume(service);
    const [one, two] = await Promise.all([run.result(), run.result({ onStep: () => {} })]);
    expect(one).toEqual(two);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("A wait of %s ms is refused", async (waitTimeoutMs) => {
    const service = new Service();
    expect(await rejection(resume(service).result({ waitTimeoutMs }))).toBeInstanceOf(InvalidInputError);
    expect(service.sent).toEqual([]);
  });

  test("An option that nobody reads is refused", async () => {
    const run = resume(new Service());
    const misspelled = { waitTimeout: 5 } as object;
    expect(await rejection(run.result(misspelled))).toBeInstanceOf(InvalidInputError);
    expect(await rejection(run.steps(misspelled).next())).toBeInstanceOf(InvalidInputError);
  });

  test("Results of runs that ended without an answer are kept on the error", async () => {
    const stopped = version === V2 ? v2Task({ status: "stopped" }) : v3View({ status: "stopped", stepCount: 4 });
    const service = version.set(new Service()).on(version.poll, stopped).on(version.whole, stopped);
    const error = await rejection(resume(service).result());
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error).toMatchObject({ result: { status: "stopped", raw: { status: "stopped" } } });
  });
});

const wrong: readonly [string, unknown][] = [
  ["nothing", undefined],
  ["null", null],
  ["a text", "t1"],
  ["no version", { id: "t1", sessionId: "s1" }],
  ["a version to come", { apiVersion: "v9", id: "t1", sessionId: "s1" }],
  ["no id", { apiVersion: "v2", sessionId: "s1" }],
  ["an id that changes the path", { apiVersion: "v2", id: "..", sessionId: "s1" }],
  ["an empty session id", { apiVersion: "v2", id: "t1", sessionId: " " }],
  ["v3 without a baseline", { apiVersion: "v3", id: "s1", sessionId: "s1" }],
  ["a baseline of another shape", { apiVersion: "v3", id: "s1", sessionId: "s1", baseline: { stepCount: "3" } }],
  ["steps that are no number", { ...V3.reference, baseline: { ...BASELINE, stepCount: null } as object }],
];

test.each(wrong)("A reference with %s is refused before anything is sent", (_, reference) => {
  const client = new BrowserUse({ apiKey: "k", baseUrl: "https://cloud.test/api" });
  expect(() => client.resume(reference as RunReference)).toThrow(InvalidInputError);
});

test("A task that is gone ends the wait as not found", async () => {
  const service = new Service().on(V2.poll, refusal(404, "Task not found"));
  expect(await rejection(service.client().resume(V2.reference).result())).toBeInstanceOf(NotFoundError);
});
