import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Emulator, startEmulator } from "../../src/emulator/index.ts";
import { BrowserUse, type BrowserUseOptions, type ClientEvent, InvalidInputError } from "../../src/index.ts";
import { rejection } from "../support/clients.ts";
import { answer, delayed, refusal, reset, Service, silence, useFastTime } from "../support/service.ts";
import { browser, v3View } from "../support/views.ts";

type EventOf<Type extends ClientEvent["type"]> = Extract<ClientEvent, { readonly type: Type }>;

function only<Type extends ClientEvent["type"]>(events: readonly ClientEvent[], ...types: Type[]): EventOf<Type>[] {
  return events.filter((event): event is EventOf<Type> => types.some((type) => type === event.type));
}

/** A client whose events are kept. */
function listening(service: Service, options: BrowserUseOptions = {}) {
  const events: ClientEvent[] = [];
  return { events, browserUse: service.client({ ...options, onEvent: (event) => void events.push(event) }) };
}

describe("a retry", () => {
  useFastTime();
  afterEach(() => vi.restoreAllMocks());

  test("is told before it is waited for: which attempt failed, why, and how long the wait is", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const service = new Service().on("GET /v3/profiles/p1", answer(503), reset(), silence, { id: "p1" });
    const { browserUse, events } = listening(service, { timeoutMs: 5_000 });
    await browserUse.profiles.get("p1");
    const operation = "GET /v3/profiles/{profile_id}";
    expect(events).toEqual([
      { type: "retry", operation, attempt: 1, delayMs: 250, status: 503, fault: undefined },
      { type: "retry", operation, attempt: 2, delayMs: 500, status: undefined, fault: "ECONNRESET" },
      { type: "retry", operation, attempt: 3, delayMs: 1_000, status: undefined, fault: "timeout" },
    ]);
  });

  test("is not told when there is none: of a success, of a last attempt, of what must not be sent again", async () => {
    const service = new Service()
      .on("GET /v3/profiles/p1", { id: "p1" }, refusal(404, "no"), answer(500))
      .on("POST /v3/profiles", answer(500));
    const { browserUse, events } = listening(service, { maxRetries: 0 });
    await browserUse.profiles.get("p1");
    await rejection(browserUse.profiles.get("p1"));
    await rejection(browserUse.profiles.get("p1"));
    await rejection(browserUse.profiles.create({ name: "a" }));
    expect(events).toEqual([]);
  });
});

describe("what lives", () => {
  useFastTime();

  test("is told of when it opens and when its end is seen, once, with how long it took and lived", async () => {
    const service = new Service()
      .on("POST /v3/sessions", delayed(400, v3View()))
      .on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }))
      .on("GET /v3/sessions/s1", v3View({ status: "stopped" }));
    const { browserUse, events } = listening(service);
    const session = await browserUse.v3.sessions.open();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await session.stop();
    await session.refresh();
    await browserUse.close();
    expect(events).toEqual([
      { type: "opened", kind: "v3.session", sessionId: "s1", tookMs: expect.closeTo(400, -1) },
      { type: "stopped", kind: "v3.session", sessionId: "s1", livedMs: expect.closeTo(3_000, -1) },
    ]);
  });

  test("is told of when it is over as soon as it is there", async () => {
    const service = new Service().on("POST /v3/browsers", browser({ status: "stopped" }));
    const { browserUse, events } = listening(service);
    await browserUse.browsers.open();
    expect(events.map(({ type }) => type)).toEqual(["opened", "stopped"]);
  });

  test("is told of though its opener has left", async () => {
    const service = new Service()
      .on("POST /v3/sessions", delayed(400, v3View()))
      .on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }));
    const { browserUse, events } = listening(service);
    await rejection(browserUse.v3.sessions.open({}, { signal: AbortSignal.abort() }));
    const control = new AbortController();
    const opening = rejection(browserUse.v3.sessions.open({}, { signal: control.signal }));
    control.abort(new Error("left"));
    await opening;
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toEqual(["opened", "stopped"]));
  });

  test.each([
    ["full", "concurrency_limit", refusal(429, "Too many concurrent active sessions")],
    ["refused", "insufficient_credits", refusal(402, "Insufficient credits")],
    ["unknown", "connection", reset()],
  ])("is told of when it does not open, and whether it may have: %s, %s", async (failure, code, reply) => {
    const service = new Service().on("POST /v3/browsers", reply);
    const { browserUse, events } = listening(service, { maxRetries: 0 });
    await rejection(browserUse.browsers.open());
    expect(events).toEqual([{ type: "openFailed", kind: "browser", failure, code }]);
  });

  test("is told of when a stop was not confirmed, and why", async () => {
    const service = new Service()
      .on("POST /v2/tasks", { id: "t1", sessionId: "s1" })
      .on("GET /v2/tasks/t1/status", refusal(404, "gone"))
      .on("PATCH /v2/sessions/s1", refusal(403, "no"));
    const { browserUse, events } = listening(service, { onSessionNotStopped: () => {} });
    await rejection(browserUse.v2.run("Look"));
    const lives = only(events, "opened", "stopped", "stopFailed");
    expect(lives).toEqual([
      { type: "opened", kind: "v2.session", sessionId: "s1", tookMs: expect.any(Number) },
      { type: "stopFailed", kind: "v2.session", sessionId: "s1", code: "api_error" },
    ]);
  });

  test("is told of to one client alone, and not of what is only attached", async () => {
    const service = new Service()
      .on("POST /v3/sessions", v3View())
      .on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }));
    const { browserUse, events } = listening(service);
    await service.client().v3.sessions.use({}, () => {});
    await browserUse.v3.sessions.attach("s1").stop();
    expect(events).toEqual([]);
  });
});

