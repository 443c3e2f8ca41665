import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { type ApiError, ConnectionError, InvalidInputError, NotFoundError } from "../../../src/index.ts";
import { type AnyCall, API_KEY, callOperation, clientOf, rejection } from "../../support/clients.ts";
import { fail, json, reply, rst, startFaultServer } from "../../support/fault-server.ts";

beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => vi.restoreAllMocks());

describe("requests", () => {
  test("path, query and body go out as the spec says", async () => {
    const server = await startFaultServer(json({ items: [] }));
    const { api } = clientOf(server);
    await api.GET("/v3/profiles", { params: { query: { pageSize: 100, query: "a&b ü" } } });
    await api.POST("/v3/profiles", { body: { name: "acme" } });
    await api.POST("/v3/sessions/{session_id}/stop", { params: { path: { session_id: "s-1" } } });
    expect(server.requests.map(({ method, path, body }) => [method, path, body])).toEqual([
      ["GET", "/api/v3/profiles?pageSize=100&query=a%26b%20%C3%BC", ""],
      ["POST", "/api/v3/profiles", '{"name":"acme"}'],
      ["POST", "/api/v3/sessions/s-1/stop", ""],
    ]);
    expect(server.requests.map(({ headers }) => headers["content-type"])).toEqual([
      undefined,
      "application/json",
      undefined,
    ]);
  });

  test("null in a body is sent, undefined is not", async () => {
    const server = await startFaultServer(json({}));
    const body = { proxyCountryCode: null, profileId: undefined };
    await callOperation(clientOf(server), "POST /v2/sessions", { body });
    expect(server.requests[0]?.body).toBe('{"proxyCountryCode":null}');
  });

  test("a body that cannot be written as JSON is refused before anything is sent", async () => {
    const server = await startFaultServer(json({}));
    const endless: Record<string, unknown> = {};
    endless["self"] = endless;
    for (const body of [endless, { maxCostUsd: 1n }]) {
      const error = await rejection(callOperation(clientOf(server), "POST /v3/sessions", { body }));
      expect(error).toBeInstanceOf(InvalidInputError);
      expect((error as Error).cause).toBeInstanceOf(TypeError);
    }
    expect(server.requests).toHaveLength(0);
  });

  test.each([
    "fetch",
    "baseUrl",
    "Request",
    "parseAs",
    "headers",
    "middleware",
    "bodySerializer",
    "redirect",
    "timeoutMS",
    "retries",
  ])("the option %s is refused by name, before anything is sent", async (option) => {
    const server = await startFaultServer(json({}));
    const stolen = vi.fn();
    const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", { [option]: stolen }));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as Error).message).toBe(`GET /v3/profiles has no option "${option}".`);
    expect(server.requests).toHaveLength(0);
    expect(stolen).not.toHaveBeenCalled();
  });

  test("an option that is undefined is as good as none", async () => {
    const server = await startFaultServer(json({}));
    const init: AnyCall = { fetch: undefined, signal: undefined, timeoutMs: undefined, maxRetries: undefined };
    expect((await callOperation(clientOf(server), "GET /v3/profiles", init)).data).toEqual({});
  });

  test.each(["", "v2/tasks", "/", "/v/x", "//evil.test/v2/x", "https://evil.test/v2/x", "@evil.test/v2/"])(
    "the path %j is refused before anything is sent",
    async (path) => {
      const server = await startFaultServer(json({}));
      expect(await rejection(callOperation(clientOf(server), `GET ${path}`))).toBeInstanceOf(InvalidInputError);
      expect(server.requests).toHaveLength(0);
    },
  );

  test("a query that cannot be written into a URL is refused by name", async () => {
    const server = await startFaultServer(json({}));
    for (const query of [{ query: "half \ud800" }, { query: ["fine", "\udfff"] }]) {
      const error = await rejection(callOperation(clientOf(server), "GET /v3/profiles", { query }));
      expect(error).toBeInstanceOf(InvalidInputError);
      expect((error as Error).message).toContain("query");
    }
    expect(server.requests).toHaveLength(0);
  });
});

