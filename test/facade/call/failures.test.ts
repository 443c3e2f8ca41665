import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as errors from "../../../src/facade/errors.ts";
import {
  ApiError,
  AuthenticationError,
  BrowserUseError,
  ConcurrencyLimitError,
  InsufficientCreditsError,
  NotFoundError,
  SessionBusyError,
  SessionStoppedError,
  ValidationError,
} from "../../../src/index.ts";
import { type AnyCall, callOperation, clientOf, rejection } from "../../support/clients.ts";
import { fail, json, type Reply, reply, startFaultServer } from "../../support/fault-server.ts";

beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => vi.restoreAllMocks());

const BUSY = "Session already has a running task. Please wait for it to complete or stop it first.";
const STOPPED = "Session is stopped and cannot accept new tasks";
const CROWDED = "Too many concurrent active sessions. Please stop one or upgrade.";

async function failureOf(answer: Reply, operation = "POST /v2/tasks", init: AnyCall = { body: { task: "Look" } }) {
  const server = await startFaultServer(reply({ headers: { "Content-Type": "application/json" }, ...answer }));
  return (await rejection(callOperation(clientOf(server), operation, init))) as ApiError;
}

describe("the class of an error", () => {
  test.each([
    [400, "Something else", ApiError, "ApiError", "api_error"],
    [400, BUSY, SessionBusyError, "SessionBusyError", "session_busy"],
    [409, BUSY, SessionBusyError, "SessionBusyError", "session_busy"],
    [400, STOPPED, SessionStoppedError, "SessionStoppedError", "session_stopped"],
    [409, STOPPED, SessionStoppedError, "SessionStoppedError", "session_stopped"],
    [409, "Session is in an unheard-of state", ApiError, "ApiError", "api_error"],
    [401, "Invalid API key", AuthenticationError, "AuthenticationError", "authentication"],
    [402, "Out of credits", InsufficientCreditsError, "InsufficientCreditsError", "insufficient_credits"],
    [403, BUSY, ApiError, "ApiError", "api_error"],
    [404, "Session not found", NotFoundError, "NotFoundError", "not_found"],
    [404, STOPPED, NotFoundError, "NotFoundError", "not_found"],
    [410, "Gone", ApiError, "ApiError", "api_error"],
    [422, "Unprocessable", ValidationError, "ValidationError", "validation"],
    [429, CROWDED, ConcurrencyLimitError, "ConcurrencyLimitError", "concurrency_limit"],
    [429, "Rate limit exceeded", ApiError, "ApiError", "api_error"],
    [500, CROWDED, ApiError, "ApiError", "api_error"],
    [503, "Down", ApiError, "ApiError", "api_error"],
  ])("%i with %j is %o", async (status, detail, type, name, code) => {
    const error = await failureOf({ status, body: { detail } });
    expect(error.constructor).toBe(type);
    expect(error).toBeInstanceOf(BrowserUseError);
    expect({ name: error.name, code: error.code }).toEqual({ name, code });
  });

  test("every class has a name of its own and a code of its own, and is named as it is exported", () => {
    const details = { status: 400, body: null, method: "GET", path: "/", operation: "GET /", attempts: 1, issues: [] };
    const { BrowserUseError: _, ...classes } = errors;
    const made = Object.entries(classes).map(([name, type]) => {
      // The classes differ in what they take; each finds its own here.
      const error = new (type as unknown as new (...given: unknown[]) => BrowserUseError)("x", details, []);
      return { exported: name, name: error.name, code: error.code, isError: error instanceof Error };
    });
    for (const { exported, name, isError } of made)
      expect({ name, isError }).toEqual({ name: exported, isError: true });
    expect(new Set(made.map(({ code }) => code)).size).toBe(made.length);
  });
});

