import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BrowserUse, type BrowserUseOptions, InvalidInputError, SessionNotStoppedError } from "../../src/index.ts";
import { API_KEY, callOperation, clientOf, rejection } from "../support/clients.ts";
import { fail, json, startFaultServer } from "../support/fault-server.ts";

beforeEach(() => {
  vi.stubEnv("BROWSER_USE_API_KEY", undefined);
  vi.stubEnv("BROWSER_USE_BASE_URL", undefined);
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function refusal(options: object): string {
  try {
    new BrowserUse({ apiKey: API_KEY, ...options } as BrowserUseOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInputError);
    return (error as Error).message;
  }
  throw new Error(`Expected a refusal of ${JSON.stringify(options)}.`);
}

/** Where a client of these options sends to. */
async function urlOf(options: BrowserUseOptions): Promise<string> {
  let url = "";
  const fetch = async (request: Request) => {
    url = request.url;
    return Response.json({});
  };
  await new BrowserUse({ apiKey: API_KEY, ...options, fetch }).api.GET("/v3/profiles");
  return url;
}

describe("the key", () => {
  test.each([
    `${API_KEY}\n`,
    `${API_KEY}\r\nX-Evil: 1`,
    `${API_KEY} `,
    ` ${API_KEY}`,
    `${API_KEY}\t`,
    `${API_KEY}\u0000`,
    `${API_KEY}ü`,
    `${API_KEY}\u200b`,
    5,
    {},
    [API_KEY],
  ])("%j is refused, and the message does not repeat it", (apiKey) => {
    const message = refusal({ apiKey });
    expect(message).toBe("apiKey must be plain text without spaces, line ends or control characters.");
  });

  test("none at all, or an empty one, is refused, and the message says where it may come from", () => {
    const advice = "No API key: pass apiKey, or set BROWSER_USE_API_KEY.";
    expect(refusal({ apiKey: undefined })).toBe(advice);
    expect(refusal({ apiKey: "" })).toBe(advice);
    vi.stubEnv("BROWSER_USE_API_KEY", "");
    expect(refusal({ apiKey: undefined })).toBe(advice);
  });

  test("comes from the environment when it is not passed, and is read when the client is made", async () => {
    const server = await startFaultServer(json({}));
    vi.stubEnv("BROWSER_USE_API_KEY", "bu_from-the-environment");
    vi.stubEnv("BROWSER_USE_BASE_URL", server.url);
    const client = new BrowserUse();
    vi.stubEnv("BROWSER_USE_API_KEY", "bu_another");
    await client.api.GET("/v3/profiles");
    expect(server.requests[0]?.headers["x-browser-use-api-key"]).toBe("bu_from-the-environment");
  });

  test("one that is passed goes before the environment's", async () => {
    const server = await startFaultServer(json({}));
    vi.stubEnv("BROWSER_USE_API_KEY", "bu_from-the-environment");
    await clientOf(server).api.GET("/v3/profiles");
    expect(server.requests[0]?.headers["x-browser-use-api-key"]).toBe(API_KEY);
  });

  test("one in the environment that is broken is refused as well", () => {
    vi.stubEnv("BROWSER_USE_API_KEY", "two words");
    expect(refusal({ apiKey: undefined })).toContain("apiKey must be plain text");
  });
});

describe("the base URL", () => {
  test.each([
    [undefined, "https://api.browser-use.com/api/v3/profiles"],
    ["https://cloud.test/api", "https://cloud.test/api/v3/profiles"],
    ["https://cloud.test/api/", "https://cloud.test/api/v3/profiles"],
    ["https://cloud.test/api//", "https://cloud.test/api/v3/profiles"],
    ["https://cloud.test", "https://cloud.test/v3/profiles"],
    ["https://cloud.test/a/../b/{x}", "https://cloud.test/b/%7Bx%7D/v3/profiles"],
    [" https://cloud.test/api\n", "https://cloud.test/api/v3/profiles"],
    ["http://127.0.0.1:3000/api", "http://127.0.0.1:3000/api/v3/profiles"],
    ["http://127.8.9.1/api", "http://127.8.9.1/api/v3/profiles"],
    ["http://localhost:3000", "http://localhost:3000/v3/profiles"],
    ["http://bu.localhost:3000", "http://bu.localhost:3000/v3/profiles"],
    ["http://[::1]:3000", "http://[::1]:3000/v3/profiles"],
  ])("%j sends to %s", async (baseUrl, expected) => {
    expect(await urlOf({ baseUrl })).toBe(expected);
  });

  test("comes from the environment when it is not passed", async () => {
    vi.stubEnv("BROWSER_USE_BASE_URL", "https://staging.test/api");
    expect(await urlOf({})).toBe("https://staging.test/api/v3/profiles");
    expect(await urlOf({ baseUrl: "https://cloud.test" })).toBe("https://cloud.test/v3/profiles");
  });

  test.each(["https://cloud.test/api/v2", "https://cloud.test/api/v3/", "https://cloud.test/v2//"])(
    "%s is refused: it must end before the version",
    (baseUrl) => {
      const [version] = /\/v\d/.exec(baseUrl) ?? [];
      expect(refusal({ baseUrl })).toBe(`baseUrl must end before the version: leave out ${version}.`);
    },
  );

  test.each([
    "http://cloud.test/api",
    "http://127.0.0.1.evil.test",
    "http://localhost.evil.test",
    "http://10.0.0.1",
    "http://0.0.0.0",
    "ws://127.0.0.1",
    "ftp://127.0.0.1",
    "file:///etc/passwd",
  ])("%s is refused: plain http is for this machine only", (baseUrl) => {
    expect(refusal({ baseUrl })).toBe("baseUrl must be https; plain http is for this machine only.");
  });

  test.each([
    "",
    "cloud.test",
    "/api",
    "https://",
    "https://user:5ec4e7@cloud.test/api",
    "https://user@cloud.test/api",
    "https://cloud.test/api?x=1",
    "https://cloud.test/api?",
    "https://cloud.test/api#x",
    "https://cloud.test/api#",
    5,
    {},
  ])("%j is refused, and the message does not repeat it", (baseUrl) => {
    const message = refusal({ baseUrl });
    expect(message).toContain("baseUrl must be a URL without credentials, query and fragment");
    expect(message).not.toContain("5ec4e7");
  });
});

describe("headers", () => {
  test("go with every call", async () => {
    const server = await startFaultServer(json({}));
    const client = clientOf(server, { headers: { "X-Team": "support", "User-Agent": "desk/1.0" } });
    await client.api.GET("/v3/profiles");
    await client.api.POST("/v3/profiles", { body: {} });
    for (const { headers } of server.requests)
      expect(headers).toMatchObject({ "x-team": "support", "user-agent": "desk/1.0" });
  });

  test.each(["X-Browser-Use-API-Key", "x-browser-use-api-key", "Authorization", "AUTHORIZATION", "Cookie"])(
    "%s is refused: the key goes into apiKey",
    (name) => {
      for (const headers of [{ [name]: "5ec4e7" }, new Headers({ [name]: "5ec4e7" }), [[name, "5ec4e7"]]]) {
        expect(refusal({ headers })).toMatch(/^headers must not set .*: the key goes into apiKey\.$/i);
      }
    },
  );

  test.each(["Content-Type", "content-length", "Transfer-Encoding"])(
    "%s is refused: it follows from the body",
    (name) => {
      expect(refusal({ headers: { [name]: "1" } })).toContain("it follows from the body");
    },
  );

  test.each([{ "X Bad": "1" }, { "X-Bad": "a\nb" }, { "X-Bad": "5ec4e7 ü密" }, { "": "x" }, "text", 5])(
    "%j is refused, and the message does not repeat the value",
    (headers) => {
      const message = refusal({ headers });
      expect(message).toBe("headers has a name or a value that HTTP does not allow.");
    },
  );

  test("are read once: changing the object later changes nothing", async () => {
    const server = await startFaultServer(json({}));
    const headers: Record<string, string> = { "X-Team": "support" };
    const client = clientOf(server, { headers });
    headers["X-Browser-Use-API-Key"] = "5ec4e7";
    headers["X-Team"] = "sales";
    await client.api.GET("/v3/profiles");
    expect(server.requests[0]?.headers).toMatchObject({ "x-team": "support", "x-browser-use-api-key": API_KEY });
  });
});

describe("other options", () => {
  test.each(["apikey", "base_url", "timeout", "retries", "totalTimeout"])("%s is refused by name", (name) => {
    expect(refusal({ [name]: 5 })).toBe(`BrowserUse has no option "${name}".`);
  });

  test.each(["fetch", "onSessionNotStopped"])("a %s that is no function is refused", (name) => {
    for (const value of ["x", 5, {}]) expect(refusal({ [name]: value })).toBe(`${name} must be a function.`);
  });

  test("a client without options is made from the environment alone", () => {
    vi.stubEnv("BROWSER_USE_API_KEY", API_KEY);
    expect(new BrowserUse()).toBeInstanceOf(BrowserUse);
    expect(new BrowserUse({ apiKey: undefined, fetch: undefined, headers: undefined })).toBeInstanceOf(BrowserUse);
    expect(new BrowserUse({ apiKey: null, baseUrl: null, fetch: null } as object)).toBeInstanceOf(BrowserUse);
  });
});

describe("a session that could not be confirmed as stopped", () => {
  const view = { id: "s-1", status: "active" };
  const refusesToStop = () => startFaultServer(json(view, 201), fail(403, "Not yours"));

  test("is reported, and takes nobody's result away", async () => {
    const onSessionNotStopped = vi.fn();
    const client = clientOf(await refusesToStop(), { onSessionNotStopped });
    expect(await client.v2.sessions.use({}, () => "result")).toBe("result");
    expect(onSessionNotStopped).toHaveBeenCalledTimes(1);
    expect(onSessionNotStopped.mock.calls[0]?.[0]).toBeInstanceOf(SessionNotStoppedError);
  });

  test("a report that throws takes nobody's result away, and the process is warned instead", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const onSessionNotStopped = () => {
      throw new Error("the reporter's own");
    };
    const client = clientOf(await refusesToStop(), { onSessionNotStopped });
    expect(await client.v2.sessions.use({}, () => "result")).toBe("result");
    expect(warned).toHaveBeenCalledTimes(1);
  });

  test("is a process warning when nobody asked to be told", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    expect(await clientOf(await refusesToStop()).v2.sessions.use({}, () => "result")).toBe("result");
    expect(warned.mock.calls[0]?.[0]).toMatchObject({ code: "session_not_stopped", sessionId: "s-1" });
  });
});

