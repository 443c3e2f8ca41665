import { describe, expect, test } from "vitest";
import {
  ApiError,
  AuthenticationError,
  BrowserUseError,
  InvalidInputError,
  NotFoundError,
  SessionBusyError,
  SessionStoppedError,
  Skyvern,
  ValidationError,
} from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";
import { answer, type Reply, refusal, reset, Service } from "../support/service.ts";
import { CLOSE, CREATE, clientOf, DISPATCH, KEY, LOOK, service } from "./support.ts";
import { session } from "./views.ts";

const EVERY_CALL = { maxRetries: 0 };

async function look(reply: Reply): Promise<unknown> {
  return rejection(clientOf(new Service().on(LOOK, reply), EVERY_CALL).sessions.attach("pbs_1").refresh());
}

describe("a refusal becomes the error that says what to do", () => {
  test("403 with the words for a wrong key is an AuthenticationError", async () => {
    const error = await look(refusal(403, "Invalid credentials"));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 403, message: expect.stringContaining("Check the API key") });
  });

  test("any other 403 is a refusal like others", async () => {
    const error = await look(refusal(403, "Not allowed for this organization"));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).not.toBeInstanceOf(AuthenticationError);
  });

  test.each([
    [400, "Browser session pbs_1 is already occupied", SessionBusyError],
    [409, "Browser session pbs_1 is owned by another runnable", SessionBusyError],
    [410, "Browser session pbs_1 is closed", SessionStoppedError],
  ])("%i about a session says which session, and keeps the answer as its cause: %s", async (status, detail, kind) => {
    const error = await look(refusal(status, detail));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ sessionId: "pbs_1", cause: { status, body: { detail } } });
  });

  test.each<[string, (skyvern: Skyvern) => Promise<unknown>, string]>([
    ["a profile", (skyvern) => skyvern.profiles.get("bp_1"), "GET /v1/browser_profiles/bp_1"],
    ["a new profile", (skyvern) => skyvern.profiles.create({ name: "a" }), "POST /v1/browser_profiles"],
    ["a session to be opened", (skyvern) => skyvern.sessions.open(), CREATE],
  ])("the same statuses and words about %s speak of no session", async (_, call, operation) => {
    for (const [status, detail] of [
      [410, "It is gone"],
      [409, "The name is owned by another profile"],
      [400, "The name is already occupied"],
    ] as const) {
      const error = await rejection(call(clientOf(new Service().on(operation, refusal(status, detail)))));
      expect(error).toMatchObject({ name: "ApiError", status });
    }
  });

  test.each([
    ["a task", (skyvern: Skyvern) => skyvern.runTask({ prompt: "Go" }), DISPATCH],
    [
      "a change",
      (skyvern: Skyvern) =>
        skyvern.api.PATCH("/v1/browser_sessions/{browser_session_id}", {
          params: { path: { browser_session_id: "pbs_1" } },
          body: { generate_browser_profile: true },
        }),
      "PATCH /v1/browser_sessions/pbs_1",
    ],
    [
      "a closing",
      (skyvern: Skyvern) =>
        skyvern.api.POST("/v1/browser_sessions/{browser_session_id}/close", {
          params: { path: { browser_session_id: "pbs_1" } },
        }),
      CLOSE,
    ],
  ])("%s that is answered so speaks of one", async (_, call, operation) => {
    const of = (status: number, detail: string) =>
      rejection(call(clientOf(new Service().on(operation, refusal(status, detail)))));
    expect(await of(410, "closed")).toBeInstanceOf(SessionStoppedError);
    expect(await of(409, "owned by another runnable")).toBeInstanceOf(SessionBusyError);
    expect(await of(400, "already occupied")).toBeInstanceOf(SessionBusyError);
  });

  test("409 for a change of a session that has ended is a SessionStoppedError", async () => {
    const on = new Service().on("PATCH /v1/browser_sessions/pbs_1", refusal(409, "It cannot be changed any more"));
    const params = { path: { browser_session_id: "pbs_1" } };
    const body = { generate_browser_profile: true };
    const error = await rejection(
      clientOf(on).api.PATCH("/v1/browser_sessions/{browser_session_id}", { params, body }),
    );
    expect(error).toBeInstanceOf(SessionStoppedError);
    expect(error).toMatchObject({ sessionId: "pbs_1" });
  });

  test.each([
    [409, "A browser profile with this name already exists"],
    [413, "File too large"],
    [429, "Rate limit exceeded. Try again later."],
    [504, "Browser session pbs_1 failed to start"],
  ])("%i stays what it is: %s", async (status, detail) => {
    const error = await look(refusal(status, detail));
    expect(error).toMatchObject({ name: "ApiError", status, body: { detail } });
    expect(String(error)).toContain(detail.replace(/\.$/, ""));
  });
});

