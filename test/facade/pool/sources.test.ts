import { describe, expect, test } from "vitest";
import type { PoolSource, SessionPort } from "../../../src/facade/pool/session-port.ts";
import {
  ApiError,
  type BrowserUse,
  ConcurrencyLimitError,
  ConnectionError,
  InvalidInputError,
  LeaseLostError,
  ProfileInUseError,
  SessionBusyError,
  TimeoutError,
} from "../../../src/index.ts";
import { type PoolEvent, type PoolOptions, SessionPool } from "../../../src/pool.ts";
import { rejection } from "../../support/clients.ts";
import { answer, delayed, type Reply, refusal, reset, Service, silence } from "../../support/service.ts";
import { browser, v2Session, v3View } from "../../support/views.ts";
import { closeLater, during, failure, pass, still, useStillTime } from "./pool-kit.ts";

useStillTime();

const PROFILE = "7b1d7a4e-0000-4000-8000-00000000000a";

interface Handle {
  readonly id: string;
  refresh(): Promise<object>;
  stop(): Promise<object>;
  upload(files: { name: string; data: Uint8Array }): Promise<unknown>;
}
type Source = PoolSource<{ profileId?: string }, Handle>;

interface Kind {
  readonly create: string;
  readonly get: string;
  readonly list: string;
  readonly stop: string;
  readonly presign: string;
  /** What it answers, and where the file goes then. */
  readonly form: object;
  readonly put: string;
  readonly live: object;
  readonly stopped: object;
  readonly none: object;
  readonly source: (client: BrowserUse) => Source;
}

const V2: Kind = {
  create: "POST /v2/sessions",
  get: "GET /v2/sessions/s1",
  list: "GET /v2/sessions",
  stop: "PATCH /v2/sessions/s1",
  presign: "POST /v2/files/sessions/s1/presigned-url",
  form: { url: "https://files.test/put", method: "POST", fields: {}, fileName: "a.txt", expiresIn: 60 },
  put: "POST https://files.test/put",
  live: v2Session(),
  stopped: v2Session({ status: "stopped", finishedAt: "2026-03-01T11:00:00" }),
  none: { items: [], totalItems: 0, pageNumber: 1, pageSize: 100 },
  source: (client) => client.v2.sessions as unknown as Source,
};
const V3: Kind = {
  create: "POST /v3/sessions",
  get: "GET /v3/sessions/s1",
  list: "GET /v3/sessions",
  stop: "POST /v3/sessions/s1/stop",
  presign: "POST /v3/workspaces/w1/files/upload",
  form: { files: [{ name: "a.txt", path: "a.txt", uploadUrl: "https://files.test/put" }] },
  put: "PUT https://files.test/put",
  live: v3View({ workspaceId: "w1" }),
  stopped: v3View({ status: "stopped" }),
  none: { sessions: [], total: 0, page: 1, pageSize: 100 },
  source: (client) => client.v3.sessions as unknown as Source,
};
const BROWSER: Kind = {
  create: "POST /v3/browsers",
  get: "GET /v3/browsers/s1",
  list: "GET /v3/browsers",
  stop: "PATCH /v3/browsers/s1",
  presign: "POST /v2/files/browsers/s1/presigned-url",
  form: { url: "https://files.test/put", method: "POST", fields: {}, fileName: "a.txt", expiresIn: 60 },
  put: "POST https://files.test/put",
  live: browser({ id: "s1" }),
  stopped: browser({ id: "s1", status: "stopped", finishedAt: "2026-03-01T11:00:00Z" }),
  none: V2.none,
  source: (client) => client.browsers as unknown as Source,
};

async function upload(handle: Handle): Promise<void> {
  await handle.upload({ name: "a.txt", data: new Uint8Array(3) });
}

function poolOf(kind: Kind, on: Service, options: PoolOptions = {}, client = on.client()) {
  const events: PoolEvent[] = [];
  const onEvent = (event: PoolEvent) => events.push(event);
  const pool = new SessionPool(kind.source(client), { maxSessions: 2, onEvent, ...options });
  closeLater(pool);
  return { pool, events };
}