describe("ids", () => {
  const get = async (id: unknown) => {
    const server = await startFaultServer(json({ id: "x" }));
    const path = { profile_id: id as string };
    const call = clientOf(server).api.GET("/v3/profiles/{profile_id}", { params: { path } });
    return {
      server,
      settled: await call.then(
        () => undefined,
        (error: unknown) => error as Error,
      ),
    };
  };

  test.each([
    "",
    " ",
    "\t",
    ".",
    "..",
    "a\u0000b",
    "a\nb",
    "\u007f",
    "\u0085",
    "\ud800",
    "a\udc00b",
    null,
    undefined,
    Number.NaN,
    1.5,
  ])("%j is refused before anything is sent, and the message names the argument", async (id) => {
    const { server, settled } = await get(id);
    expect(settled).toBeInstanceOf(InvalidInputError);
    expect(settled?.message).toMatch(/^profile_id (must|has)/);
    expect(server.requests).toHaveLength(0);
  });

  test.each([[true], [{}], [["x"]], [Symbol("id")], [() => "x"], [{ toString: () => ".." }]])(
    "%o is refused, whatever text it could become",
    async (id) => {
      const { server, settled } = await get(id);
      expect(settled).toBeInstanceOf(InvalidInputError);
      expect(server.requests).toHaveLength(0);
    },
  );

  test.each([
    ["a/b", "a%2Fb"],
    ["a\\b", "a%5Cb"],
    ["../x", "..%2Fx"],
    ["%2e%2e", "%252e%252e"],
    ["..%2f..", "..%252f.."],
    ["...", "..."],
    ["a?b#c", "a%3Fb%23c"],
    ["a;b", "a%3Bb"],
    ["a b", "a%20b"],
    ["$&", "%24%26"],
    ["{session_id}", "%7Bsession_id%7D"],
    ["ü🔑", "%C3%BC%F0%9F%94%91"],
    ["@evil.test", "%40evil.test"],
    [5, "5"],
  ])("%j stays one segment of the path: %s", async (id, segment) => {
    const { server, settled } = await get(id);
    expect(settled).toBeUndefined();
    expect(server.requests[0]?.path).toBe(`/api/v3/profiles/${segment}`);
  });

  test("every id of a path is checked, and one that is missing is named", async () => {
    const server = await startFaultServer(json({}));
    const path = { workspace_id: "w-1" };
    for (const init of [{ params: { path } }, { params: {} }, {}]) {
      const error = await rejection(clientOf(server).api.GET("/v2/tasks/{task_id}", init as never));
      expect(error).toBeInstanceOf(InvalidInputError);
      expect((error as Error).message).toContain("task_id");
    }
    expect(server.requests).toHaveLength(0);
  });
});

describe("answers", () => {
  test("the response can still be read, as often and in whatever way one likes", async () => {
    const server = await startFaultServer(json({ id: "p-1" }));
    const { data, response } = await clientOf(server).api.GET("/v3/profiles");
    expect(data).toEqual({ id: "p-1" });
    for (let round = 0; round < 2; round++) {
      expect(await response.json()).toEqual({ id: "p-1" });
      expect(await response.text()).toBe('{"id":"p-1"}');
      expect(await response.clone().json()).toEqual({ id: "p-1" });
      expect(await (await response.blob()).text()).toBe('{"id":"p-1"}');
      expect(new TextDecoder().decode(await response.arrayBuffer())).toBe('{"id":"p-1"}');
      expect(await new Response(response.body).json()).toEqual({ id: "p-1" });
      expect(response.bodyUsed).toBe(false);
    }
    expect(response).toBeInstanceOf(Response);
    expect(response).toMatchObject({ ok: true, status: 200, url: `${server.url}/v3/profiles` });
  });

  test("the operations that are expected to bring nothing are those whose success is 204 in the spec", async () => {
    type Methods = Record<string, { readonly responses?: Record<string, unknown> }>;
    const yaml = readFileSync(new URL("../../../src/generated/openapi.yaml", import.meta.url), "utf8");
    const spec: { readonly paths: Record<string, Methods> } = parse(yaml);
    const server = await startFaultServer(reply({ status: 204 }));
    for (const [path, methods] of Object.entries(spec.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (!operation.responses) continue;
        const name = `${method.toUpperCase()} ${path}`;
        const call = callOperation(clientOf(server, { maxRetries: 0 }), name);
        const isFine = await call.then(
          () => true,
          () => false,
        );
        expect({ name, isFine }).toEqual({ name, isFine: Object.hasOwn(operation.responses, "204") });
      }
    }
  });
});