describe("all five forms of an error give a useful message", () => {
  test.each<[string, Reply, object]>([
    [
      "a text",
      refusal(404, "Session not found"),
      { name: "NotFoundError", message: expect.stringContaining("Session not found") },
    ],
    [
      "a list",
      answer(422, { detail: [{ loc: ["body", "timeout"], msg: "Input should be at least 5", type: "x", input: 4 }] }),
      {
        name: "ValidationError",
        message: expect.stringContaining("body.timeout: Input should be at least 5"),
        issues: [{ path: ["body", "timeout"], message: "Input should be at least 5" }],
        body: { detail: [{ loc: ["body", "timeout"], msg: "Input should be at least 5", type: "x" }] },
      },
    ],
    [
      "a code",
      answer(503, { detail: { code: "downloaded_files_unavailable", retryable: true } }),
      {
        name: "ApiError",
        message: expect.stringContaining("503: downloaded_files_unavailable"),
        body: { detail: { code: "downloaded_files_unavailable", retryable: true } },
      },
    ],
    [
      "an unexpected failure",
      answer(500, { error: "Something broke" }),
      { message: expect.stringContaining("Something broke") },
    ],
    [
      "nothing",
      answer(404),
      { name: "NotFoundError", message: expect.stringContaining("without saying why"), body: "" },
    ],
    [
      "a page of a gateway",
      () => new Response("<html>", { status: 502 }),
      { name: "ApiError", status: 502, body: "<html>" },
    ],
  ])("%s", async (_, reply, expected) => {
    const error = await look(reply);
    expect(error).toBeInstanceOf(BrowserUseError);
    expect(error).toMatchObject(expected);
  });

  test("an empty 404 is no less a NotFoundError, and a 422 with one text a ValidationError", async () => {
    expect(await look(answer(404))).toBeInstanceOf(NotFoundError);
    const error = await look(refusal(422, "Cannot specify both"));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({ issues: [], message: expect.stringContaining("Cannot specify both") });
  });
});

describe("what may be sent twice", () => {
  test.each([
    ["a task", (skyvern: Skyvern) => skyvern.runTask({ prompt: "Go" }), DISPATCH],
    ["a session", (skyvern: Skyvern) => skyvern.sessions.open(), CREATE],
    ["a profile", (skyvern: Skyvern) => skyvern.profiles.create({ name: "a" }), "POST /v1/browser_profiles"],
    [
      "a file",
      (skyvern: Skyvern) => skyvern.files.upload({ name: "a.txt", data: new Uint8Array(1) }),
      "POST /v1/upload_file",
    ],
  ])("%s is sent once when its answer is lost, and the error says that nobody knows", async (_, call, operation) => {
    for (const lost of [reset(), answer(502), answer(504, { detail: "late" })]) {
      const on = new Service().on(operation, lost);
      expect(await rejection(call(clientOf(on)))).toMatchObject({ outcome: "unknown" });
      expect(on.count(operation)).toBe(1);
    }
  });

  test("looks and closings are sent again", async () => {
    const on = service().on(LOOK, answer(503, { detail: { code: "x", retryable: true } }), session());
    expect(await clientOf(on).sessions.attach("pbs_1").refresh()).toMatchObject({ browser_session_id: "pbs_1" });
    expect(on.count(LOOK)).toBe(2);
    const params = { path: { browser_session_id: "pbs_1" } };
    on.on(CLOSE, reset(), { message: "closed" });
    await clientOf(on).api.POST("/v1/browser_sessions/{browser_session_id}/close", { params });
    expect(on.count(CLOSE)).toBe(2);
  });
});

