import { expect, test } from "vitest";
import type { SkyvernTask } from "../../../src/emulator/index.ts";
import { gate } from "../support.ts";
import { emulated, MINUTE, type RunView } from "./support.ts";

const where = ({ page }: SkyvernTask): string => page;

test("a dispatch is answered at once, and polling shows each stage up to the end", async () => {
  const { promise, open } = gate<object>();
  const api = await emulated({ queueMs: MINUTE, onTask: () => promise });
  const run = await api.task();
  const status = async () => (await api.run(run.run_id)).status;

  expect(run).toMatchObject({
    status: "created",
    run_type: "task_v1",
    output: null,
    queued_at: null,
    started_at: null,
  });
  expect(run.run_id).toMatch(/^tsk_\d+$/);
  expect(await status()).toBe("created");
  api.emulator.advance(MINUTE);
  expect(await status()).toBe("queued");
  api.emulator.advance(MINUTE);
  expect(await status()).toBe("running");
  open({ total: 7 });
  const ended = await api.runAs(run.run_id, "completed");
  expect(ended).toMatchObject({ output: { total: 7 }, failure_reason: null });
  for (const at of [ended.queued_at, ended.started_at, ended.finished_at]) expect(at).toMatch(/\.\d{6}$/);
});

test("a second task in a busy session is accepted, and fails later with a reason", async () => {
  const { promise, open } = gate();
  const api = await emulated({ onTask: () => promise });
  const { browser_session_id: id } = await api.session();
  const first = await api.task({ browser_session_id: id });
  await api.runAs(first.run_id, "running");
  const second = await api.task({ browser_session_id: id });

  expect(second.status).toBe("created");
  const failed = await api.runAs(second.run_id, "failed");
  expect(failed.failure_reason).toContain(`already occupied by ${first.run_id}`);
  expect(failed.started_at).toBeNull();
  expect((await api.readSession(id)).runnable_id).toBe(first.run_id);
  open();
  await api.runAs(first.run_id, "completed");
  expect((await api.ended({ browser_session_id: id })).status).toBe("completed");
});

test("a task in a closed session is accepted, and fails later", async () => {
  const api = await emulated();
  const { browser_session_id: id } = await api.session();
  await api.close(id);
  const run = await api.task({ browser_session_id: id });

  expect(run.status).toBe("created");
  expect(await api.runAs(run.run_id, "failed")).toMatchObject({
    failure_reason: `The browser session ${id} is closed.`,
    output: null,
  });
});

test("a task in a session that does not exist is 404, and so is one with such a profile", async () => {
  const api = await emulated();
  const status = async (body: object) => (await api.post("/v1/run/tasks", { prompt: "p", ...body })).status;

  expect(await status({ browser_session_id: "pbs_1" })).toBe(404);
  expect(await status({ engine: "skyvern-2.0", browser_profile_id: "bp_1" })).toBe(404);
});

test("the default engine takes neither a profile nor a fresh browser, and another one does", async () => {
  const api = await emulated();
  const { browser_profile_id: profile } = await api.profile({ name: "n" });
  for (const body of [{ browser_profile_id: profile }, { start_fresh_browser: true }]) {
    const send = (engine?: string) => api.post("/v1/run/tasks", { prompt: "p", ...body, ...(engine && { engine }) });
    expect(await send()).toMatchObject({ status: 400, body: { detail: expect.any(String) } });
    expect((await send("skyvern-1.0")).status).toBe(400);
    expect((await send("skyvern-2.0")).status).toBe(200);
  }
});

test.each([["browser_session_id"], ["browser_profile_id"], ["browser_address"]])(
  "a fresh browser together with a %s is 422, whatever the engine",
  async (name) => {
    const api = await emulated();
    for (const engine of ["skyvern-1.0", "skyvern-2.0"]) {
      const body = { prompt: "p", engine, start_fresh_browser: true, [name]: "x" };
      expect(await api.post("/v1/run/tasks", body)).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ["body"] }] },
      });
    }
  },
);

test("the default engine does not go on from the open page, and skyvern-2.0 does", async () => {
  const api = await emulated({ onTask: where });
  const { browser_session_id: id } = await api.session({ url: "https://start.test/" });
  const run = async (body: object) => (await api.ended({ browser_session_id: id, ...body })).output;
  const secondEngine = { engine: "skyvern-2.0" };

  expect(await run(secondEngine)).toBe("https://start.test/");
  expect(await run({ url: "https://shop.test/cart" })).toBe("https://shop.test/cart");
  expect(await run(secondEngine)).toBe("https://shop.test/cart");
  const madeUp = await run({});
  expect(madeUp).not.toBe("https://shop.test/cart");
  expect(await run(secondEngine)).toBe(madeUp);
});

test("where an agent goes, its session is from then on", async () => {
  const api = await emulated({
    onTask: async (task) => {
      if (task.url !== null) await task.step({ summary: "opened the cart", url: "https://shop.test/cart" });
      else task.page = "https://shop.test/paid";
    },
  });
  const { browser_session_id: id } = await api.session();
  await api.ended({ browser_session_id: id, url: "https://shop.test/" });
  expect(api.emulator.sessions()).toMatchObject([{ id, page: "https://shop.test/cart" }]);
  await api.ended({ browser_session_id: id });

  expect(api.emulator.sessions()).toMatchObject([{ id, page: "https://shop.test/paid" }]);
});

test("a run with a browser of its own begins with its profile, and gives nothing back", async () => {
  const api = await emulated({
    onTask: ({ state, session }) => {
      state.set("n", String(Number(state.get("n") ?? 0) + 1));
      return { session, n: state.get("n") };
    },
  });
  const { browser_profile_id: profile } = await api.profile({ name: "p" });
  const body = { engine: "skyvern-2.0", browser_profile_id: profile };

  expect((await api.ended(body)).output).toEqual({ session: null, n: "1" });
  expect((await api.ended(body)).output).toEqual({ session: null, n: "1" });
});

