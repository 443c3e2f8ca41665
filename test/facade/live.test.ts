import { inspect } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  ApiError,
  type BrowserUse,
  ConnectionError,
  InvalidInputError,
  NotFoundError,
  type OpenOptions,
  SessionNotStoppedError,
} from "../../src/index.ts";
import { rejection } from "../support/clients.ts";
import {
  abortAfter,
  answer,
  countedSignal,
  delayed,
  held,
  type Reply,
  refusal,
  reset,
  Service,
  silence,
  useFastTime,
} from "../support/service.ts";
import { browser, v2Session, v3View } from "../support/views.ts";

useFastTime();
afterEach(() => vi.restoreAllMocks());

interface Handle extends AsyncDisposable {
  readonly id: string;
  readonly view: object | undefined;
  readonly isClosed: boolean;
  refresh(): Promise<object>;
  stop(): Promise<object>;
}

/** One kind of thing that costs until it is stopped. */
interface Kind {
  readonly create: string;
  readonly get: string;
  readonly stop: string;
  readonly stopBody: object;
  readonly live: object;
  readonly stopped: object;
  readonly collection: (client: BrowserUse) => {
    open(request: { profileId: string }, options?: OpenOptions): Promise<Handle>;
    use<T>(request: object, fn: (handle: Handle) => T | Promise<T>): Promise<T>;
    attach(id: string): Handle;
  };
}

const V2: Kind = {
  create: "POST /v2/sessions",
  get: "GET /v2/sessions/s1",
  stop: "PATCH /v2/sessions/s1",
  stopBody: { action: "stop" },
  live: v2Session(),
  stopped: v2Session({ status: "stopped" }),
  collection: (client) => client.v2.sessions,
};
const V3: Kind = {
  create: "POST /v3/sessions",
  get: "GET /v3/sessions/s1",
  stop: "POST /v3/sessions/s1/stop",
  stopBody: { strategy: "session" },
  live: v3View(),
  stopped: v3View({ status: "stopped" }),
  collection: (client) => client.v3.sessions,
};
const BROWSER: Kind = {
  create: "POST /v3/browsers",
  get: "GET /v3/browsers/s1",
  stop: "PATCH /v3/browsers/s1",
  stopBody: { action: "stop" },
  live: browser({ id: "s1" }),
  stopped: browser({ id: "s1", status: "stopped" }),
  collection: (client) => client.browsers,
};

const REQUEST = { profileId: "p1" };

