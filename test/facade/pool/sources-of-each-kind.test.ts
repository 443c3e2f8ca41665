import { describe, expect, test } from "vitest";
import { InvalidInputError, LeaseLostError } from "../../../src/index.ts";
import { SessionPool } from "../../../src/pool.ts";
import { rejection } from "../../support/clients.ts";
import { type Reply, Service } from "../../support/service.ts";
import { PlayedSession } from "../../support/v3-session.ts";
import { browser, message, v2Session, v2Task, v3View } from "../../support/views.ts";
import { closeLater, during, failure, pass, useStillTime } from "./pool-kit.ts";

useStillTime();

const NONE = { items: [], totalItems: 0, pageNumber: 1, pageSize: 100 };
const HOUR_MS = 60 * 60_000;

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of list) items.push(item);
  return items;
}

describe("Sessions of v2", () => {
  const pool = (on: Service) => {
    const made = new SessionPool(on.client().v2.sessions, { maxSessions: 3, onEvent: () => {} });
    closeLater(made);
    return made;
  };
  const service = () =>
    new Service()
      .on("GET /v2/sessions", NONE)
      .on("POST /v2/sessions", v2Session())
      .on("GET /v2/sessions/s1", v2Session())
      .on("PATCH /v2/sessions/s1", v2Session({ status: "stopped" }));
  const CREATE = "POST /v2/sessions";

  test.each([
    ["nothing said of it", {}],
    // Where optional fields are not exact, this is easily written.
    ["an undefined persistMemory", { persistMemory: undefined } as object],
  ])("of a group do not tell one caller's tasks to the next, with %s", async (_, request) => {
    const on = service();
    await pool(on).acquire({ group: "g", ...request });
    expect(on.bodies(CREATE)).toMatchObject([{ persistMemory: false }]);
  });

  test("of a group remember when their caller insists; those of a key do anyway", async () => {
    for (const request of [{ group: "g", persistMemory: true }, { key: "k" }, {}]) {
      const on = service();
      await pool(on).acquire(request);
      expect(on.bodies(CREATE)[0]).not.toMatchObject({ persistMemory: false });
    }
  });

  test("of a group are none of a key's, whatever they are opened with", () => {
    const { sessionPort } = new Service().client().v2.sessions;
    const plans = [true, false].map((group) => sessionPort.plan({}, { group }).baked);
    expect(plans[0]).not.toEqual(plans[1]);
  });

  test("are alike only when all is alike that they are opened with", () => {
    const { sessionPort } = new Service().client().v2.sessions;
    const baked = (request: object) => sessionPort.plan(request, { group: false }).baked;
    expect(baked({ proxyCountryCode: "de" })).not.toEqual(baked({}));
    expect(baked({ enableRecording: true })).not.toEqual(baked({}));
    expect(baked({ customProxy: "http://u:p@h:1" })).not.toEqual(baked({ customProxy: "http://u:q@h:1" }));
  });

  test.each(["created", "started", "paused", "something new"])("with a task that is %s are busy", async (status) => {
    const on = service().on("GET /v2/sessions/s1", v2Session({ tasks: [v2Task({ status: status as "started" })] }));
    expect(await on.client().v2.sessions.sessionPort.get("s1")).toMatchObject({ phase: "busy" });
  });

  test.each(["finished", "failed", "stopped"] as const)("whose tasks are %s are idle", async (status) => {
    const on = service().on("GET /v2/sessions/s1", v2Session({ tasks: [v2Task({ status }), v2Task()] }));
    expect(await on.client().v2.sessions.sessionPort.get("s1")).toMatchObject({ phase: "idle" });
  });

  test("that are live are asked for with a filter", async () => {
    const on = new Service().on("GET /v2/sessions", { ...NONE, items: [v2Session()], totalItems: 1 });
    expect(await all(on.client().v2.sessions.sessionPort.list())).toMatchObject([{ id: "s1" }]);
    expect(on.sent[0]?.query).toMatchObject({ filterBy: "active" });
  });

  test("with a task that was not seen to end are stopped at the release", async () => {
    const on = service()
      .on("POST /v2/tasks", { id: "t1", sessionId: "s1" })
      .on("GET /v2/tasks/t1/status", { status: "started" });
    const lease = await pool(on).acquire({ key: "k" });
    const run = await lease.session.start("Go");
    await during(lease.release());
    expect(on.count("PATCH /v2/sessions/s1")).toBe(1);
    on.sent.length = 0;
    expect(await failure(run.hasEnded())).toBeInstanceOf(LeaseLostError);
    expect(on.sent).toEqual([]);
  });

  test("whose task came to its end are kept at the release", async () => {
    const on = service()
      .on("POST /v2/tasks", { id: "t1", sessionId: "s1" })
      .on("GET /v2/tasks/t1/status", { status: "finished" })
      .on("GET /v2/tasks/t1", v2Task());
    const lease = await pool(on).acquire({ key: "k" });
    await during(lease.session.run("Go"));
    await lease.release();
    expect(on.count("PATCH /v2/sessions/s1")).toBe(0);
  });

  test("whose dispatch came to nothing that is known are stopped at the release", async () => {
    const on = service().on("POST /v2/tasks", new TypeError("fetch failed")).on("GET /v2/tasks", NONE);
    const lease = await pool(on).acquire({ key: "k" });
    await failure(lease.session.start("Go"));
    await during(lease.release());
    expect(on.count("PATCH /v2/sessions/s1")).toBe(1);
  });
});

