import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Emulator, startEmulator } from "../../src/emulator/index.ts";
import {
  BrowserUse,
  type BrowserUseOptions,
  InvalidInputError,
  PoolClosedError,
  RunFailedError,
  type SessionNotStoppedError,
} from "../../src/index.ts";
import { memoryLeaseStore, SessionPool } from "../../src/pool.ts";
import { rejection } from "../support/clients.ts";
import { answer, held, reset, Service } from "../support/service.ts";
import { v2Session, v3View } from "../support/views.ts";

const IN_TIME = { timeout: 15_000, interval: 20 };

let emulator: Emulator;

beforeEach(async () => {
  const onTask = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  emulator = await startEmulator({ onTask });
  return () => emulator.close();
});
afterEach(() => vi.useRealTimers());

function clientOf(options: BrowserUseOptions = {}): BrowserUse {
  return new BrowserUse({ baseUrl: emulator.url, apiKey: emulator.apiKey, ...options });
}

function live(): string[] {
  const over = new Set(["stopped", "timed_out", "error"]);
  return emulator.sessions().flatMap(({ id, status }) => (over.has(status) ? [] : [id]));
}

function stops(): number {
  return emulator.requests.filter(({ method, path }) => method === "PATCH" || path.endsWith("/stop")).length;
}

describe("closing a client", () => {
  test("stops all that it has opened, each by one request, and nothing that others have", async () => {
    const [browserUse, other] = [clientOf(), clientOf()];
    const theirs = await other.v3.sessions.open();
    browserUse.v3.sessions.attach(theirs.id);
    const opening = [browserUse.v2.sessions.open(), browserUse.v3.sessions.open(), browserUse.browsers.open()];
    const handles = await Promise.all(opening);
    const [stopped] = await Promise.all([handles[0]?.stop(), browserUse.close(), browserUse.close()]);
    expect(stopped).toMatchObject({ status: "stopped" });
    expect(handles.map(({ isClosed }) => isClosed)).toEqual([true, true, true]);
    expect(live()).toEqual([theirs.id]);
    await browserUse.close();
    expect(stops()).toBe(3);
    await other.close();
  });

  test("stops what runs, and whoever waits for it hears of that when all is stopped", async () => {
    const browserUse = clientOf();
    const runs = [browserUse.v2.run("Wait"), browserUse.v3.run("Wait"), browserUse.v3.run("Wait")];
    let atLastStop: readonly string[] = [];
    const failures = runs.map(async (run) => {
      const error = await rejection(run);
      atLastStop = [...atLastStop, ...live()];
      return error;
    });
    await vi.waitFor(() => expect(live()).toHaveLength(3), IN_TIME);
    emulator.fail({ method: "PATCH", path: "/v2/sessions/{session_id}", delayMs: 500 });
    await browserUse.close();
    expect(await Promise.all(failures)).toEqual(runs.map(() => expect.any(RunFailedError)));
    expect(atLastStop).toEqual([]);
  });

  test("stops what is still being opened, when it is there", async () => {
    const browserUse = clientOf();
    const late = emulator.fail({ method: "POST", path: "/v3/sessions", delayMs: 300 });
    const opening = browserUse.v3.sessions.open();
    await vi.waitFor(() => expect(late.hits).toBe(1), IN_TIME);
    await browserUse.close();
    expect((await opening).isClosed).toBe(true);
    expect([emulator.sessions().length, live()]).toEqual([1, []]);
  });

  test("opens nothing more, on whatever way, and says so before any request", async () => {
    const browserUse = clientOf();
    const pool = new SessionPool(browserUse.v3.sessions, { maxSessions: 3 });
    await browserUse.close();
    const openings = [
      browserUse.v2.sessions.open(),
      browserUse.v3.sessions.use({}, () => {}),
      browserUse.browsers.open(),
      browserUse.v2.run("Wait"),
      browserUse.v3.run("Wait"),
      pool.acquire({}),
    ];
    expect(await Promise.all(openings.map(rejection))).toEqual(openings.map(() => expect.any(InvalidInputError)));
    expect(emulator.requests.filter(({ method }) => method === "POST")).toEqual([]);
    expect(await browserUse.billing.account()).toMatchObject({ rateLimit: 10 });
    await pool.close();
  });

  test("makes who opens meanwhile wait for its end, so that a loop that tries again does not spin", async () => {
    const browserUse = clientOf();
    await browserUse.v3.sessions.open();
    emulator.fail({ path: "/v3/sessions/{session_id}/stop", delayMs: 300 });
    const closing = browserUse.close();
    const refused = rejection(browserUse.v3.sessions.open()).then(() => live());
    await closing;
    expect(await refused).toEqual([]);
  });

  test("is what leaving the scope of a client does", async () => {
    {
      await using browserUse = clientOf();
      await browserUse.v3.sessions.open();
      expect(live()).toHaveLength(1);
    }
    expect(live()).toEqual([]);
  });

  test("keeps what a use has to give", async () => {
    const browserUse = clientOf();
    const used = browserUse.v3.sessions.use({}, async () => {
      await browserUse.close();
      return 42;
    });
    // What waits in a use for the closing is not waited for by the closing.
    expect(await used).toBe(42);
  });

  test.each([{ timeoutMs: 0 }, { timeoutMs: -1 }, { timeoutMs: Number.NaN }, { timeout: 5 }])(
    "with %j is refused, and closes nothing",
    async (options) => {
      const browserUse = clientOf();
      expect(await rejection(browserUse.close(options))).toBeInstanceOf(InvalidInputError);
      await browserUse.v3.sessions.use({}, () => {});
    },
  );
});