describe.each([
  ["a session of v2", V2],
  ["a session of v3", V3],
  ["a browser", BROWSER],
])("%s", (_, kind) => {
  const service = () => new Service().on(kind.create, kind.live).on(kind.stop, kind.stopped).on(kind.get, kind.live);
  const open = (on: Service, options?: OpenOptions) => kind.collection(on.client()).open(REQUEST, options);

  test("is stopped by one request, however many ask at once", async () => {
    const on = service().on(kind.stop, delayed(500, kind.stopped));
    const handle = await open(on);
    const views = await Promise.all([handle.stop(), handle.stop(), handle[Symbol.asyncDispose]()]);
    await handle.stop();
    expect(on.bodies(kind.stop)).toEqual([kind.stopBody]);
    expect(views.slice(0, 2)).toEqual([kind.stopped, kind.stopped]);
    expect(handle).toMatchObject({ isClosed: true, view: kind.stopped });
  });

  test("is stopped when the service says so, not before", async () => {
    const on = service().on(kind.stop, kind.live).on(kind.get, kind.live, answer(500), kind.live, kind.stopped);
    const handle = await open(on);
    expect(await handle.stop()).toEqual(kind.stopped);
    expect(on.count(kind.get)).toBe(4);
    expect(on.count(kind.stop)).toBe(1);
  });

  test.each([404, 410])("is done with when its stop is answered %i, and a look as well", async (status) => {
    const on = service().on(kind.stop, refusal(status, "gone")).on(kind.get, refusal(status, "gone"));
    const handle = await open(on);
    expect(await handle.stop()).toEqual(kind.live);
    expect(handle.isClosed).toBe(true);
    await handle[Symbol.asyncDispose]();
    expect(on.operations).toEqual([kind.create, kind.stop, kind.get]);
  });

  test.each([
    ["404", refusal(404, "gone")],
    ["410", refusal(410, "gone")],
    ["500 for a while", answer(500)],
    ["something that cannot be read", answer(200, "OK")],
  ])(
    "is not taken for stopped when its stop is answered %s, while a look shows it live: it is asked again",
    async (_, odd) => {
      const on = service().on(kind.stop, odd);
      const handle = await open(on, { maxRetries: 0 });
      const stopping = handle.stop();
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      expect(handle.isClosed).toBe(false);
      on.on(kind.stop, kind.stopped);
      expect(await stopping).toEqual(kind.stopped);
    },
  );

  test("is stopped when a look shows its end, whatever its stop was answered", async () => {
    for (const odd of [answer(200, "OK"), answer(500), refusal(404, "gone")]) {
      const on = service().on(kind.stop, odd).on(kind.get, kind.stopped);
      const handle = await open(on);
      expect(await handle.stop()).toEqual(kind.stopped);
    }
  });

  test("is looked at again when a look shows something else", async () => {
    const other = { ...kind.stopped, id: "another" };
    const on = service().on(kind.stop, kind.live).on(kind.get, other, answer(200, "{}"), kind.stopped);
    const handle = await open(on);
    expect(await handle.stop()).toEqual(kind.stopped);
    expect(on.count(kind.stop)).toBe(1);
  });

  test("that was never stopped for all its answers is reported after 30 seconds", async () => {
    const on = service().on(kind.stop, refusal(404, "gone"));
    const handle = await open(on);
    const begun = performance.now();
    const error = await rejection(handle.stop());
    expect(error).toMatchObject({ code: "session_not_stopped", cause: { status: 404 } });
    expect(performance.now() - begun).toBeLessThan(31_000);
  });

  test("is done with when it is gone by the time of the confirmation", async () => {
    const on = service().on(kind.stop, kind.live).on(kind.get, refusal(404, "gone"));
    const handle = await open(on);
    await handle.stop();
    expect(handle.isClosed).toBe(true);
  });

  test("is done with when the service refuses to stop what has ended", async () => {
    const on = service().on(kind.stop, refusal(400, "Session is stopped")).on(kind.get, kind.stopped);
    const handle = await open(on);
    expect(await handle.stop()).toEqual(kind.stopped);
  });

  test("is stopped also when the first answers are lost", async () => {
    const on = service().on(kind.stop, reset(), answer(500), refusal(429, "slow down"), silence, kind.stopped);
    const handle = await open(on);
    expect(await handle.stop()).toEqual(kind.stopped);
  });

  test.each<[string, Reply, Reply]>([
    ["fails", answer(503), kind.live],
    ["is silent", silence, kind.live],
    ["breaks the connection", reset(), kind.live],
    ["says it is still live", kind.live, kind.live],
    ["says nothing that can be read", { id: "s1" }, { id: "s1" }],
  ])("is reported when nobody confirms its end in 30 s because the service %s", async (_, stop, get) => {
    const on = service().on(kind.stop, stop).on(kind.get, get);
    const handle = await open(on);
    const begun = performance.now();
    const error = await rejection(handle.stop());
    expect(error).toBeInstanceOf(SessionNotStoppedError);
    expect(error).toMatchObject({ code: "session_not_stopped", sessionId: "s1", cause: expect.any(Error) });
    expect(performance.now() - begun).toBeLessThanOrEqual(30_500);
    expect(handle.isClosed).toBe(false);
  });

  test("is reported at once when the service refuses its stop, and can be stopped later", async () => {
    const on = service().on(kind.stop, refusal(401, "no"), kind.stopped);
    const handle = await open(on);
    expect(await rejection(handle.stop())).toBeInstanceOf(SessionNotStoppedError);
    expect(await handle.stop()).toEqual(kind.stopped);
  });

  test("stays ended when an older view arrives late", async () => {
    const late = held();
    const on = service().on(kind.get, late.reply);
    const handle = await open(on);
    const refreshing = handle.refresh();
    await late.asked;
    await handle.stop();
    late.give(kind.live);
    await refreshing;
    expect(handle).toMatchObject({ isClosed: true, view: kind.stopped });
  });

  test("is not stopped because something else is", async () => {
    const on = service().on(kind.stop, { ...kind.stopped, id: "another" });
    on.on(kind.get, kind.live, kind.stopped);
    const handle = await open(on);
    expect(await handle.stop()).toEqual(kind.stopped);
    expect(on.count(kind.get)).toBe(2);
  });

  test("does not take a view of something else for its own", async () => {
    const on = service().on(kind.get, { ...kind.stopped, id: "another" });
    const handle = await open(on);
    expect(await rejection(handle.refresh())).toMatchObject({ code: "api_error", status: 200 });
    expect(handle).toMatchObject({ isClosed: false, view: kind.live });
  });

  test("is the same however its id is written", async () => {
    const id = "3C90C3CC-0D44-4B50-8888-8DD25736052A";
    const [verb = "", path = ""] = kind.get.split(" ");
    const view = { ...kind.live, id: id.toLowerCase() };
    const on = new Service().on(`${verb} ${path.replace("s1", id)}`, view);
    expect(await kind.collection(on.client()).attach(id).refresh()).toEqual(view);
  });

  test("shows no address in a log", async () => {
    const shown = inspect(await open(service()), { depth: 9 });
    expect(shown).toContain("s1");
    expect(shown).not.toContain("test/s1");
  });

  test("that was attached to asks nothing, and is left alone when it is disposed of", async () => {
    const on = new Service();
    {
      await using handle = kind.collection(on.client()).attach("s1");
      expect(handle).toMatchObject({ id: "s1", view: undefined, isClosed: false });
    }
    expect(on.sent).toEqual([]);
  });

  test("that was attached to can be stopped", async () => {
    const on = service();
    expect(await kind.collection(on.client()).attach("s1").stop()).toEqual(kind.stopped);
  });

  test("that was attached to and never seen is not found, rather than stopped", async () => {
    const on = new Service().on(kind.stop, refusal(404, "unknown")).on(kind.get, refusal(404, "unknown"));
    expect(await rejection(kind.collection(on.client()).attach("s1").stop())).toBeInstanceOf(NotFoundError);
  });

  test("that was attached to and seen is done with when it is gone", async () => {
    const on = service().on(kind.stop, refusal(404, "gone"));
    const handle = kind.collection(on.client()).attach("s1");
    await handle.refresh();
    on.on(kind.get, refusal(404, "gone"));
    expect(await handle.stop()).toEqual(kind.live);
  });

  test.each(["", " ", ".", "..", "a\u0000b"])("cannot be attached to by the id %j", (id) => {
    expect(() => kind.collection(new Service().client()).attach(id)).toThrow(InvalidInputError);
  });

  test("is stopped at the end of its block", async () => {
    const on = service();
    {
      await using _handle = await open(on);
    }
    expect(on.operations).toEqual([kind.create, kind.stop]);
  });

  test("is stopped after use, and what came of it is handed back", async () => {
    const on = service();
    const seen: string[] = [];
    const result = await kind.collection(on.client()).use(REQUEST, (handle) => {
      seen.push(...on.operations, handle.id);
      return 42;
    });
    expect(result).toBe(42);
    expect(seen).toEqual([kind.create, "s1"]);
    expect(on.operations).toEqual([kind.create, kind.stop]);
  });

  test("is stopped after use that failed, with the failure handed on", async () => {
    const on = service();
    const mine = new Error("mine");
    const using = kind.collection(on.client()).use(REQUEST, async () => {
      throw mine;
    });
    expect(await rejection(using)).toBe(mine);
    expect(on.count(kind.stop)).toBe(1);
  });

  test("never takes the result of its use away when it cannot be stopped, but is reported", async () => {
    const on = service().on(kind.stop, refusal(403, "no"));
    const reports: SessionNotStoppedError[] = [];
    const client = on.client({ onSessionNotStopped: (error) => void reports.push(error) });
    expect(await kind.collection(client).use(REQUEST, () => 42)).toBe(42);
    const mine = new Error("mine");
    const failing = kind.collection(client).use({}, () => {
      throw mine;
    });
    expect(await rejection(failing)).toBe(mine);
    expect(reports.map(({ sessionId }) => sessionId)).toEqual(["s1", "s1"]);
  });

  test("never takes the result of its use away when the report fails as well", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const on = service().on(kind.stop, refusal(403, "no"));
    const client = on.client({
      onSessionNotStopped: () => {
        throw new Error("the reporter");
      },
    });
    expect(await kind.collection(client).use(REQUEST, () => 42)).toBe(42);
    expect(warn).toHaveBeenCalledOnce();
  });

  test("is reported as a process warning when nobody listens", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const on = service().on(kind.stop, refusal(403, "no"));
    await kind.collection(on.client()).use(REQUEST, () => 42);
    expect(warn.mock.calls).toEqual([[expect.any(SessionNotStoppedError)]]);
  });

  test("is not opened under a signal that has aborted", async () => {
    const on = new Service();
    const signal = AbortSignal.abort(new Error("too late"));
    expect(await rejection(open(on, { signal }))).toBe(signal.reason);
    expect(on.sent).toEqual([]);
  });

  test("is stopped when it opens after its caller has left", async () => {
    const on = service().on(kind.create, delayed(5_000, kind.live));
    const { signal, reason } = abortAfter(1_000);
    const begun = performance.now();
    expect(await rejection(open(on, { signal }))).toBe(reason);
    expect(performance.now() - begun).toBe(1_000);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(on.operations).toEqual([kind.create, kind.stop]);
  });

  test("is reported when it opens after its caller has left, and cannot be stopped", async () => {
    const on = service().on(kind.create, delayed(5_000, kind.live)).on(kind.stop, refusal(403, "no"));
    const reports: SessionNotStoppedError[] = [];
    const client = on.client({ onSessionNotStopped: (error) => void reports.push(error) });
    const { signal } = abortAfter(1_000);
    await rejection(kind.collection(client).open(REQUEST, { signal }));
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(reports).toMatchObject([{ sessionId: "s1" }]);
  });

  test("is either handed over or stopped, at whatever moment its caller leaves", async () => {
    for (let ticks = 0; ticks < 60; ticks++) {
      const created = held();
      const on = service().on(kind.create, created.reply);
      const control = new AbortController();
      const opening = open(on, { signal: control.signal }).then(
        (handle) => handle,
        () => undefined,
      );
      await created.asked;
      created.give(kind.live);
      for (let tick = 0; tick < ticks; tick++) await null;
      control.abort();
      const handle = await opening;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(on.count(kind.stop), `stops when the caller leaves after ${ticks} ticks`).toBe(handle ? 0 : 1);
    }
  });

  test("leaves nobody listening to its signal", async () => {
    const { control, listeners } = countedSignal();
    const handle = await open(service(), { signal: control.signal });
    await handle.stop();
    expect(listeners()).toBe(0);
  });

  test("that was perhaps created is reported as such, and not created again", async () => {
    const on = service().on(kind.create, reset());
    const error = await rejection(open(on));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ outcome: "unknown" });
    expect(on.count(kind.create)).toBe(1);
  });

  test("that was created without an id is reported as perhaps created", async () => {
    const { id: _, ...nameless } = kind.live as { id?: string };
    const error = await rejection(open(service().on(kind.create, nameless)));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ outcome: "unknown", operation: kind.create });
  });

  test("is not opened with an option that nobody reads", async () => {
    const on = new Service();
    expect(await rejection(open(on, { timeout: 5 } as object))).toBeInstanceOf(InvalidInputError);
    expect(on.sent).toEqual([]);
  });
});