describe("Sessions of v3", () => {
  const MESSAGES = { messages: [], hasMore: false };
  const service = () =>
    new Service()
      .on("GET /v3/sessions", { sessions: [], total: 0, page: 1, pageSize: 100 })
      .on("POST /v3/sessions", v3View())
      .on("GET /v3/sessions/s1", v3View())
      .on("GET /v3/sessions/s1/messages", MESSAGES)
      .on("POST /v3/sessions/s1/stop", v3View({ status: "stopped" }));

  test("are told with every dispatch to live on, and with what model; what is baked in is not sent again", async () => {
    const on = service();
    const session = new PlayedSession(on);
    on.on(
      "POST /v3/sessions",
      v3View(),
      session.dispatch([100, message("h1", "human")], [500, { isTaskSuccessful: true, output: "1", stepCount: 1 }]),
    );
    const pool = new SessionPool(on.client().v3.sessions, { maxSessions: 3 });
    closeLater(pool);
    const lease = await pool.acquire({ group: "g", model: "bu-mini", proxyCountryCode: "de" });
    await during(lease.session.start("Go"));
    const [opening, dispatch] = on.bodies("POST /v3/sessions");
    expect(opening).toMatchObject({ keepAlive: true, model: "bu-mini", proxyCountryCode: "de" });
    expect(dispatch).toMatchObject({ keepAlive: true, model: "bu-mini", sessionId: "s1", task: "Go" });
    expect(dispatch).not.toHaveProperty("proxyCountryCode");
  });

  test("are alike when only their tasks differ, and get what their own lease brings", () => {
    const { sessionPort } = new Service().client({ maxCostUsd: 5 }).v3.sessions;
    const baked = (request: object) => sessionPort.plan(request, { group: true }).baked;
    expect(baked({ model: "bu-mini", maxCostUsd: 1, thinkingLevel: "low", sensitiveData: { a: "b" } })).toEqual(
      baked({}),
    );
    for (const request of [
      { proxyCountryCode: "de" },
      { proxyCountryCode: null },
      { profileId: "7b1d7a4e-0000-4000-8000-00000000000a" },
      { workspaceId: "7b1d7a4e-0000-4000-8000-00000000000a" },
      { enableRecording: true },
      { browserScreenWidth: 800, browserScreenHeight: 600 },
    ]) {
      expect(baked(request), JSON.stringify(request)).not.toEqual(baked({}));
    }
  });

  test.each([
    ["created", "starting"],
    ["idle", "idle"],
    ["running", "busy"],
    ["something new", "busy"],
    ["stopped", "closed"],
    ["timed_out", "closed"],
    ["error", "closed"],
  ])("that are %s are %s", async (status, phase) => {
    const on = service().on("GET /v3/sessions/s1", v3View({ status: status as "idle" }));
    expect(await on.client().v3.sessions.sessionPort.get("s1")).toMatchObject({ phase });
  });

  describe("that are live are looked for", () => {
    const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
    const view = (id: string, hours: number, status = "idle") =>
      v3View({ id, status: status as "idle", createdAt: ago(hours * HOUR_MS) });
    const paged =
      (views: readonly object[]): Reply =>
      ({ query }) => {
        const first = (Number(query["page"]) - 1) * 100;
        return { sessions: views.slice(first, first + 100), total: views.length, page: 1, pageSize: 100 };
      };
    const live = async (views: readonly object[]) => {
      const on = new Service().on("GET /v3/sessions", paged(views));
      const found = (await all(on.client().v3.sessions.sessionPort.list())).map(({ id }) => id);
      return { found, pages: on.count("GET /v3/sessions") };
    };
    const old = Array.from({ length: 300 }, (_, index) => view(`o${index}`, 6 + index, "stopped"));

    test("from the newest to the first that is too old to live", async () => {
      expect(await live([view("a", 0), view("b", 1, "stopped"), view("c", 4), ...old])).toEqual({
        found: ["a", "c"],
        pages: 1,
      });
    });

    test("to the end when the list is in no order", async () => {
      const found = await live([view("a", 1), view("b", 0), ...old, view("z", 2)]);
      expect(found).toEqual({ found: ["a", "b", "z"], pages: 4 });
    });

    test("to the end when the list begins with the oldest", async () => {
      const found = await live([...old.toReversed(), view("y", 2), view("z", 1)]);
      expect(found).toEqual({ found: ["y", "z"], pages: 4 });
    });

    test("to the end when the list does not tell when they were created", async () => {
      const views = [view("a", 1), v3View({ id: "b", createdAt: "soon" }), ...old, view("z", 2)];
      expect((await live(views)).found).toEqual(["a", "b", "z"]);
    });
  });
});