test("the agent sees what was asked for, and where it works", async () => {
  const seen: SkyvernTask[] = [];
  const api = await emulated({ onTask: (task) => void seen.push(task) });
  const { browser_session_id: id } = await api.session();
  const run = await api.ended({ prompt: "Grüße 😀", browser_session_id: id, engine: "skyvern-2.0", title: "t" });

  expect(seen[0]).toMatchObject({
    prompt: "Grüße 😀",
    url: null,
    page: "about:blank",
    engine: "skyvern-2.0",
    runId: run.run_id,
    session: { id, profileId: null },
    request: { title: "t", proxy_location: "RESIDENTIAL" },
  });
});

test("a run of the default engine tells its session at the dispatch, and not when it is read", async () => {
  const api = await emulated();
  const { browser_session_id: id } = await api.session();
  const [one, two] = [
    await api.task({ browser_session_id: id }),
    await api.task({ browser_session_id: id, engine: "skyvern-2.0" }),
  ];

  expect([one.browser_session_id, two.browser_session_id]).toEqual([id, id]);
  expect(JSON.stringify(await api.run(one.run_id))).not.toContain(id);
  expect((await api.run(two.run_id)).browser_session_id).toBe(id);
});

test.each([
  ["skyvern-1.0", "task_v1", /^tsk_\d+$/],
  ["skyvern-2.0", "task_v2", /^tsk_v2_\d+$/],
  ["skyvern-3.0", "task_v3", /^tsk_\d+$/],
  ["openai-cua", "openai_cua", /^tsk_\d+$/],
  ["yutori-navigator", "yutori_navigator", /^tsk_\d+$/],
])("the engine %s makes runs of the type %s", async (engine, type, id) => {
  const api = await emulated();
  const run = await api.task({ engine });

  expect(run.run_type).toBe(type);
  expect(run.run_id).toMatch(id);
});

test.each(["terminated", "timed_out", "failed"] as const)(
  "an agent can end a run as %s, with a reason",
  async (status) => {
    const api = await emulated({
      onTask: (task) => {
        task.status = status;
        task.failureReason = "no such order";
        return [1];
      },
    });

    expect(await api.ended()).toMatchObject({ status, failure_reason: "no such order", output: [1] });
  },
);

test("what an agent throws fails its run, and so does an answer that no output can hold", async () => {
  const api = await emulated({
    onTask: ({ prompt }) => {
      if (prompt === "throw") throw new Error("the page is gone");
      return 7;
    },
  });

  expect(await api.ended({ prompt: "throw" })).toMatchObject({ status: "failed", failure_reason: "the page is gone" });
  expect(await api.ended()).toMatchObject({ status: "failed", failure_reason: "A number can be no output." });
});

test("more steps than were allowed fail the run, and stop its agent", async () => {
  const aborted = gate<boolean>();
  const api = await emulated({
    onTask: async ({ step, signal }) => {
      signal.addEventListener("abort", () => aborted.open(true));
      for (let i = 0; i < 9; i++) await step({ summary: "again" });
    },
  });

  expect(await api.ended({ max_steps: 3 })).toMatchObject({ status: "failed", step_count: 3 });
  expect(await aborted.promise).toBe(true);
});

test("the end of a session fails the run in it, and its agent is told", async () => {
  const api = await emulated({
    onTask: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
  });
  const { browser_session_id: id } = await api.session({ timeout: 5 });
  const { run_id: runId } = await api.task({ browser_session_id: id });
  await api.runAs(runId, "running");
  api.emulator.advance(5 * MINUTE);

  expect(await api.run(runId)).toMatchObject({ status: "failed", failure_reason: expect.stringContaining("timeout") });
  expect(await api.readSession(id)).toMatchObject({ status: "timeout", runnable_id: null });
});

test("without an agent of the user's, the emulator answers the same each time, and says what it is", async () => {
  const api = await emulated();
  const [one, two] = [await api.ended({ prompt: "buy" }), await api.ended({ prompt: "buy" })];

  expect(one.output).toBe(two.output);
  expect(one.output).toMatch(/^This is the Skyvern emulator\. No agent .* nothing was done about: buy$/);
  expect(one.step_count).toBe(2);
});

test.each([
  ["an object", { type: "object", properties: { n: { type: "integer", minimum: 3 } }, required: ["n"] }],
  ["a text", '{"type":"object","properties":{"n":{"const":3}},"required":["n"]}'],
])("without an agent of the user's, a schema that is %s is answered with what fits it", async (_, schema) => {
  const api = await emulated();
  expect((await api.ended({ data_extraction_schema: schema })).output).toEqual({ n: 3 });
});

test("closing the emulator ends what its agents do", async () => {
  const stopped = gate<unknown>();
  const api = await emulated({
    onTask: ({ signal }) => {
      signal.addEventListener("abort", () => stopped.open(signal.reason));
      return stopped.promise;
    },
  });
  const { run_id: id } = await api.task();
  await api.runAs(id, "running");
  await api.emulator.close();

  expect(await stopped.promise).toMatchObject({ name: "AbortError", message: "The emulator is closed." });
});

test("the request is told back with its defaults", async () => {
  const api = await emulated();
  const { run_request: request } = (await api.task({ prompt: "p", title: "t" })) satisfies RunView;

  expect(request).toMatchObject({ prompt: "p", title: "t", engine: "skyvern-1.0", proxy_location: "RESIDENTIAL" });
});
