import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { parseRetryAfter, retryDelayMs } from "../../../src/facade/call/retry.ts";
import { answers, repeatable } from "../../../src/generated/limits.ts";
import { type ApiError, ConnectionError, NotFoundError, TimeoutError } from "../../../src/index.ts";
import { callOperation, clientOf, rejection } from "../../support/clients.ts";
import {
  type Act,
  fail,
  fin,
  json,
  rawThenRst,
  refusedUrl,
  reply,
  rst,
  silence,
  stallInBody,
  startFaultServer,
  truncated,
  truncatedChunked,
} from "../../support/fault-server.ts";

interface Spec {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses?: Record<string, unknown> }>>>>;
}
const spec: Spec = parse(readFileSync(new URL("../../../src/generated/openapi.yaml", import.meta.url), "utf8"));
const operations = Object.entries(spec.paths).flatMap(([path, methods]) =>
  Object.keys(methods)
    .filter((method) => methods[method]?.responses)
    .map((method) => `${method.toUpperCase()} ${path}`),
);

const REPEATABLE = operations.filter(
  (operation) => /^(GET|PUT|DELETE) /.test(operation) || repeatable.includes(operation),
);
const ONCE = operations.filter((operation) => !REPEATABLE.includes(operation));
const CREATES = ["POST /v2/sessions", "POST /v2/tasks", "POST /v3/sessions", "POST /v3/browsers", "POST /v3/profiles"];

/** Faults after which the service may have done what it was asked. */
const LOST: Record<string, Act> = {
  "a reset": rst,
  "an end of the connection": fin,
  "a reset in the middle of the answer": rawThenRst("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
  "JSON cut short": truncated,
  "JSON cut short in a way that node 20 does not notice": truncatedChunked,
  "HTML with 200": reply({ body: "<html></html>" }),
  "408": fail(408),
  "500": fail(500, "Internal Server Error"),
  "502": reply({ status: 502, body: "<html>Bad Gateway</html>" }),
  "503": fail(503),
  "504": fail(504),
  "520": fail(520),
  "529": fail(529, "Overloaded"),
};
/** Faults after which it surely has not. */
const REFUSED: Record<string, Act> = {
  "429": fail(429, "Too many requests"),
  "429 with Retry-After": fail(429, "Too many requests", { "Retry-After": "0" }),
  "503 with Retry-After": fail(503, "Down for maintenance", { "Retry-After": "0" }),
};

function success(operation: string): Act {
  return answers[operation] === "nothing" ? reply({ status: 204 }) : json({ id: "1" });
}

beforeEach(() => {
  // Full jitter times nothing: retries follow at once.
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => vi.restoreAllMocks());

describe("what may be sent twice", () => {
  test("the spec has operations of both kinds, and the creates are not repeatable", () => {
    expect(REPEATABLE.length).toBeGreaterThan(50);
    expect(ONCE).toEqual(expect.arrayContaining(CREATES));
    expect(operations).toEqual(expect.arrayContaining([...repeatable]));
  });

  test.each(Object.keys({ ...LOST, ...REFUSED }))(
    "every repeatable operation is sent again after %s",
    async (fault) => {
      const act = { ...LOST, ...REFUSED }[fault] ?? silence;
      for (const operation of REPEATABLE) {
        const server = await startFaultServer(act, success(operation));
        const { response } = await callOperation(clientOf(server), operation);
        expect({ operation, status: response.ok, sent: server.requests.length }).toEqual({
          operation,
          status: true,
          sent: 2,
        });
        expect(server.requests[1]).toEqual(server.requests[0]);
      }
    },
  );

  test.each(Object.keys(LOST))(
    "no create and no dispatch is sent again after %s: the outcome is unknown",
    async (fault) => {
      for (const operation of ONCE) {
        const server = await startFaultServer(LOST[fault] ?? silence, success(operation));
        const error = await rejection(callOperation(clientOf(server), operation, { body: {} }));
        expect(error).toMatchObject({ operation, attempts: 1, outcome: "unknown" });
        expect((error as Error).message).toContain("It may have been carried out: look before you repeat it.");
        expect({ operation, sent: server.requests.length }).toEqual({ operation, sent: 1 });
      }
    },
  );

  test.each([
    ["silence", silence],
    ["a stall in the body", stallInBody],
  ])("no create and no dispatch is sent again after %s and a timeout: the outcome is unknown", async (_, act) => {
    for (const operation of CREATES) {
      const server = await startFaultServer(act, success(operation));
      const error = await rejection(callOperation(clientOf(server), operation, { body: {}, timeoutMs: 100 }));
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ operation, outcome: "unknown" });
      expect(server.requests).toHaveLength(1);
    }
  });

  test.each(Object.keys(REFUSED))("creates and dispatches are sent again after %s", async (fault) => {
    for (const operation of ONCE) {
      const server = await startFaultServer(REFUSED[fault] ?? silence, success(operation));
      const { data } = await callOperation(clientOf(server), operation, { body: { task: "Look" } });
      expect(data).toEqual({ id: "1" });
      expect(server.requests).toHaveLength(2);
      expect(server.requests[1]?.body).toBe('{"task":"Look"}');
    }
  });

  test("creates and dispatches are sent again after a refused connection", async () => {
    const closed = await refusedUrl();
    for (const operation of CREATES) {
      const server = await startFaultServer(success(operation));
      let attempts = 0;
      const fetch = (request: Request) => globalThis.fetch(attempts++ === 0 ? new Request(closed, request) : request);
      const { data } = await callOperation(clientOf(server, { fetch }), operation, { body: {} });
      expect(data).toEqual({ id: "1" });
      expect(attempts).toBe(2);
    }
  });

  test("a connection that is refused to the end is known not to have been carried out", async () => {
    const url = `${await refusedUrl()}/api`;
    const error = await rejection(callOperation(clientOf({ url }), "POST /v3/sessions", { body: {} }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ attempts: 4, operation: "POST /v3/sessions" });
    expect(error).not.toHaveProperty("outcome");
    expect((error as Error).message).toBe("POST /v3/sessions got no answer (ECONNREFUSED, attempt 4).");
    expect((error as Error).cause).toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });

  test.each(["ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"])("creates are sent again after %s", async (code) => {
    let attempts = 0;
    const noSuchHost = () => new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
    const fetch = async () => (attempts++ === 0 ? Promise.reject(noSuchHost()) : Response.json({ id: "1" }));
    const client = clientOf({ url: "https://cloud.test/api" }, { fetch });
    await callOperation(client, "POST /v3/sessions", { body: {} });
    expect(attempts).toBe(2);
  });

  test("a refusal after which the answer is lost is not repeated a third time", async () => {
    const server = await startFaultServer(fail(429, "Later"), rst, json({ id: "1" }));
    const error = await rejection(callOperation(clientOf(server), "POST /v3/sessions", { body: {} }));
    expect(error).toMatchObject({ code: "connection", attempts: 2, outcome: "unknown" });
    expect(server.requests).toHaveLength(2);
  });

  test.each([400, 401, 402, 403, 404, 409, 422, 501])(
    "%i is final, and nothing is unknown about it",
    async (status) => {
      for (const operation of ["GET /v3/profiles", "DELETE /v3/profiles/{profile_id}", "POST /v3/sessions"]) {
        const server = await startFaultServer(fail(status, "No"), json({}));
        const error = await rejection(callOperation(clientOf(server), operation));
        expect(error).toMatchObject({ status, attempts: 1 });
        expect(error).not.toHaveProperty("outcome");
        expect(server.requests).toHaveLength(1);
      }
    },
  );

  test("a keep-alive connection that the server has dropped costs a GET nothing, and a create one unknown outcome", async () => {
    const server = await startFaultServer(json({}), rst, json({ id: "1" }), rst, json({ id: "2" }));
    const client = clientOf(server);
    await callOperation(client, "GET /v3/profiles");
    expect((await callOperation(client, "GET /v3/profiles")).data).toEqual({ id: "1" });
    expect(await rejection(callOperation(client, "POST /v3/profiles", { body: {} }))).toMatchObject({
      outcome: "unknown",
    });
    expect(server.requests).toHaveLength(4);
  });
});