describe("Browsers", () => {
  const MARK = "browser-use-client-pool";
  const service = () =>
    new Service()
      .on("GET /v3/browsers", NONE)
      .on("POST /v3/browsers", browser())
      .on("GET /v3/browsers/b1", browser({ cdpUrl: "wss://cdp.test/again" }))
      .on("PATCH /v3/browsers/b1", browser({ status: "stopped", finishedAt: "2026-03-01T11:00:00Z" }));
  const pool = (on: Service) => {
    const made = new SessionPool(on.client().browsers, { maxSessions: 3 });
    closeLater(made);
    return made;
  };

  test("carry a mark beside their own labels, which makes no difference between them", async () => {
    const on = service();
    const own = pool(on);
    await (await own.acquire({ group: "g", metadata: { team: "a" } })).release();
    expect(await own.acquire({ group: "g", metadata: { team: "a" } })).toMatchObject({ uses: 1 });
    expect(on.bodies("POST /v3/browsers")).toEqual([
      expect.objectContaining({ metadata: { team: "a", [MARK]: expect.stringMatching(/^\S+\/\S+$/) } }),
    ]);
  });

  test("with as many labels as there can be carry no mark, and are opened all the same", async () => {
    const on = service();
    const metadata = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`l${index}`, "x"]));
    await pool(on).acquire({ metadata });
    expect(on.bodies("POST /v3/browsers")).toMatchObject([{ metadata }]);
  });

  test("bring the address to connect to with every lease", async () => {
    const own = pool(service());
    const first = await own.acquire({ group: "g" });
    expect(first.session.cdpUrl).toBe("wss://cdp.test/b1");
    await first.release();
    expect((await own.acquire({ group: "g" })).session.cdpUrl).toBe("wss://cdp.test/again");
  });

  test("that belong to agent sessions are none of the pool's business", async () => {
    const items = [
      browser({ id: "ours", metadata: { [MARK]: "space/slot" } }),
      browser({ id: "plain" }),
      browser({ id: "agent's", agentSessionId: "s1" }),
    ];
    const on = new Service().on("GET /v3/browsers", { ...NONE, items, totalItems: 3 });
    expect(await all(on.client().browsers.sessionPort.list())).toEqual([
      { id: "ours", mark: "space/slot" },
      { id: "plain" },
    ]);
    expect(on.sent[0]?.query).toMatchObject({ filterBy: "active" });
  });

  test("live as long as their timeout says, and those nobody knows of five minutes more", () => {
    const { sessionPort } = new Service().client().browsers;
    const MINUTE_MS = 60_000;
    const lives = (request: object) => {
      const { longestLifeMs, orphanLifeMs } = sessionPort.plan(request, { group: false });
      return [longestLifeMs / MINUTE_MS, orphanLifeMs / MINUTE_MS];
    };
    expect(lives({})).toEqual([60, 65]);
    expect(lives({ timeoutMinutes: 10 })).toEqual([10, 15]);
    expect(() => lives({ timeoutMinutes: 0 })).toThrow(InvalidInputError);
  });

  test("are stopped well before their timeout ends them", async () => {
    const on = service();
    await (await pool(on).acquire({ key: "k", timeoutMinutes: 4 })).release();
    await pass(3.2 * 60_000);
    expect(on.count("PATCH /v3/browsers/b1")).toBe(1);
  });

  test("that are refused for good are the caller's to know", async () => {
    const on = service();
    expect(await rejection(pool(on).acquire({ key: "k", timeoutMinutes: 500 }))).toBeInstanceOf(InvalidInputError);
    expect(on.sent).toEqual([]);
  });
});