describe.each([
  ["a session of v2", V2],
  ["a session of v3", V3],
  ["a browser", BROWSER],
])("As %s", (_, kind) => {
  const service = () =>
    new Service()
      .on(kind.list, kind.none)
      .on(kind.create, kind.live)
      .on(kind.get, kind.live)
      .on(kind.stop, kind.stopped);
  const port = (on: Service): SessionPort<{ profileId?: string }, Handle> => kind.source(on.client()).sessionPort;

  test("a lease is opened, used again after a look, and stopped when the pool closes", async () => {
    const on = service();
    const { pool } = poolOf(kind, on);
    await (await pool.acquire({ key: "k" })).release();
    const lease = await pool.acquire({ key: "k" });
    expect(lease).toMatchObject({ uses: 1, session: { id: "s1" } });
    await lease.release();
    await during(pool.close());
    expect(on.operations).toEqual([kind.list, kind.create, kind.get, kind.stop]);
  });

  test("an opening that the cap refuses is asked for exactly once, and the pool waits", async () => {
    const on = service().on(kind.create, refusal(429, "Too many concurrent active sessions"), kind.live);
    const { pool, events } = poolOf(kind, on);
    const acquiring = pool.acquire({});
    await pass(10_000);
    expect(on.count(kind.create)).toBe(1);
    expect(await pool.stats()).toMatchObject({ outsideUse: 2 });
    await during(acquiring);
    expect(on.count(kind.create)).toBe(2);
    expect(events[0]).toMatchObject({ type: "openFailed", failure: "full" });
  });

  test("an opening without an answer is never asked for again", async () => {
    const on = service().on(kind.create, reset());
    const { pool } = poolOf(kind, on);
    expect(await failure(pool.acquire({}))).toMatchObject({ outcome: "unknown" });
    expect(on.count(kind.create)).toBe(1);
    expect(await pool.stats()).toMatchObject({ unknown: 1 });
  });

  test("an opening that takes too long counts as unknown", async () => {
    const on = service().on(kind.create, silence);
    const { pool } = poolOf(kind, on, { createTimeoutMs: 12_000 });
    const begun = performance.now();
    expect(await failure(pool.acquire({}))).toMatchObject({ code: "timeout", outcome: "unknown" });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(10_000);
    expect(performance.now() - begun).toBeLessThan(12_000);
    expect(await pool.stats()).toMatchObject({ unknown: 1 });
  });

  test.each([404, 410])("one that is answered %i when it is looked at is gone, and replaced", async (status) => {
    const on = service().on(kind.get, refusal(status, "gone"));
    const { pool, events } = poolOf(kind, on);
    await (await pool.acquire({ key: "k" })).release();
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ restarted: true });
    expect(events).toContainEqual({ type: "unusable", sessionId: "s1", phase: "closed" });
  });

  test.each([404, 410])("one whose stop is answered %i, and a look as well, is done with", async (status) => {
    const on = service().on(kind.stop, refusal(status, "gone")).on(kind.get, refusal(status, "gone"));
    expect(await during(port(on).stop("s1", { savesProfile: true }))).toBe(undefined);
    expect(on.operations).toEqual([kind.stop, kind.get]);
  });

  test("one whose stop is not confirmed is not done with", async () => {
    const on = service().on(kind.stop, refusal(403, "no"));
    expect(await failure(port(on).stop("s1", { savesProfile: false }))).toMatchObject({ code: "session_not_stopped" });
  });

  test("a look that times out is tried again, as nothing is wrong with the session", async () => {
    const on = service().on(kind.get, silence, silence, kind.live);
    const client = on.client({ timeoutMs: 1_000, totalTimeoutMs: 1_000 });
    const { pool } = poolOf(kind, on, {}, client);
    await (await pool.acquire({ key: "k" })).release();
    expect(await during(pool.acquire({ key: "k" }))).toMatchObject({ uses: 3 });
  });

  test("a session of a profile is refused beside it, in this process", async () => {
    const on = service();
    const client = on.client();
    const { pool } = poolOf(kind, on, {}, client);
    const lease = await pool.acquire({ profileId: PROFILE });
    const opening = client.browsers.open({ profileId: PROFILE.toUpperCase() });
    expect(await rejection(opening)).toBeInstanceOf(ProfileInUseError);
    await during(lease.release());
  });

  test("keepAlive, where there is one, cannot be switched off", async () => {
    const on = service();
    const { pool } = poolOf(kind, on);
    expect(await failure(pool.acquire({ keepAlive: false } as object))).toBeInstanceOf(InvalidInputError);
    expect(on.count(kind.create)).toBe(0);
  });

  test("a field that the service does not know is refused before anything is asked", async () => {
    const on = new Service();
    const { pool } = poolOf(kind, on);
    expect(await failure(pool.acquire({ colour: "red" } as object))).toBeInstanceOf(InvalidInputError);
    expect(on.sent).toEqual([]);
  });

  test("nothing is sent after the release, and a stop that comes late stops nothing", async () => {
    const on = service();
    const { pool } = poolOf(kind, on);
    const { session } = await pool.acquire({ key: "k" });
    await session.stop();
    expect(on.count(kind.stop)).toBe(0);
    on.sent.length = 0;
    expect(await rejection(session.refresh())).toBeInstanceOf(LeaseLostError);
    await session.stop();
    expect(on.sent).toEqual([]);
  });

  test("an upload after the release asks for no signature", async () => {
    const on = service();
    const { pool } = poolOf(kind, on);
    const { session } = await pool.acquire({ key: "k" });
    await session.stop();
    on.sent.length = 0;
    expect(await failure(upload(session))).toBeInstanceOf(LeaseLostError);
    expect(on.sent).toEqual([]);
  });

  test("an upload asks for its signature under the lease", async () => {
    const { presign, form, put } = kind;
    const on = service().on(presign, form).on(put, answer(204));
    const { pool } = poolOf(kind, on);
    const { session } = await pool.acquire({ key: "k" });
    await during(upload(session));
    expect(on.operations.slice(-2)).toEqual([presign, put]);
  });

  test.each<[string, Reply, string]>([
    ["the cap", refusal(429, "Too many concurrent active sessions"), "full"],
    ["a limit of calls", refusal(429, "Slow down"), "later"],
    ["a pause", () => new Response("{}", { status: 503, headers: { "Retry-After": "5" } }), "later"],
    ["a server without a word when to come back", refusal(503, "busy"), "unknown"],
    ["a request that took too long for the server", refusal(408, "late"), "unknown"],
    ["a broken server", refusal(500, "oops"), "unknown"],
    ["a broken gateway", refusal(502, "oops"), "unknown"],
    ["a broken connection", reset(), "unknown"],
    ["an answer that is no JSON", () => new Response("<html>"), "unknown"],
    ["an answer without an id", {}, "unknown"],
    ["a key that is wrong", refusal(401, "no"), "refused"],
    ["no credits", refusal(402, "no"), "refused"],
    ["a plan without this", refusal(403, "no"), "refused"],
    ["a profile that does not exist", refusal(404, "no"), "refused"],
    ["a conflict", refusal(409, "no"), "refused"],
    ["a request that is wrong", refusal(422, "no"), "refused"],
  ])("an opening that fails for %s is known for what it is", async (_, reply, expected) => {
    const on = service().on(kind.create, reply);
    const own = port(on);
    const { request } = own.plan({}, { group: false });
    const error = await failure(own.open(request, { mark: "m", timeoutMs: 10_000 }));
    expect(own.failureOf(error)).toBe(expected);
    expect(on.count(kind.create)).toBe(1);
  });
});