describe("middleware", () => {
  test("sees the request without the key, and one call however often it is sent", async () => {
    const server = await startFaultServer(rst, fail(500), json({ id: "1" }));
    const client = clientOf(server, { headers: { "X-Trace": "t-1" } });
    const onRequest = vi.fn();
    const onResponse = vi.fn();
    client.api.use({ onRequest, onResponse });
    await client.api.GET("/v3/profiles/{profile_id}", { params: { path: { profile_id: "p-1" } } });
    expect(server.requests).toHaveLength(3);
    expect(onRequest).toHaveBeenCalledTimes(1);
    expect(onResponse).toHaveBeenCalledTimes(1);
    const { request, schemaPath, params, options } = onRequest.mock.calls[0]?.[0] ?? {};
    expect([...request.headers]).toEqual([["x-trace", "t-1"]]);
    expect({ schemaPath, params }).toEqual({
      schemaPath: "/v3/profiles/{profile_id}",
      params: { path: { profile_id: "p-1" } },
    });
    expect(JSON.stringify([options, [...request.headers]])).not.toContain(API_KEY);
  });

  test("can add headers, which every attempt carries", async () => {
    const server = await startFaultServer(rst, json({}));
    const client = clientOf(server);
    client.api.use({ onRequest: ({ request }) => request.headers.set("traceparent", "00-1") });
    await client.api.GET("/v3/profiles");
    expect(server.requests.map(({ headers }) => headers["traceparent"])).toEqual(["00-1", "00-1"]);
  });

  test("cannot put a key of its own in the key's place", async () => {
    const server = await startFaultServer(json({}));
    const client = clientOf(server);
    client.api.use({ onRequest: ({ request }) => request.headers.set("x-browser-use-api-key", "stale") });
    await client.api.GET("/v3/profiles");
    expect(server.requests[0]?.headers["x-browser-use-api-key"]).toBe(API_KEY);
  });

  test("can read the body in every way without taking it from the caller", async () => {
    const server = await startFaultServer(json({ id: "p-1" }));
    const client = clientOf(server);
    const seen: unknown[] = [];
    client.api.use({
      onResponse: async ({ response }) => {
        seen.push(await response.clone().json(), await response.json(), await response.text());
        seen.push(await (await response.blob()).text());
      },
    });
    const { data } = await client.api.GET("/v3/profiles");
    expect(seen).toEqual([{ id: "p-1" }, { id: "p-1" }, '{"id":"p-1"}', '{"id":"p-1"}']);
    expect(data).toEqual({ id: "p-1" });
  });

  test("that changes what it read changes nothing for anybody else", async () => {
    const server = await startFaultServer(json({ id: "p-1", name: "acme" }));
    const client = clientOf(server);
    const censor = {
      onResponse: async ({ response }: { response: Response }) => {
        const body = (await response.json()) as { name?: string };
        delete body.name;
      },
    };
    client.api.use(censor, censor);
    const { data, response } = await client.api.GET("/v3/profiles");
    expect(data).toEqual({ id: "p-1", name: "acme" });
    expect(await response.json()).toEqual({ id: "p-1", name: "acme" });
  });

  test("can replace the answer", async () => {
    const server = await startFaultServer(json({ id: "p-1" }));
    const client = clientOf(server);
    client.api.use({
      onResponse: async ({ response }) =>
        Response.json({ ...(await response.json()), seen: true }, { headers: response.headers }),
    });
    expect((await client.api.GET("/v3/profiles")).data).toEqual({ id: "p-1", seen: true });
  });

  test("can answer without the network", async () => {
    const server = await startFaultServer(json({ from: "network" }));
    const client = clientOf(server);
    client.api.use({ onRequest: () => Response.json({ from: "cache" }) });
    expect((await client.api.GET("/v3/profiles")).data).toEqual({ from: "cache" });
    expect(server.requests).toHaveLength(0);
  });

  test("sees failures as the typed errors that the caller gets", async () => {
    const server = await startFaultServer(fail(404, "Not found"), rst);
    const client = clientOf(server, { maxRetries: 0 });
    const onError = vi.fn();
    client.api.use({ onError });
    const first = await rejection(client.api.GET("/v3/profiles"));
    const second = await rejection(client.api.GET("/v3/profiles"));
    expect(first).toBeInstanceOf(NotFoundError);
    expect(second).toBeInstanceOf(ConnectionError);
    expect(onError.mock.calls.map(([{ error }]) => error)).toEqual([first, second]);
    expect(onError.mock.calls[0]?.[0].error).toBe(first);
  });

  test("can turn a failure into another one, or into an answer", async () => {
    const server = await startFaultServer(fail(404, "Not found"));
    const client = clientOf(server);
    const mine = new Error("mine");
    const toMine = { onError: () => mine };
    client.api.use(toMine);
    expect(await rejection(client.api.GET("/v3/profiles"))).toBe(mine);
    client.api.eject(toMine);
    client.api.use({ onError: () => Response.json({ items: [] }) });
    expect((await client.api.GET("/v3/profiles")).data).toEqual({ items: [] });
  });

  test("that throws fails the call with what it threw", async () => {
    const server = await startFaultServer(json({}));
    const client = clientOf(server);
    const mine = new Error("mine");
    client.api.use({
      onRequest: () => {
        throw mine;
      },
    });
    expect(await rejection(client.api.GET("/v3/profiles"))).toBe(mine);
    expect(server.requests).toHaveLength(0);
  });

  test("is out once it is ejected, and belongs to one client alone", async () => {
    const server = await startFaultServer(json({}));
    const [client, other] = [clientOf(server), clientOf(server)];
    const middleware = { onRequest: vi.fn() };
    client.api.use(middleware);
    await client.api.GET("/v3/profiles");
    await other.api.GET("/v3/profiles");
    client.api.eject(middleware);
    await client.api.GET("/v3/profiles");
    expect(middleware.onRequest).toHaveBeenCalledTimes(1);
  });

  test("that empties the body of a request sends none", async () => {
    const server = await startFaultServer(json({}));
    const client = clientOf(server);
    client.api.use({ onRequest: ({ request }) => new Request(request.url, { method: request.method }) });
    await client.api.POST("/v3/profiles", { body: { name: "acme" } });
    expect(server.requests[0]).toMatchObject({ method: "POST", body: "" });
  });
});

test("calls at the same time do not mix", async () => {
  const server = await startFaultServer((socket, request) => {
    const id = request.path.split("/").at(-1) ?? "";
    setTimeout(() => json({ id })(socket, request), Number(id) % 7);
  });
  const { api } = clientOf(server);
  const ids = Array.from({ length: 50 }, (_, index) => String(index));
  const answers = ids.map((id) => api.GET("/v3/profiles/{profile_id}", { params: { path: { profile_id: id } } }));
  expect((await Promise.all(answers)).map(({ data }) => data.id)).toEqual(ids);
});

test("an error's stack leads to a call of this package", async () => {
  const server = await startFaultServer(fail(404, "Not found"));
  const error = (await rejection(clientOf(server).api.GET("/v3/profiles"))) as ApiError;
  expect(error.stack).toMatch(/NotFoundError: GET \/v3\/profiles answered 404[\s\S]+facade/);
});