describe("how often", () => {
  test("maxRetries is counted after the first attempt, and its default is 3", async () => {
    const server = await startFaultServer(fail(500));
    expect(await rejection(callOperation(clientOf(server), "GET /v3/profiles"))).toMatchObject({ attempts: 4 });
    expect(server.requests).toHaveLength(4);
  });

  test.each([0, 1, 5])("a maxRetries of %i is kept to, per call before per client", async (maxRetries) => {
    const server = await startFaultServer(rst);
    const call = callOperation(clientOf(server, { maxRetries: 2 }), "GET /v3/profiles", { maxRetries });
    expect(await rejection(call)).toMatchObject({ attempts: maxRetries + 1 });
    expect(server.requests).toHaveLength(maxRetries + 1);
  });

  test("a read that fails to the end has no unknown outcome; a DELETE has", async () => {
    const server = await startFaultServer(fail(500));
    expect(await rejection(callOperation(clientOf(server), "GET /v3/profiles"))).not.toHaveProperty("outcome");
    const gone = callOperation(clientOf(server), "DELETE /v3/profiles/{profile_id}");
    expect(await rejection(gone)).toMatchObject({ status: 500, outcome: "unknown" });
  });

  test("what was lost once stays unknown, whatever the service says afterwards", async () => {
    const server = await startFaultServer(rst, fail(403, "Not yours"));
    const error = await rejection(callOperation(clientOf(server), "DELETE /v3/profiles/{profile_id}"));
    expect(error).toMatchObject({ status: 403, attempts: 2, outcome: "unknown" });
  });

  test("a DELETE that is answered 404 after a lost reply is done", async () => {
    for (const lost of Object.values(LOST)) {
      const server = await startFaultServer(lost, fail(404, "Not found"));
      const { data, response } = await callOperation(clientOf(server), "DELETE /v3/profiles/{profile_id}");
      expect(data).toBeUndefined();
      expect(response.status).toBe(204);
    }
  });

  test("a DELETE that is answered 404 at once, or after a refusal, has found nothing", async () => {
    const server = await startFaultServer(fail(404, "Not found"));
    const operation = "DELETE /v3/profiles/{profile_id}";
    expect(await rejection(callOperation(clientOf(server), operation))).toBeInstanceOf(NotFoundError);
    const busy = await startFaultServer(fail(429, "Later"), fail(404, "Not found"));
    expect(await rejection(callOperation(clientOf(busy), operation))).toBeInstanceOf(NotFoundError);
  });

  test("a GET that is answered 404 after a lost reply has found nothing", async () => {
    const server = await startFaultServer(rst, fail(404, "Not found"));
    const call = callOperation(clientOf(server), "GET /v3/profiles/{profile_id}");
    expect(await rejection(call)).toBeInstanceOf(NotFoundError);
  });
});