describe("what is not confirmed as stopped", () => {
  test("is reported once, keeps nobody else from being stopped, and does not make the closing reject", async () => {
    const told: SessionNotStoppedError[] = [];
    const browserUse = clientOf({ onSessionNotStopped: (error) => void told.push(error) });
    const [stuck] = await Promise.all([browserUse.v2.sessions.open(), browserUse.v3.sessions.open()]);
    emulator.fail({ path: "/v2/sessions/{session_id}", status: 400, times: 99 });
    await browserUse.close();
    expect(live()).toEqual([stuck.id]);
    expect(told).toMatchObject([{ sessionId: stuck.id, code: "session_not_stopped" }]);
  });

  test("is tried again by the next close, which has a time of its own", async () => {
    const told: SessionNotStoppedError[] = [];
    const browserUse = clientOf({ onSessionNotStopped: (error) => void told.push(error) });
    const session = await browserUse.v2.sessions.open();
    emulator.fail({ method: "PATCH", path: "/v2/sessions/{session_id}", status: 400 });
    await browserUse.close();
    expect(told).toHaveLength(1);
    await browserUse.close();
    expect(session.isClosed).toBe(true);
    expect(told).toHaveLength(1);
  });

  test("is reported once, though a use waits for the same stop", async () => {
    const told: SessionNotStoppedError[] = [];
    const browserUse = clientOf({ onSessionNotStopped: (error) => void told.push(error) });
    emulator.fail({ path: "/v3/sessions/{session_id}/stop", status: 400, times: 99 });
    let closing = Promise.resolve();
    await browserUse.v3.sessions.use({}, () => {
      closing = browserUse.close();
    });
    await closing;
    expect(told).toHaveLength(1);
  });

  test("is reported when the time is over, with its id, or as of unknown id while it is being opened", async () => {
    const told: SessionNotStoppedError[] = [];
    const browserUse = clientOf({ onSessionNotStopped: (error) => void told.push(error) });
    const session = await browserUse.v2.sessions.open();
    const [stop, open] = [{ path: "/v2/sessions/{session_id}" }, { method: "POST", path: "/v3/sessions" }];
    emulator.fail({ ...stop, delayMs: 1_500, times: 2 });
    const late = emulator.fail({ ...open, delayMs: 1_500 });
    const opening = browserUse.v3.sessions.open();
    await vi.waitFor(() => expect(late.hits).toBe(1), IN_TIME);
    await browserUse.close({ timeoutMs: 200 });
    expect(told.map(({ sessionId }) => sessionId).sort()).toEqual(["(id unknown)", session.id].sort());
    expect(told[0]).toMatchObject({ cause: { code: "timeout", timeoutMs: 200 } });
    // A process that lives on still stops what arrives.
    await opening;
    await vi.waitFor(() => expect(live()).toEqual([]), IN_TIME);
    expect(told).toHaveLength(2);
  });

  test("is reported with its id, when it arrived while all was being closed", async () => {
    const told: SessionNotStoppedError[] = [];
    const reply = held();
    const service = new Service().on("POST /v3/sessions", reply.reply).on("POST /v3/sessions/s1/stop", answer(503));
    const browserUse = service.client({ onSessionNotStopped: (error) => void told.push(error) });
    const opening = browserUse.v3.sessions.open();
    await reply.asked;
    const closing = browserUse.close({ timeoutMs: 300 });
    reply.give(v3View());
    await closing;
    expect(told).toMatchObject([{ sessionId: "s1" }]);
    service.on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }));
    await (await opening).stop();
  });

  test("is reported when nobody knows whether it was opened", async () => {
    const told: SessionNotStoppedError[] = [];
    const reply = held();
    const service = new Service().on("POST /v3/sessions", reply.reply);
    const browserUse = service.client({ onSessionNotStopped: (error) => void told.push(error) });
    const opening = rejection(browserUse.v3.sessions.open());
    await reply.asked;
    const closing = browserUse.close();
    reply.give(reset());
    await closing;
    expect(await opening).toMatchObject({ outcome: "unknown" });
    expect(told).toMatchObject([{ sessionId: "(id unknown)", cause: { outcome: "unknown" } }]);
  });

  test("is tried again by the closing when its own stop has failed before", async () => {
    const service = new Service().on("POST /v3/sessions", v3View()).on("POST /v3/sessions/s1/stop", answer(403));
    const browserUse = service.client({ onSessionNotStopped: () => {} });
    await rejection((await browserUse.v3.sessions.open()).stop());
    service.on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }));
    await browserUse.close();
    expect(service.count("POST /v3/sessions/s1/stop")).toBe(2);
  });
});