test.each<[string, unknown, string]>([
  ["no connection was ever there", new ConnectionError("x", { operation: "x", attempts: 1 }), "later"],
  ["a time limit before anything was sent", new TimeoutError("x", { operation: "x", timeoutMs: 1 }), "later"],
  ["a server error on a look", new ApiError("x", { ...at(), status: 500 }), "unknown"],
  ["the cap", new ConcurrencyLimitError("x", { ...at(), status: 429 }), "full"],
  ["a request that cannot be", new InvalidInputError("x"), "refused"],
  ["a busy session", new SessionBusyError("s1"), "refused"],
  ["something that nobody knows", new TypeError("x"), "unknown"],
  ["nothing at all", undefined, "unknown"],
])("A failure is known for what it is: %s", (_, error, expected) => {
  expect(new Service().client().v2.sessions.sessionPort.failureOf(error)).toBe(expected);
});

function at() {
  return { body: undefined, method: "GET", path: "/", operation: "GET /", attempts: 1 };
}

describe.each([
  ["a session of v2", V2, v2Session({ status: "stopped" })],
  ["a browser", BROWSER, browser({ id: "s1", status: "stopped" })],
])("After the stop of %s", (_, kind, unfinished) => {
  test("with a profile, the end of its saving is waited for", async () => {
    const on = new Service().on(kind.stop, unfinished).on(kind.get, unfinished, unfinished, kind.stopped);
    await during(kind.source(on.client()).sessionPort.stop("s1", { savesProfile: true }));
    expect(on.count(kind.get)).toBe(3);
  });

  test("with a profile, that is waited for five seconds at most", async () => {
    const on = new Service().on(kind.stop, unfinished).on(kind.get, delayed(100, unfinished));
    const begun = performance.now();
    await during(kind.source(on.client()).sessionPort.stop("s1", { savesProfile: true }));
    expect(performance.now() - begun).toBeLessThan(6_000);
    expect(performance.now() - begun).toBeGreaterThan(4_900);
  });

  test("without a profile, nothing is waited for", async () => {
    const on = new Service().on(kind.stop, unfinished);
    await kind.source(on.client()).sessionPort.stop("s1", { savesProfile: false });
    await still();
    expect(on.operations).toEqual([kind.stop]);
  });
});
