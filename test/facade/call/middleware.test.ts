import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../../src/emulator/index.ts";
import { ApiError, BrowserUse, type BrowserUseOptions, NotFoundError, ProfileInUseError } from "../../../src/index.ts";
import { SessionPool } from "../../../src/pool.ts";
import { rejection } from "../../support/clients.ts";

type Middleware = Parameters<BrowserUse["api"]["use"]>[number];

let emulator: Emulator;

beforeEach(async () => {
  emulator = await startEmulator({ zeroDataRetention: true });
  return () => emulator.close();
});

function clientOf(middleware: readonly Middleware[] = [], options: BrowserUseOptions = {}): BrowserUse {
  const browserUse = new BrowserUse({ baseUrl: emulator.url, apiKey: emulator.apiKey, ...options });
  browserUse.api.use(...middleware);
  return browserUse;
}

describe("middleware", () => {
  test("sees every call of the facade, as the operation of the spec that it is, with its answer or its error", async () => {
    const seen: string[] = [];
    const browserUse = clientOf([
      {
        onResponse: ({ request, schemaPath, response }) =>
          void seen.push(`${request.method} ${schemaPath} ${response.status}`),
        onError: ({ request, schemaPath, error }) =>
          void seen.push(`${request.method} ${schemaPath} ${(error as ApiError).status}`),
      },
    ]);
    const { id: profileId } = await browserUse.profiles.create({ name: "acme" });
    await browserUse.v2.sessions.use({ profileId }, async (session) => {
      await session.upload({ name: "a.txt", data: new Uint8Array([1]), type: "text/plain" });
    });
    await rejection(browserUse.profiles.get("3f5c1b9e-0000-4000-8000-000000000000"));
    await new SessionPool(browserUse.browsers, { maxSessions: 1 }).use({}, () => {});
    await browserUse.close();
    expect(seen.slice(0, 5)).toEqual([
      "POST /v3/profiles 201",
      "POST /v2/sessions 201",
      "POST /v2/files/sessions/{session_id}/presigned-url 200",
      "PATCH /v2/sessions/{session_id} 200",
      "GET /v3/profiles/{profile_id} 404",
    ]);
    expect(seen).toEqual(expect.arrayContaining(["POST /v3/browsers 201", "PATCH /v3/browsers/{session_id} 200"]));
  });

  test("wraps a call as a stack does: the first to see a request is the last to see its answer", async () => {
    const order: string[] = [];
    const layer = (name: string): Middleware => ({
      onRequest: () => void order.push(`${name} asks`),
      onResponse: () => void order.push(`${name} answers`),
      onError: () => void order.push(`${name} fails`),
    });
    const browserUse = clientOf([layer("outer"), layer("inner")]);
    await browserUse.billing.account();
    await rejection(browserUse.profiles.get("3f5c1b9e-0000-4000-8000-000000000000"));
    expect(order).toEqual([
      "outer asks",
      "inner asks",
      "inner answers",
      "outer answers",
      "outer asks",
      "inner asks",
      "inner fails",
      "outer fails",
    ]);
  });

  test("can tell calls apart that run at once, and measures each with all its attempts and their waits", async () => {
    const begun = new Map<string, number>();
    const took: { readonly path: string; readonly ms: number }[] = [];
    const browserUse = clientOf([
      {
        onRequest: ({ id }) => void begun.set(id, performance.now()),
        onResponse: ({ id, schemaPath }) =>
          void took.push({ path: schemaPath, ms: performance.now() - (begun.get(id) ?? Number.NaN) }),
      },
    ]);
    emulator.fail({ path: "/v3/billing/account", status: 503, headers: { "Retry-After": "1" } });
    await Promise.all([
      browserUse.billing.account(),
      browserUse.api.GET("/v3/profiles"),
      browserUse.api.GET("/v3/browsers"),
    ]);
    expect(begun.size).toBe(3);
    expect(emulator.requests).toHaveLength(4);
    expect(took.map(({ path }) => path).sort()).toEqual(["/v3/billing/account", "/v3/browsers", "/v3/profiles"]);
    expect(took.find(({ path }) => path === "/v3/billing/account")?.ms).toBeGreaterThan(950);
  });

  test("sees neither the key, nor the file store", async () => {
    const seen: unknown[] = [];
    const look = async (message: Request | Response) => seen.push([...message.headers], await message.clone().text());
    const browserUse = clientOf([
      {
        onRequest: ({ request, options }) => void look(request).then(() => seen.push(options)),
        onResponse: ({ response }) => void look(response),
      },
    ]);
    await browserUse.v2.sessions.use({}, (session) =>
      session.upload({ name: "a.txt", data: new Uint8Array([1]), type: "text/plain" }),
    );
    await sleep(20);
    expect(seen.length).toBeGreaterThan(10);
    expect(JSON.stringify(seen)).not.toContain(emulator.apiKey);
    expect(emulator.requests.some(({ path }) => path.startsWith("/s3/"))).toBe(true);
  });
});