describe("what has ended", () => {
  test("is not stopped again, whoever has seen its end", async () => {
    const service = new Service()
      .on("POST /v3/sessions", v3View())
      .on("GET /v3/sessions/s1", v3View({ status: "timed_out" }))
      .on("POST /v2/sessions", v2Session({ status: "stopped" }));
    const browserUse = service.client();
    await (await browserUse.v3.sessions.open()).refresh();
    await browserUse.v2.sessions.open();
    await browserUse.close();
    expect(service.operations).toEqual(["POST /v3/sessions", "GET /v3/sessions/s1", "POST /v2/sessions"]);
  });

  test("is not held in memory", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const service = new Service()
      .on("POST /v3/sessions", () => v3View())
      .on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }));
    const browserUse = service.client();
    const opened: WeakRef<object>[] = [];
    for (let n = 0; n < 200; n++) {
      const session = await browserUse.v3.sessions.open();
      opened.push(new WeakRef(session));
      await session.stop();
    }
    const kept = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
      return opened.filter((session) => session.deref()).length;
    };
    // The last one may still be in a register.
    await vi.waitFor(async () => expect(await kept()).toBeLessThan(3), IN_TIME);
    await browserUse.close();
  });

  test("unseen is forgotten when it is too old to live", async () => {
    const service = new Service()
      .on("POST /v3/sessions", v3View(), v3View({ id: "s2" }))
      .on("POST /v3/sessions/s2/stop", v3View({ id: "s2", status: "stopped" }));
    const browserUse = service.client();
    vi.useFakeTimers({ toFake: ["performance"] });
    await browserUse.v3.sessions.open();
    vi.advanceTimersByTime(4 * 60 * 60_000);
    await browserUse.v3.sessions.open();
    vi.useRealTimers();
    await browserUse.close();
    expect(service.operations.slice(2)).toEqual(["POST /v3/sessions/s2/stop"]);
  });
});

describe("the pools of a client", () => {
  test("are closed with it, at once: what they lend and what they keep is stopped", async () => {
    const browserUse = clientOf();
    const pool = new SessionPool(browserUse.v3.sessions);
    const bare = new SessionPool(browserUse.browsers);
    const [idle, lent] = await Promise.all([pool.acquire({ key: "a" }), pool.acquire({ key: "b" }), bare.acquire({})]);
    await idle.release();
    expect(live()).toHaveLength(3);
    await browserUse.close();
    expect(live()).toEqual([]);
    expect(lent.signal.aborted).toBe(true);
    expect(await rejection(pool.acquire({}))).toBeInstanceOf(PoolClosedError);
  });

  test("do not stop what a pool of another process has leased", async () => {
    const store = memoryLeaseStore();
    const [ours, theirs] = [clientOf(), clientOf()];
    const [here, there] = [ours, theirs].map(({ v3 }) => new SessionPool(v3.sessions, { store }));
    const first = await here?.acquire({ key: "ticket" });
    await first?.release();
    const second = await there?.acquire({ key: "ticket" });
    expect(second?.uses).toBe(1);
    await ours.close();
    expect(live()).toEqual([second?.session.id]);
    await theirs.close();
    expect(live()).toEqual([]);
  });

  test("that were closed before are let go of", async () => {
    const browserUse = clientOf();
    const { pools } = browserUse.v3.sessions.sessionPort.shared;
    const pool = new SessionPool(browserUse.v3.sessions);
    expect(pools?.size).toBe(0);
    await pool.use({}, () => {});
    expect(pools?.size).toBe(1);
    await pool.close();
    expect(pools?.size).toBe(0);
  });

  test("do not hold up the closing for longer than its time", async () => {
    const told: SessionNotStoppedError[] = [];
    const browserUse = clientOf({ onSessionNotStopped: (error) => void told.push(error) });
    const pool = new SessionPool(browserUse.v3.sessions, { onEvent: () => {} });
    await pool.acquire({});
    emulator.fail({ path: "/v3/sessions/{session_id}/stop", delayMs: 1_500 });
    await browserUse.close({ timeoutMs: 100 });
    expect(live()).toHaveLength(1);
    expect(told).toMatchObject([{ sessionId: "(of a pool)" }]);
    await pool.close();
    expect(live()).toEqual([]);
  });
});