describe("what is secret", () => {
  test.each([
    ["the headers of the browser", { extra_http_headers: { Cookie: "sid=s3cret" } }],
    ["the headers of the connection", { cdp_connect_headers: { "x-token": "s3cret" } }],
    ["the address of a browser", { browser_address: "http://10.0.0.1:9222/s3cret" }],
    ["the settings of a model", { model: { model_name: "m", config: { key: "s3cret" } } }],
    ["a proxy's credentials", { proxy_location: { url: "http://user:s3cret@proxy.test:8080" } }],
  ])("shows in no error that repeats the request: %s", async (_, fields) => {
    const on = new Service().on(DISPATCH, ({ body }) => refusal(400, `refused: ${JSON.stringify(body)}`));
    const error = await rejection(clientOf(on).runTask({ prompt: "Go", ...fields }));
    const shown = JSON.stringify([String(error), error]);
    expect(shown).toContain("refused");
    expect(shown).not.toContain("s3cret");
  });

  test("a proxy's name and password show in no form that an answer may give them", async () => {
    const on = new Service().on(CREATE, refusal(400, "proxy alice pa ss pa%20ss refused"));
    const proxy_location = { url: "http://alice:pa%20ss@proxy.test" };
    const error = await rejection(clientOf(on).sessions.open({ proxy_location }));
    expect(String(error)).not.toMatch(/alice|pa ss|pa%20ss/);
  });

  test("the key shows in no error", async () => {
    const error = await look(refusal(400, `what is ${KEY}?`));
    expect(JSON.stringify([error, String(error)])).not.toContain(KEY);
  });
});

describe("a client", () => {
  test("sends its key as x-api-key, and its own headers beside it", async () => {
    const on = service();
    await clientOf(on, { headers: { "X-Team": "a" } })
      .sessions.attach("pbs_1")
      .refresh();
    const { headers } = on.sent[0] ?? {};
    expect([headers?.get("x-api-key"), headers?.get("x-team")]).toEqual([KEY, "a"]);
  });

  test.each([
    ["no key", { apiKey: "" }],
    ["plain http to another machine", { apiKey: "k", baseUrl: "http://skyvern.test" }],
    ["a version in the base URL", { apiKey: "k", baseUrl: "https://api.skyvern.com/v1" }],
    ["the key as a header", { apiKey: "k", headers: { "X-API-Key": "k" } }],
    ["an option that nobody reads", { apiKey: "k", maxCostUsd: 1 }],
  ])("is not made with %s", (_, options) => {
    expect(() => new Skyvern(options)).toThrow(InvalidInputError);
  });

  test("takes a server of this machine over plain http, and key and address from the environment", async () => {
    expect(new Skyvern({ apiKey: "k", baseUrl: "http://localhost:8000" })).toBeInstanceOf(Skyvern);
    const { SKYVERN_API_KEY, SKYVERN_BASE_URL } = process.env;
    Object.assign(process.env, { SKYVERN_API_KEY: KEY, SKYVERN_BASE_URL: "https://cloud.test" });
    try {
      const on = service();
      await new Skyvern({ fetch: on.fetch }).sessions.attach("pbs_1").refresh();
      expect(on.sent[0]?.headers.get("x-api-key")).toBe(KEY);
    } finally {
      restore({ SKYVERN_API_KEY, SKYVERN_BASE_URL });
    }
  });
});

function restore(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
