import { getEventListeners } from "node:events";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  ApiError,
  type BrowserUseOptions,
  ConnectionError,
  InvalidInputError,
  TimeoutError,
} from "../../../src/index.ts";
import { API_KEY, callOperation, clientOf, rejection } from "../../support/clients.ts";
import {
  type Act,
  drip,
  fail,
  head,
  json,
  raw,
  rawThenFin,
  rawThenRst,
  reply,
  rst,
  silence,
  stallInBody,
  startFaultServer,
} from "../../support/fault-server.ts";

const KEY = "x-browser-use-api-key";
const JSON_TYPE = { "Content-Type": "application/json" };

beforeEach(() => {
  // Full jitter times nothing: retries follow at once.
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => vi.restoreAllMocks());

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

describe("time limits", () => {
  const once = { maxRetries: 0 };

  test("timeoutMs covers the body: headers alone do not stop the clock", async () => {
    const server = await startFaultServer(stallInBody);
    const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", { timeoutMs: 200, ...once }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ operation: "GET /v3/profiles", timeoutMs: 200, code: "timeout" });
    expect((error as TimeoutError).cause).toMatchObject({ name: "TimeoutError" });
  });

  test.each([
    ["says nothing", silence],
    ["sends its headers a byte at a time", drip("HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20)],
    [
      "sends its body a byte at a time",
      (socket, request) => {
        raw(head(200, { ...JSON_TYPE, "Content-Length": "5000" }))(socket, request);
        drip(" ", 20)(socket, request);
      },
    ],
    ["sends only 1xx answers", drip("HTTP/1.1 103 Early Hints\r\n\r\n", 2)],
  ] satisfies [string, Act][])("a server that %s is left at timeoutMs", async (_, act) => {
    const server = await startFaultServer(act);
    const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", { timeoutMs: 250, ...once }));
    expect(error).toBeInstanceOf(TimeoutError);
  });

  test("the connection of an attempt that was given up is closed", async () => {
    const closed = vi.fn();
    const server = await startFaultServer((socket, request) => {
      socket.on("close", closed);
      stallInBody(socket, request);
    });
    await rejection(callOperation(clientOf(server), "GET /v3/profiles", { timeoutMs: 100, ...once }));
    await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(1));
  });

  test("totalTimeoutMs bounds all attempts together, and is the limit that the error names", async () => {
    const server = await startFaultServer(silence);
    const limits = { timeoutMs: 200, totalTimeoutMs: 500, maxRetries: 50 };
    const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", limits));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ timeoutMs: 500 });
    expect((error as Error).message).toContain("within 500 ms");
    expect(server.requests.length).toBeGreaterThanOrEqual(2);
    expect(server.requests.length).toBeLessThanOrEqual(4);
  });

  test("totalTimeoutMs bounds a single attempt that timeoutMs would let go on", async () => {
    const server = await startFaultServer(stallInBody);
    const took = await elapsedMs(() =>
      rejection(callOperation(clientOf(server), "GET /v3/profiles", { timeoutMs: 60_000, totalTimeoutMs: 200 })),
    );
    expect(took).toBeLessThan(5_000);
  });

  test("totalTimeoutMs bounds a Retry-After: the wait is not begun when it cannot end in time", async () => {
    const server = await startFaultServer(fail(429, "Slow down", { "Retry-After": "60" }));
    const took = await elapsedMs(async () => {
      const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", { totalTimeoutMs: 2_000 }));
      expect(error).toMatchObject({ status: 429, attempts: 1 });
    });
    expect(took).toBeLessThan(1_500);
  });

  test("a signal never switches timeoutMs off", async () => {
    const server = await startFaultServer(stallInBody);
    const { signal } = new AbortController();
    const call = callOperation(clientOf(server), "GET /v3/profiles", { signal, timeoutMs: 200, ...once });
    expect(await rejection(call)).toBeInstanceOf(TimeoutError);
  });

  test("a signal never switches totalTimeoutMs off", async () => {
    const server = await startFaultServer(stallInBody);
    const { signal } = new AbortController();
    const call = callOperation(clientOf(server), "GET /v3/profiles", { signal, totalTimeoutMs: 200, ...once });
    expect(await rejection(call)).toBeInstanceOf(TimeoutError);
  });

  test("a fetch that ignores its signal cannot outlive the limit", async () => {
    const client = clientOf({ url: "http://127.0.0.1:9" }, { fetch: () => new Promise(() => {}) });
    expect(await rejection(callOperation(client, "GET /v3/profiles", { timeoutMs: 100, ...once }))).toBeInstanceOf(
      TimeoutError,
    );
  });

  test("a body that ignores the signal cannot outlive the limit", async () => {
    const body = () => new ReadableStream({ pull: () => new Promise(() => {}) });
    const client = clientOf({ url: "http://127.0.0.1:9" }, { fetch: async () => new Response(body()) });
    expect(await rejection(callOperation(client, "GET /v3/profiles", { timeoutMs: 100, ...once }))).toBeInstanceOf(
      TimeoutError,
    );
  });

  test("a limit of the caller's own fetch is not passed off as this client's", async () => {
    const impatient = async () => Promise.reject(new DOMException("The caller's fetch gave up", "TimeoutError"));
    const client = clientOf({ url: "http://127.0.0.1:9" }, { fetch: impatient });
    const error = await rejection(callOperation(client, "GET /v3/profiles", once));
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as Error).cause).toMatchObject({ message: "The caller's fetch gave up" });
  });

  test.each([
    ["timeoutMs", 0],
    ["timeoutMs", -1],
    ["timeoutMs", Number.NaN],
    ["timeoutMs", Number.POSITIVE_INFINITY],
    ["timeoutMs", 2 ** 31],
    ["timeoutMs", "100"],
    ["totalTimeoutMs", 0],
    ["maxRetries", -1],
    ["maxRetries", 1.5],
    ["maxRetries", "3"],
  ])("%s of %s is refused, per call and per client", async (name, value) => {
    const server = await startFaultServer(json({}));
    const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", { [name]: value }));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as Error).message).toContain(name);
    expect(() => clientOf(server, { [name]: value } as BrowserUseOptions)).toThrow(InvalidInputError);
    expect(server.requests).toHaveLength(0);
  });

  test("the client's limits hold where the call brings none", async () => {
    const server = await startFaultServer(silence);
    const error = await rejection(callOperation(clientOf(server, { timeoutMs: 150, ...once }), "GET /v3/profiles"));
    expect(error).toMatchObject({ code: "timeout", timeoutMs: 150 });
  });
});