describe("what an error says", () => {
  test("status, body, method, path, operation and attempts are filled in", async () => {
    const body = { detail: "Profile not found", hint: { more: [1, true, null] } };
    const call = callOperation(
      clientOf(await startFaultServer(fail(503), reply({ status: 404, body }))),
      "GET /v3/profiles/{profile_id}",
      {
        query: { verbose: 1 },
      },
    );
    const error = (await rejection(call)) as NotFoundError;
    expect({ ...error }).toEqual({
      name: "NotFoundError",
      code: "not_found",
      status: 404,
      body,
      method: "GET",
      path: "/v3/profiles/id-1",
      operation: "GET /v3/profiles/{profile_id}",
      attempts: 2,
    });
    expect(error.message).toBe("GET /v3/profiles/{profile_id} answered 404: Profile not found.");
  });

  test.each([
    [401, "Invalid API key", "POST /v2/tasks answered 401: Invalid API key. Check the API key."],
    [402, "No credits.", "POST /v2/tasks answered 402: No credits. Add credits, or change the plan."],
    [429, CROWDED, `POST /v2/tasks answered 429: ${CROWDED} Stop a session, or wait for one to end.`],
    [429, "Rate limit", "POST /v2/tasks answered 429: Rate limit. Try again later, and less often."],
    [400, "See ../docs..", "POST /v2/tasks answered 400: See ../docs.."],
    [400, undefined, "POST /v2/tasks answered 400 without saying why."],
    [
      500,
      "Internal Server Error",
      "POST /v2/tasks answered 500: Internal Server Error. It may have been carried out: look before you repeat it.",
    ],
  ])("the message of %i with %j names operation, answer and advice", async (status, detail, message) => {
    expect((await failureOf({ status, body: { detail } })).message).toBe(message);
  });

  test("a gateway that says it in other words is quoted as well", async () => {
    expect((await failureOf({ status: 403, body: { message: "Forbidden" } })).message).toContain("403: Forbidden.");
    expect((await failureOf({ status: 403, body: { error: "blocked" } })).message).toContain("403: blocked.");
    const nested = { detail: { message: "Upgrade your plan", code: "plan" } };
    expect((await failureOf({ status: 403, body: nested })).message).toContain("403: Upgrade your plan.");
  });

  test("HTML is kept as text, cut short, and never quoted in the message", async () => {
    const error = await failureOf({ status: 400, body: `<html>${"x".repeat(5_000)}</html>` });
    expect(error.body).toBe(`<html>${"x".repeat(494)}`);
    expect(error.message).toBe("POST /v2/tasks answered 400 without saying why.");
  });

  test("a message is one line of bounded length, whatever the server writes", async () => {
    const detail = `line\nnext\r\n\u001b[31mred\u2028${"long ".repeat(10_000)}`;
    const issues = Array.from({ length: 5_000 }, () => ({ loc: ["body", "task"], msg: "wrong" }));
    for (const body of [{ detail }, { detail: issues }]) {
      const { message } = await failureOf({ status: 400, body });
      expect(message.length).toBeLessThan(1_000);
      expect(message).not.toMatch(/[\p{Cc}\p{Zl}]/u);
    }
  });

  test.each([
    null,
    5,
    true,
    [],
    {},
    [[[]]],
    ["text"],
    [null, 5, "text", []],
    { message: { toString: 1 } },
    [{}],
    [{ loc: "body", msg: 5 }],
    [{ loc: [null, {}, "task"], msg: { toString: 1, valueOf: 1 } }],
    [{ __proto__: null, constructor: 1 }],
  ])("a detail of %j is an ApiError with a message, for 400, 422 and 429", async (detail) => {
    for (const status of [400, 422, 429]) {
      const error = await failureOf({ status, body: { detail } }, "POST /v2/tasks", { maxRetries: 0 });
      expect(error).toBeInstanceOf(ApiError);
      expect(error.message).toContain(`POST /v2/tasks answered ${status}`);
      expect(error.message).not.toMatch(/undefined|\[object/);
    }
  });

  test.each(["null", "5", '"text"', "[]", "[[1]]", '[{"loc":["body"],"msg":"x"}]', "", "{", '{"detail":'])(
    "a body of %s is an ApiError with a message",
    async (body) => {
      for (const status of [400, 422, 500])
        expect(await failureOf({ status, body })).toMatchObject({ status, operation: "POST /v2/tasks" });
    },
  );

  test("a body that is nested without end breaks nothing", async () => {
    const body = `{"detail":"No","deep":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    const error = await failureOf({ status: 400, body });
    expect(error).toBeInstanceOf(ApiError);
    expect(error.message).toContain("400: No.");
  });
});

describe("422", () => {
  const detail = [
    { loc: ["body", "maxSteps"], msg: "Input should be less than or equal to 10000", type: "less_than_equal" },
    { loc: ["body", "skillIds", 3], msg: "Input should be a valid string", type: "string_type" },
  ];

  test("every complaint has its path and its message", async () => {
    const error = (await failureOf({ status: 422, body: { detail } })) as ValidationError;
    expect(error.issues).toEqual([
      { path: ["body", "maxSteps"], message: "Input should be less than or equal to 10000" },
      { path: ["body", "skillIds", 3], message: "Input should be a valid string" },
    ]);
    expect(error.message).toBe(
      "POST /v2/tasks answered 422: body.maxSteps: Input should be less than or equal to 10000; body.skillIds.3: Input should be a valid string.",
    );
    expect(error.body).toEqual({ detail });
  });

  test("no complaint, no issue", async () => {
    const error = (await failureOf({ status: 422, body: { detail: "Bad request" } })) as ValidationError;
    expect(error.issues).toEqual([]);
    expect(error.message).toContain("422: Bad request.");
  });

  const INPUT = "what the caller wrote and nobody else may read";
  test.each([
    ["in input and ctx", { detail: [{ ...detail[0], input: INPUT, ctx: { error: INPUT }, url: INPUT }] }],
    ["in a whole body", { detail, body: { task: INPUT } }],
    ["in one complaint that stands alone", { detail: { ...detail[0], input: INPUT } }],
    ["beside a text", { detail: "Bad request", input: { task: INPUT } }],
    ["in a list at the top", [{ ...detail[0], input: INPUT }]],
    ["in lists of lists", { detail: [[{ input: INPUT }]] }],
    ["in a message that is no text", { detail: [{ loc: ["body"], msg: { input: INPUT } }] }],
    ["in JSON that is cut short", `{"detail":[{"input":"${INPUT}","lo`],
    ["in a path that is none", { detail: [{ loc: [{ input: INPUT }], msg: "wrong" }] }],
  ])("the input that it echoes %s is not kept", async (_, body) => {
    const error = await failureOf({ status: 422, body });
    expect(error).toBeInstanceOf(ValidationError);
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain(INPUT);
  });
});

describe("a conflict", () => {
  test("names the session of the request's body, and carries the answer as its cause", async () => {
    const error = await failureOf({ status: 400, body: { detail: BUSY } }, "POST /v2/tasks", {
      body: { sessionId: "s-1" },
    });
    expect(error).toMatchObject({ sessionId: "s-1", cause: { status: 400, operation: "POST /v2/tasks", attempts: 1 } });
    expect(error.message).toContain("s-1");
    expect(error.cause).toBeInstanceOf(ApiError);
  });

  test("names the session of the request's path", async () => {
    const error = await failureOf({ status: 409, body: { detail: STOPPED } }, "POST /v3/sessions/{session_id}/stop");
    expect(error).toMatchObject({ sessionId: "id-1" });
  });

  test("names none when the request does, and none when middleware made the body unreadable", async () => {
    expect(await failureOf({ status: 400, body: { detail: BUSY } })).toMatchObject({ sessionId: undefined });
    const client = clientOf(await startFaultServer(fail(400, BUSY)));
    client.api.use({ onRequest: ({ request }) => new Request(request, { body: "no JSON" }) });
    expect(await rejection(callOperation(client, "POST /v2/tasks", { body: {} }))).toBeInstanceOf(SessionBusyError);
  });

  test("is told by what came, even when a secret is a word of it", async () => {
    const body = { task: "Look", secrets: { word: "running" } };
    expect(await failureOf({ status: 400, body: { detail: BUSY } }, "POST /v2/tasks", { body })).toBeInstanceOf(
      SessionBusyError,
    );
  });
});

test("an answer that middleware makes up and that is no success is an ApiError of no attempt", async () => {
  const client = clientOf(await startFaultServer(json({})));
  client.api.use({ onRequest: () => new Response(null, { status: 418 }) });
  const error = await rejection(callOperation(client, "GET /v3/profiles"));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    status: 418,
    attempts: 0,
    operation: "GET /v3/profiles",
    method: "GET",
    path: "/v3/profiles",
  });
});