describe("resume", () => {
  const baseline = { messageId: null, stepCount: 0, totalCostUsd: "0" };

  test("takes what toJSON gave, through JSON and back, and asks nothing", async () => {
    const server = await startFaultServer(json({}));
    const client = clientOf(server);
    for (const reference of [
      { apiVersion: "v2", id: "t-1", sessionId: "s-1" },
      { apiVersion: "v3", id: "s-1", sessionId: "s-1", baseline },
    ] as const) {
      const run = client.resume(JSON.parse(JSON.stringify(reference)));
      expect(run).toMatchObject({ id: reference.id, sessionId: "s-1", apiVersion: reference.apiVersion });
      expect(run.toJSON()).toEqual(reference);
    }
    expect(server.requests).toHaveLength(0);
  });

  test.each([
    null,
    undefined,
    "t-1",
    {},
    [],
    { apiVersion: "v9", id: "t-1", sessionId: "s-1" },
    { apiVersion: "v2", id: "t-1" },
    { apiVersion: "v2", id: "..", sessionId: "s-1" },
    { apiVersion: "v2", id: "t-1", sessionId: "" },
    { apiVersion: "v3", id: "s-1", sessionId: "s-1" },
    { apiVersion: "v3", id: "s-1", sessionId: "s-1", baseline: {} },
    { apiVersion: "v3", id: "s-1", sessionId: "s-1", baseline: { ...baseline, stepCount: "0" } },
    { apiVersion: "v3", id: "s-1", sessionId: "s-1", baseline: { ...baseline, messageId: 5 } },
  ])("%j is refused", async (reference) => {
    const client = clientOf(await startFaultServer(json({})));
    expect(() => client.resume(reference as never)).toThrow(InvalidInputError);
  });
});

test("two clients of one process do not share keys or limits", async () => {
  const server = await startFaultServer(fail(500));
  const [one, two] = [clientOf(server, { maxRetries: 0 }), clientOf(server, { apiKey: "bu_other", maxRetries: 1 })];
  expect(await rejection(callOperation(one, "GET /v3/profiles"))).toMatchObject({ attempts: 1 });
  expect(await rejection(callOperation(two, "GET /v3/profiles"))).toMatchObject({ attempts: 2 });
  expect(server.requests.map(({ headers }) => headers["x-browser-use-api-key"])).toEqual([
    API_KEY,
    "bu_other",
    "bu_other",
  ]);
});