describe("abort", () => {
  const reason = { the: "caller's own" };

  test("before the call: rejects with the reason itself, and nothing is sent", async () => {
    const server = await startFaultServer(json({}));
    const signal = AbortSignal.abort(reason);
    const client = clientOf(server);
    const middleware = { onRequest: vi.fn() };
    client.api.use(middleware);
    expect(await rejection(callOperation(client, "POST /v3/sessions", { body: {}, signal }))).toBe(reason);
    expect(server.requests).toHaveLength(0);
    expect(middleware.onRequest).not.toHaveBeenCalled();
  });

  test.each([
    ["while the server is silent", silence],
    ["in the body", stallInBody],
    ["in the wait before a retry", fail(429, "Slow down", { "Retry-After": "30" })],
  ])("%s: rejects with the reason itself, at once", async (_, act) => {
    const control = new AbortController();
    const server = await startFaultServer(act);
    const call = rejection(callOperation(clientOf(server), "GET /v3/profiles", { signal: control.signal }));
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const took = await elapsedMs(async () => {
      control.abort(reason);
      expect(await call).toBe(reason);
    });
    expect(took).toBeLessThan(3_000);
    expect(server.requests).toHaveLength(1);
  });

  test("of a call that would not be retried: rejects with the reason itself", async () => {
    for (const init of [{ maxRetries: 0 }, { body: {} }]) {
      const control = new AbortController();
      const server = await startFaultServer(silence);
      const call = rejection(callOperation(clientOf(server), "POST /v3/sessions", { signal: control.signal, ...init }));
      await vi.waitFor(() => expect(server.requests).toHaveLength(1));
      control.abort(reason);
      expect(await call).toBe(reason);
    }
  });

  test.each([undefined, null, 0, "", "text", new Error("mine")])(
    "a reason of %s comes back as it is",
    async (given) => {
      const control = new AbortController();
      const server = await startFaultServer(silence);
      const call = rejection(callOperation(clientOf(server), "GET /v3/profiles", { signal: control.signal }));
      await vi.waitFor(() => expect(server.requests).toHaveLength(1));
      control.abort(given);
      expect(await call).toBe(control.signal.reason);
    },
  );

  test("a fetch that ignores its signal cannot hold the caller", async () => {
    const control = new AbortController();
    const client = clientOf({ url: "http://127.0.0.1:9" }, { fetch: () => new Promise(() => {}) });
    const call = rejection(callOperation(client, "GET /v3/profiles", { signal: control.signal }));
    setTimeout(() => control.abort(reason), 50);
    expect(await call).toBe(reason);
  });

  test("an AbortSignal.timeout of the caller's rejects with its own reason, not with a TimeoutError of this package", async () => {
    const server = await startFaultServer(silence);
    const signal = AbortSignal.timeout(100);
    const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", { signal }));
    expect(error).toBe(signal.reason);
  });

  test("a signal that is none, such as the controller itself, is refused", async () => {
    const server = await startFaultServer(json({}));
    const error = await rejection(
      callOperation(clientOf(server), "GET /v3/profiles", { signal: new AbortController() }),
    );
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as Error).message).toContain("signal");
    expect(server.requests).toHaveLength(0);
  });

  test("a long-lived signal keeps no listener, after 1,000 calls that succeed, fail, time out or are retried", async () => {
    const { signal } = new AbortController();
    let calls = 0;
    const answers = [
      async () => Response.json({}),
      async () => Response.json({ detail: "No" }, { status: 400 }),
      async () => Response.json({ detail: "Later" }, { status: 503 }),
      async () => Promise.reject(new TypeError("fetch failed")),
      () => new Promise<Response>(() => {}),
    ];
    const fetch = () => answers[calls++ % answers.length]?.() ?? Promise.reject(new Error("unreachable"));
    const client = clientOf({ url: "http://127.0.0.1:9" }, { fetch, timeoutMs: 20, maxRetries: 1 });
    const call = () => callOperation(client, "GET /v3/profiles", { signal }).catch(() => {});
    // Ten at a time: Node warns of the eleventh listener, whoever adds it.
    for (let round = 0; round < 101; round++) await Promise.all(Array.from({ length: 10 }, call));
    expect(calls).toBeGreaterThan(1_000);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("answers that cannot be read", () => {
  test.each([
    ["an empty 200", reply(), 200],
    ["an empty chunked 200", raw(`${head(200, { "Transfer-Encoding": "chunked" })}0\r\n\r\n`), 200],
    ["HTML with 200", reply({ body: "<html>Sign in to the hotel's network</html>" }), 200],
    ["JSON null where an object is expected", json(null), 200],
    ["JSON text where an object is expected", reply({ headers: JSON_TYPE, body: '"text"' }), 200],
    ["a JSON number where an object is expected", json(5), 200],
    ["a JSON array where an object is expected", json([]), 200],
    ["204 where an object is expected", reply({ status: 204 }), 204],
  ])("%s is an ApiError, with the outcome unknown after a create", async (_, act, status) => {
    const server = await startFaultServer(act);
    const error = await rejection(callOperation(clientOf(server), "POST /v3/profiles", { body: {} }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: "api_error", status, attempts: 1, outcome: "unknown" });
    expect((error as Error).message).toMatch(/POST \/v3\/profiles answered 20\d with a body that is/);
    expect(server.requests).toHaveLength(1);
  });

  test("204 is a success without data where the spec says so", async () => {
    const server = await startFaultServer(reply({ status: 204 }));
    const { data, response } = await callOperation(clientOf(server), "DELETE /v3/profiles/{profile_id}");
    expect(data).toBeUndefined();
    expect(response.status).toBe(204);
  });

  test("an empty 200 is as good as the 204 that the spec says; HTML with 200 is not", async () => {
    const operation = "DELETE /v3/profiles/{profile_id}";
    expect((await callOperation(clientOf(await startFaultServer(reply())), operation)).data).toBeUndefined();
    const portal = await startFaultServer(reply({ body: "<html>Sign in</html>" }));
    expect(await rejection(callOperation(clientOf(portal), operation))).toMatchObject({ status: 200, attempts: 4 });
  });

  test("an empty 500 throws", async () => {
    const server = await startFaultServer(fail(500));
    const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", { maxRetries: 0 }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 500, body: "" });
    expect((error as Error).message).toContain("500");
  });

  test.each([
    [
      "a Content-Length that is too long",
      rawThenFin(`${head(200, { ...JSON_TYPE, "Content-Length": "50" })}{"id":"1"}`),
    ],
    [
      "two Content-Lengths that differ",
      rawThenFin(`HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 2\r\n\r\n{"id":"1"}`),
    ],
    ["a Content-Length that is no number", rawThenFin(`${head(200, { "Content-Length": "-5" })}{"id":"1"}`)],
    [
      "gzip that is garbage",
      rawThenFin(`${head(200, { "Content-Encoding": "gzip", "Content-Length": "10" })}0123456789`),
    ],
    [
      "a chunk length that is none",
      rawThenFin(`${head(200, { "Transfer-Encoding": "chunked" })}zz\r\n{}\r\n0\r\n\r\n`),
    ],
    ["a status line that is none", rawThenFin("SSH-2.0-OpenSSH_9.2\r\n\r\n")],
    ["status 0", rawThenFin(`HTTP/1.1 0 Nothing\r\nContent-Length: 2\r\n\r\n{}`)],
    ["status 1000", rawThenFin(`HTTP/1.1 1000 Much\r\nContent-Length: 2\r\n\r\n{}`)],
    ["a body that a reset cuts", rawThenRst(`${head(200, { ...JSON_TYPE, "Content-Length": "50" })}{"id":"1"`)],
    ["headers without an end", rawThenFin(`HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(100_000)}`)],
  ])("%s is a ConnectionError with its cause", async (_, act) => {
    const server = await startFaultServer(act);
    const error = await rejection(callOperation(clientOf(server), "POST /v3/profiles", { body: {} }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({
      code: "connection",
      operation: "POST /v3/profiles",
      attempts: 1,
      outcome: "unknown",
    });
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  test("a Content-Length that is too short gives what was announced, which is no JSON", async () => {
    const server = await startFaultServer(rawThenFin(`${head(200, { "Content-Length": "5" })}{"id":"1"}`));
    expect(await rejection(callOperation(clientOf(server), "POST /v3/profiles", { body: {} }))).toMatchObject({
      status: 200,
      outcome: "unknown",
    });
  });

  test.each([599, 600, 999])("status %i is an ApiError", async (status) => {
    const server = await startFaultServer(fail(status, "Odd"));
    expect(await rejection(callOperation(clientOf(server), "GET /v3/profiles", { maxRetries: 0 }))).toMatchObject({
      code: "api_error",
      status,
    });
  });

  test("an answer that is right is taken as it is: gzip, a byte-order mark, early hints, another charset, any content type", async () => {
    const body = JSON.stringify({ id: "ü" });
    const bytes = gzipSync(`\uFEFF${body}`);
    const headers = { "Content-Encoding": "gzip", "Content-Type": "text/plain; charset=latin1" };
    const server = await startFaultServer((socket) => {
      socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
      socket.write(head(200, { ...headers, "Content-Length": String(bytes.length) }));
      socket.write(bytes);
    });
    const { data } = await callOperation(clientOf(server), "GET /v3/profiles");
    expect(data).toEqual({ id: "ü" });
  });

  test("a huge answer is read whole", async () => {
    const items = Array.from({ length: 50_000 }, (_, index) => ({ id: `${index}`.padStart(100, "0") }));
    const server = await startFaultServer(json({ items }));
    const { data } = await callOperation(clientOf(server), "GET /v3/profiles");
    expect((data as { items: unknown[] }).items).toHaveLength(50_000);
  });

  test("fields named __proto__ stay fields, and change no prototype", async () => {
    const body = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"detail":"No"}';
    const server = await startFaultServer(reply({ body }), reply({ status: 400, body }));
    const { data } = await callOperation(clientOf(server), "GET /v3/profiles");
    const error = (await rejection(callOperation(clientOf(server), "GET /v3/profiles"))) as ApiError;
    for (const value of [{}, data, error.body]) expect((value as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(error.body as object)).toContain("__proto__");
  });
});

describe("the key", () => {
  test.each([301, 302, 303, 307, 308])(
    "a %i to another origin is not followed, and that origin sees nothing",
    async (status) => {
      const other = await startFaultServer(json({}));
      const server = await startFaultServer(
        reply({ status, headers: { Location: `${other.origin}/api/v3/profiles` } }),
      );
      for (const operation of ["GET /v3/profiles", "POST /v3/profiles", "DELETE /v3/profiles/{profile_id}"]) {
        const error = await rejection(callOperation(clientOf(server), operation));
        expect(error).toMatchObject({ code: "api_error", status });
        expect((error as Error).message).toContain("redirect");
      }
      expect(other.requests).toHaveLength(0);
      expect(server.requests).toHaveLength(3);
    },
  );

  test("a redirect within the origin is not followed either", async () => {
    const server = await startFaultServer(reply({ status: 307, headers: { Location: "/api/v3/profiles" } }), json({}));
    expect(await rejection(callOperation(clientOf(server), "GET /v3/profiles"))).toMatchObject({ status: 307 });
    expect(server.requests).toHaveLength(1);
  });

  test("it goes with every request to the base URL's origin, once", async () => {
    const server = await startFaultServer(rst, json({}));
    await callOperation(clientOf(server), "GET /v3/profiles");
    expect(server.requests.map(({ headers }) => headers[KEY])).toEqual([API_KEY, API_KEY]);
  });

  test("it does not go to another origin, even when middleware sends the request there", async () => {
    const other = await startFaultServer(json({ from: "other" }));
    const server = await startFaultServer(json({}));
    const client = clientOf(server);
    client.api.use({ onRequest: ({ request }) => new Request(`${other.origin}/v3/profiles`, request) });
    expect((await callOperation(client, "GET /v3/profiles")).data).toEqual({ from: "other" });
    expect(other.requests).toHaveLength(1);
    expect(other.requests[0]?.headers).not.toHaveProperty(KEY);
    expect(JSON.stringify(other.requests)).not.toContain(API_KEY);
  });

  test("it is in no URL and in no body", async () => {
    const server = await startFaultServer(json({}));
    await callOperation(clientOf(server), "POST /v3/sessions", { body: { task: "Look" } });
    const [request] = server.requests;
    expect(`${request?.path} ${request?.body}`).not.toContain(API_KEY);
  });
});

describe("fetch", () => {
  test("the global one is looked up at each call", async () => {
    const server = await startFaultServer(json({}));
    const client = clientOf(server);
    const replacement = vi.spyOn(globalThis, "fetch").mockResolvedValue(Response.json({ from: "replacement" }));
    expect((await callOperation(client, "GET /v3/profiles")).data).toEqual({ from: "replacement" });
    replacement.mockRestore();
    expect((await callOperation(client, "GET /v3/profiles")).data).toEqual({});
  });

  test("one of the caller's own gets one complete Request and nothing else", async () => {
    const seen: unknown[][] = [];
    const fetch = async (...given: unknown[]) => {
      seen.push(given);
      return Response.json({});
    };
    const client = clientOf({ url: "https://cloud.test/api" }, { fetch, headers: { "X-Trace": "t1" } });
    const { signal } = new AbortController();
    await callOperation(client, "POST /v3/sessions", { body: { task: "Look" }, query: { a: "b c" }, signal });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toHaveLength(1);
    const request = seen[0]?.[0] as Request;
    expect(request).toBeInstanceOf(Request);
    expect(request).toMatchObject({
      method: "POST",
      url: "https://cloud.test/api/v3/sessions?a=b%20c",
      redirect: "manual",
    });
    expect(request.signal.aborted).toBe(false);
    expect(request.headers.get(KEY)).toBe(API_KEY);
    expect(request.headers.get("X-Trace")).toBe("t1");
    expect(request.headers.get("Content-Type")).toBe("application/json");
    expect(await request.json()).toEqual({ task: "Look" });
  });

  test("each attempt gets a fresh Request, whose body can be read again", async () => {
    const bodies: string[] = [];
    const fetch = async (request: Request) => {
      bodies.push(await request.text());
      return bodies.length < 3
        ? Response.json({}, { status: 503, headers: { "Retry-After": "0" } })
        : Response.json({});
    };
    await callOperation(clientOf({ url: "https://cloud.test/api" }, { fetch }), "POST /v3/sessions", {
      body: { a: 1 },
    });
    expect(bodies).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
  });

  test("its signal aborts at the limit, and with the caller's reason when the caller aborts", async () => {
    let seen: AbortSignal | undefined;
    const fetch = (request: Request) => {
      seen = request.signal;
      return new Promise<Response>(() => {});
    };
    const client = clientOf({ url: "https://cloud.test/api" }, { fetch, maxRetries: 0 });
    await rejection(callOperation(client, "GET /v3/profiles", { timeoutMs: 50 }));
    expect(seen?.reason).toMatchObject({ name: "TimeoutError" });
    const control = new AbortController();
    const call = rejection(callOperation(client, "GET /v3/profiles", { signal: control.signal }));
    await vi.waitFor(() => expect(seen?.aborted).toBe(false));
    control.abort("mine");
    await call;
    expect(seen?.reason).toBe("mine");
  });

  test.each([
    ["nothing", () => undefined],
    ["something that is no Response", () => ({ ok: true, status: 200 })],
    ["a Response that was read before", () => read(Response.json({}))],
    ["an error that is no Error", () => Promise.reject("offline")],
  ])("one that gives %s is a ConnectionError", async (_, answer) => {
    const fetch = async () => answer() as unknown as Response;
    const client = clientOf({ url: "https://cloud.test/api" }, { fetch, maxRetries: 0 });
    expect(await rejection(callOperation(client, "GET /v3/profiles"))).toBeInstanceOf(ConnectionError);
  });
});

describe("the file store", () => {
  const file = { name: "a.txt", data: new TextEncoder().encode("hello"), type: "text/plain" };
  const form = (url: string) =>
    json({ url, method: "POST", fields: { key: "k", policy: "p" }, fileName: "a.txt", expiresIn: 120 });

  test("gets the file with its length, and neither the key nor the client's headers", async () => {
    const store = await startFaultServer(rst, reply({ status: 204 }));
    const server = await startFaultServer(form(`${store.origin}/bucket`));
    const client = clientOf(server, { headers: { "X-Team": "support" } });
    expect(await client.v2.sessions.attach("s-1").upload(file)).toMatchObject([{ fileName: "a.txt", sizeBytes: 5 }]);
    expect(store.requests).toHaveLength(2);
    for (const { headers, body } of store.requests) {
      expect(headers).not.toHaveProperty(KEY);
      expect(headers).not.toHaveProperty("x-team");
      expect(headers).not.toHaveProperty("transfer-encoding");
      expect(Number(headers["content-length"])).toBe(body.length);
      expect(body).toContain("hello");
    }
  });

  test("cannot send the file on to somebody else", async () => {
    const other = await startFaultServer(reply({ status: 204 }));
    const store = await startFaultServer(reply({ status: 307, headers: { Location: other.origin } }));
    const server = await startFaultServer(form(`${store.origin}/bucket`));
    const error = await rejection(clientOf(server).v2.sessions.attach("s-1").upload(file));
    expect(error).toMatchObject({ code: "upload", fileName: "a.txt" });
    expect(other.requests).toHaveLength(0);
  });
});

async function read(response: Response): Promise<Response> {
  await response.text();
  return response;
}