describe("a listener", () => {
  useFastTime();

  test.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("mine");
      },
    ],
    ["rejects", () => Promise.reject(new Error("mine"))],
    ["never ends", () => new Promise(() => {})],
  ])("that %s harms nobody", async (_, onEvent) => {
    const service = new Service()
      .on("POST /v3/sessions", v3View())
      .on("POST /v3/sessions/s1/stop", answer(503), v3View({ status: "stopped" }));
    const browserUse = service.client({ onEvent });
    expect(await browserUse.v3.sessions.use({}, () => 42)).toBe(42);
    expect(service.count("POST /v3/sessions/s1/stop")).toBe(2);
    await browserUse.close();
  });

  test.each([5, "log", {}])("must be a function: %j is refused", (onEvent) => {
    expect(() => new Service().client({ onEvent: onEvent as never })).toThrow(InvalidInputError);
  });
});

describe("events of real work", () => {
  const SECRETS = ["Buy the red shoes", "hunter2", "red-shoes.txt", "4711-0815", "the answer", "proxy-password"];
  let emulator: Emulator;

  beforeEach(async () => {
    emulator = await startEmulator({ onTask: () => "the answer" });
    return () => emulator.close();
  });

  async function work(options: BrowserUseOptions): Promise<void> {
    const browserUse = new BrowserUse({ baseUrl: emulator.url, apiKey: emulator.apiKey, ...options });
    for (const path of [/^\/s3\//, /^\/v2\/tasks\/.*status/, /^\/v3\/sessions\/[^/]+$/, /stop$/]) {
      emulator.fail({ path, status: 503, body: { detail: SECRETS.join() } });
    }
    const customProxy = { host: "proxy.test", port: 1, username: "4711-0815", password: "proxy-password" };
    await browserUse.v2.sessions.use({ customProxy }, async (session) => {
      await session.upload({ name: "red-shoes.txt", data: new TextEncoder().encode("4711-0815"), type: "text/plain" });
      await session.run("Buy the red shoes", { secrets: { shop: "hunter2" } });
    });
    await browserUse.v3.run("Buy the red shoes", { sensitiveData: { shop: "hunter2" } });
    emulator.fail({ method: "POST", path: "/v2/tasks", status: 422, body: { detail: SECRETS.join() } });
    await rejection(browserUse.v2.run("Buy the red shoes"));
    await browserUse.close();
  }

  test("are plain data, and hold no key, task, answer, secret, file name or URL", async () => {
    const events: ClientEvent[] = [];
    await work({ onEvent: (event) => void events.push(event) });
    const types = events.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["retry", "opened", "stopped", "openFailed"]));
    expect(only(events, "retry").map(({ operation }) => operation)).toContain("POST /v3/sessions/{session_id}/stop");
    expect(structuredClone(events)).toEqual(events);
    const text = JSON.stringify(events);
    for (const secret of [...SECRETS, emulator.apiKey, "http", "X-Amz", "127.0.0.1"])
      expect(text).not.toContain(secret);
  });

  test("change nothing about what is sent", async () => {
    const sent = async (options: BrowserUseOptions) => {
      const { length } = emulator.requests;
      await work(options);
      const isPoll = ({ method }: { readonly method: string }) => method === "GET";
      return emulator.requests.slice(length).flatMap((request) => (isPoll(request) ? [] : [request.method]));
    };
    expect(await sent({ onEvent: () => {} })).toEqual(await sent({}));
  });
});