describe("when", () => {
  test.each([
    ["seconds", () => "1"],
    ["an HTTP date", () => new Date(Date.now() + 2_000).toUTCString()],
  ])("Retry-After in %s is honoured, for creates as well", async (_, retryAfter) => {
    const startedAt = performance.now();
    const server = await startFaultServer(
      (socket, request) => fail(429, "Later", { "Retry-After": retryAfter() })(socket, request),
      json({ id: "1" }),
    );
    await callOperation(clientOf(server), "POST /v3/sessions", { body: {} });
    expect(performance.now() - startedAt).toBeGreaterThan(900);
    expect(server.requests).toHaveLength(2);
  });

  test.each([
    ["3600", "3600"],
    ["a number without end", "9".repeat(400)],
    ["a date far off", "Fri, 31 Dec 2999 23:59:59 GMT"],
  ])(
    "a Retry-After of %s that the total time does not allow fails at once, with the service's error",
    async (_, value) => {
      const server = await startFaultServer(fail(429, "Later", { "Retry-After": value }));
      const startedAt = performance.now();
      const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles"));
      expect(error).toMatchObject({ status: 429, attempts: 1 } satisfies Partial<ApiError>);
      expect(performance.now() - startedAt).toBeLessThan(3_000);
    },
  );

  test("a 503 whose Retry-After is no time is no refusal: a create is not sent again", async () => {
    for (const value of ["-1", "soon", "try 5", "1, 2", "5 seconds", "2026-01-01", ""]) {
      const server = await startFaultServer(fail(503, "Down", { "Retry-After": value }), json({ id: "1" }));
      const error = await rejection(callOperation(clientOf(server), "POST /v3/sessions", { body: {} }));
      expect({ value, error }).toMatchObject({ value, error: { status: 503, outcome: "unknown" } });
    }
  });

  const NOW = Date.parse("2026-11-06T08:49:37Z");
  test.each([
    [null, undefined],
    ["", undefined],
    ["  ", undefined],
    ["0", 0],
    ["1", 1_000],
    [" 120 ", 120_000],
    ["1.5", 1_500],
    ["9".repeat(400), Number.POSITIVE_INFINITY],
    ["Fri, 06 Nov 2026 08:49:47 GMT", 10_000],
    ["Friday, 06-Nov-26 08:49:47 GMT", 10_000],
    ["Fri Nov  6 08:49:47 2026", 10_000],
    ["Fri, 06 Nov 2026 08:49:07 GMT", 0],
    ["-1", undefined],
    ["+1", undefined],
    ["0x10", undefined],
    ["1e3", undefined],
    ["1, 2", undefined],
    ["try 5", undefined],
    ["5 seconds", undefined],
    ["2026-11-06T08:49:47Z", undefined],
    ["Fri, 99 Nov 2026 08:49:47 GMT", undefined],
    ["Infinity", undefined],
    ["NaN", undefined],
  ])("Retry-After %j is %s ms", (value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected);
  });

  test.each([
    [1, undefined, 0, 0],
    [1, undefined, 0.5, 250],
    [1, undefined, 1, 500],
    [2, undefined, 1, 1_000],
    [3, undefined, 1, 2_000],
    [5, undefined, 1, 8_000],
    [6, undefined, 1, 8_000],
    [1_000, undefined, 1, 8_000],
    [1, 1_234, 1, 1_234],
    [9, 0, 1, 0],
  ])(
    "after attempt %i with Retry-After %s and jitter %s the wait is %i ms",
    (attempts, retryAfterMs, random, expected) => {
      expect(retryDelayMs(attempts, retryAfterMs, () => random)).toBe(expected);
    },
  );
});