test("A v2 session whose creation tells of tasks is opened like any other", async () => {
  const service = new Service()
    .on(V2.create, { ...v2Session(), tasks: [], publicShareUrl: null })
    .on(V2.stop, V2.stopped);
  expect(await service.client().v2.sessions.use({}, ({ id }) => id)).toBe("s1");
});

test("A browser shows where it is driven and watched; a v3 session where it is watched", async () => {
  const service = new Service().on(BROWSER.create, BROWSER.live).on(V3.create, V3.live);
  expect(await service.client().browsers.open()).toMatchObject({
    cdpUrl: "wss://cdp.test/b1",
    liveUrl: "https://live.test/b1",
  });
  expect(await service.client().v3.sessions.open()).toMatchObject({ liveUrl: "https://live.test/s1" });
  expect(service.client().v2.sessions.attach("s1").liveUrl).toBe(undefined);
});

test("A create whose reply is lost after its caller has left is reported: nobody else would hear of it", async () => {
  const control = new AbortController();
  const leaks: Error[] = [];
  const service = new Service().on(V2.create, () => {
    control.abort(new Error("enough"));
    return reset();
  });
  const client = service.client({ onSessionNotStopped: (error) => leaks.push(error) });
  expect(await rejection(client.v2.sessions.open({}, { signal: control.signal }))).toMatchObject({ message: "enough" });
  await vi.waitFor(() => expect(leaks).toHaveLength(1));
  expect(leaks[0]).toMatchObject({ code: "session_not_stopped", cause: { outcome: "unknown" } });
});