describe("middleware that throws", () => {
  const mine = new Error("mine");
  const fail = () => {
    throw mine;
  };

  test("before the call is sent fails it with just that, and nothing is sent", async () => {
    const browserUse = clientOf([{ onRequest: fail }]);
    expect(await rejection(browserUse.v3.sessions.open())).toBe(mine);
    expect(emulator.requests).toEqual([]);
  });

  test("after an answer that changed nothing fails the call with just that", async () => {
    const browserUse = clientOf([{ onResponse: fail }]);
    expect(await rejection(browserUse.billing.account())).toBe(mine);
  });

  test.each<[string, Middleware]>([
    ["throws", { onResponse: fail }],
    ["gives something that is no answer", { onResponse: () => "no" as unknown as Response }],
    ["puts a text that is no JSON in its place", { onResponse: () => new Response("no") }],
    ["puts a failure in its place", { onResponse: () => new Response(null, { status: 418 }) }],
  ])("or otherwise hides a success that changed something is an error that says so: it %s", async (_, middleware) => {
    const browserUse = clientOf();
    const { id: profileId } = await browserUse.profiles.create({ name: "acme" });
    browserUse.api.use(middleware);
    const error = await rejection(browserUse.v3.sessions.open({ profileId }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ operation: "POST /v3/sessions", outcome: "unknown", attempts: 1 });
    if (middleware.onResponse === fail) expect(error).toMatchObject({ cause: mine, status: 200 });
    browserUse.api.eject(middleware);
    // The session lives, so that its profile is not for another one to write.
    expect(await rejection(browserUse.v3.sessions.open({ profileId }))).toBeInstanceOf(ProfileInUseError);
  });
});

describe("a session's public share", () => {
  const at = (session_id: string) => ({ params: { path: { session_id } } }) as const;
  const SHARE = "/v2/sessions/{session_id}/public-share";

  test("is made once, read, and taken back", async () => {
    const { api, v2 } = clientOf();
    await using session = await v2.sessions.open();
    expect(await rejection(api.GET(SHARE, at(session.id)))).toBeInstanceOf(NotFoundError);
    const { data: share, response } = await api.POST(SHARE, at(session.id));
    expect(response.status).toBe(201);
    expect(share).toMatchObject({
      shareToken: expect.any(String),
      shareUrl: expect.stringContaining("https://"),
      viewCount: 0,
    });
    expect((await api.POST(SHARE, at(session.id))).data.shareToken).toBe(share.shareToken);
    expect((await api.GET(SHARE, at(session.id))).data).toEqual(share);
    expect((await session.refresh()).publicShareUrl).toBe(share.shareUrl);
    expect(await api.DELETE(SHARE, at(session.id))).toMatchObject({ data: undefined, response: { status: 204 } });
    expect(await rejection(api.GET(SHARE, at(session.id)))).toBeInstanceOf(NotFoundError);
  });

  test("is made once, though the answer was lost, and taken back, though the answer was lost", async () => {
    const { api, v2 } = clientOf();
    await using session = await v2.sessions.open();
    emulator.fail({ method: "POST", path: SHARE, drop: "after" });
    const { data } = await api.POST(SHARE, at(session.id));
    expect((await api.GET(SHARE, at(session.id))).data.shareToken).toBe(data.shareToken);
    emulator.fail({ method: "DELETE", path: SHARE, drop: "after" });
    expect((await api.DELETE(SHARE, at(session.id))).data).toBeUndefined();
  });

  test("of a session that is not there is a NotFoundError", async () => {
    const { api } = clientOf();
    const nobody = at("3f5c1b9e-0000-4000-8000-000000000000");
    for (const call of [() => api.POST(SHARE, nobody), () => api.GET(SHARE, nobody), () => api.DELETE(SHARE, nobody)]) {
      expect(await rejection(call())).toMatchObject({ code: "not_found" });
    }
  });
});

describe("purging a session", () => {
  const PURGE = "/v2/sessions/{session_id}/purge";

  test("leaves nothing of it, and brings no body", async () => {
    const { api, v2 } = clientOf();
    const { id } = await v2.sessions.use({}, (session) => session);
    const path = { session_id: id };
    expect(await api.POST(PURGE, { params: { path } })).toMatchObject({ data: undefined, response: { status: 204 } });
    expect(await rejection(v2.sessions.attach(id).refresh())).toBeInstanceOf(NotFoundError);
    expect(emulator.sessions()).toEqual([]);
  });

  test("is refused with 403 for a project that keeps data, and the session stays", async () => {
    const keeping = await startEmulator();
    const { api, v2 } = new BrowserUse({ baseUrl: keeping.url, apiKey: keeping.apiKey });
    const { id } = await v2.sessions.use({}, (session) => session);
    const error = await rejection(api.POST(PURGE, { params: { path: { session_id: id } } }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 403, code: "api_error", operation: `POST ${PURGE}`, attempts: 1 });
    expect((error as ApiError).outcome).toBeUndefined();
    expect(await v2.sessions.attach(id).refresh()).toMatchObject({ status: "stopped" });
    await keeping.close();
  });
});
