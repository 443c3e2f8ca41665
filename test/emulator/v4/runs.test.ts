import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { TaskJob } from "../../../src/emulator/index.ts";
import type { Schema } from "../../../src/emulator/operations.ts";
import { emulated, gate, type Invalid, MINUTE, MISSING, type Refusal, until } from "../support.ts";
import { ApiV4, never, type Run } from "./support.ts";

type List = Schema<"V4RunListResponse">;

async function v4(options: Parameters<typeof emulated>[0] = {}): Promise<ApiV4> {
  return new ApiV4(await emulated({ startDelayMs: 1, ...options }));
}

test("a run makes a session and a workspace of its own, and says where its events are", async () => {
  const v = await v4({ onTask: never });
  const { status, body } = await v.create({ task: "Add it up" });

  expect(status).toBe(200);
  expect(body).toMatchObject({ status: "queued", model: "minimax-m3", missingFileIds: [] });
  expect(body.eventsUrl).toBe(`${v.api.emulator.url}/v4/runs/${body.id}/events`);
  expect(await v.session(body.sessionId)).toMatchObject({ latestRunId: body.id, workspaceId: body.workspaceId });
  expect((await v.api.get(`/v4/workspaces/${body.workspaceId}`)).status).toBe(200);
  expect((await v.create()).body.workspaceId).not.toBe(body.workspaceId);
});

test("a run is queued, then dispatching, then running, then completed, in every view alike", async () => {
  const done = gate<string>();
  const v = await v4({ startDelayMs: MINUTE, onTask: () => done.promise });
  const { id, sessionId } = (await v.create()).body;
  const look = async () => {
    const list = (await v.api.get<List>("/v4/runs")).body.runs[0]?.status;
    const short = (await v.api.get<{ status: string }>(`/v4/runs/${id}/status`)).body;
    return new Set([(await v.run(id)).status, list, short.status, (await v.session(sessionId)).status]);
  };
  const seen = [await look()];
  for (let i = 0; i < 2; i++) {
    v.api.emulator.advance(MINUTE);
    seen.push(await look());
  }
  done.open("yes");
  await v.reached(id);
  seen.push(await look());

  expect(seen.map((one) => [...one])).toEqual([["queued"], ["dispatching"], ["running"], ["completed"]]);
});

test("a run ends with its result as text, its cost as decimal text, and its tokens", async () => {
  const v = await v4({ onTask: ({ step }) => step({ summary: "one" }).then(() => ({ total: 7 })) });
  const run = await v.ended({ task: "Add it up", model: "glm-5.2" });

  expect(run).toMatchObject({
    status: "completed",
    task: "Add it up",
    title: "Add it up",
    model: "glm-5.2",
    result: '{"total":7}',
    error: null,
    judgement: null,
    attachedFileIds: null,
    totalCostUsd: "0.012",
    totalInputTokens: 1000,
    totalOutputTokens: 100,
  });
  expect(run.createdAt).toMatch(/Z$/);
  expect(run.updatedAt > run.createdAt).toBe(true);
});

test("there is no title and no result before there is one, and none when the agent gives nothing", async () => {
  const v = await v4({ startDelayMs: MINUTE, onTask: () => undefined });
  const { id } = (await v.create()).body;
  expect(await v.run(id)).toMatchObject({ title: null, result: null, totalCostUsd: "0" });
  v.api.emulator.advance(2 * MINUTE);

  expect(await v.reached(id)).toMatchObject({ status: "completed", result: null });
});

test("what the agent throws is the error of a failed run", async () => {
  const v = await v4({ onTask: () => Promise.reject(new Error("no way in")) });

  expect(await v.ended()).toMatchObject({ status: "failed", error: "no way in", result: null });
  const odd = await v4({ onTask: () => Promise.reject() });
  expect((await odd.ended()).status).toBe("failed");
});

test("the agent knows the session, the run, the version and what was asked for", async () => {
  const jobs: TaskJob[] = [];
  const v = await v4({ onTask: (job) => void jobs.push(job) });
  const { id, sessionId } = await v.ended({ task: "t", maxCostUsd: "1" });

  const [job] = jobs;
  expect(job).toMatchObject({ apiVersion: "v4", sessionId, runId: id, task: "t", request: { maxCostUsd: "1" } });
  expect(job).not.toHaveProperty("taskId");
});

test("without an agent of one's own, the answer says that it is the emulator's", async () => {
  expect((await (await v4()).ended({ task: "Book it" })).result).toMatch(/emulator.*Book it/);
});

test("a cancelled run is cancelled at once, its agent is told, and cancelling again changes nothing", async () => {
  const jobs: TaskJob[] = [];
  const late = gate<string>();
  const v = await v4({
    onTask: (job) => {
      jobs.push(job);
      return late.promise;
    },
  });
  const { id } = (await v.create()).body;
  await until(
    async () => jobs,
    ({ length }) => length === 1,
  );
  const cancelled = await v.cancel(id);

  expect(cancelled).toMatchObject({ status: "cancelled", result: null, error: null });
  expect(jobs[0]?.signal.aborted).toBe(true);
  late.open("late");
  v.api.emulator.advance(1_000);
  expect(await v.cancel(id)).toEqual(cancelled);
  expect(await v.run(id)).toEqual(cancelled);
  expect((await v.api.post(`/v4/runs/${MISSING}/cancel`)).status).toBe(404);
});

test("a run can be cancelled before it runs, and never runs then", async () => {
  let calls = 0;
  const v = await v4({ startDelayMs: MINUTE, onTask: () => ++calls });
  const { id } = (await v.create()).body;

  expect((await v.cancel(id)).status).toBe("cancelled");
  v.api.emulator.advance(5 * MINUTE);
  expect([(await v.run(id)).status, calls]).toEqual(["cancelled", 0]);
});

test("cancelling leaves a run that has ended as it is", async () => {
  const v = await v4({ onTask: () => "done" });
  const run = await v.ended();

  expect(await v.cancel(run.id)).toEqual(run);
});

test("a run that costs more than its limit fails with what it has cost", async () => {
  const v = await v4({ onTask: async ({ step }) => void (await step({ summary: "1" })) });

  expect(await v.ended({ maxCostUsd: "0.011" })).toMatchObject({ status: "failed", totalCostUsd: "0.012" });
  expect((await v.ended({ maxCostUsd: 0.012 })).status).toBe("completed");
  for (const maxCostUsd of [0, -1, "0", "-0.5"]) {
    const { status, body } = await v.create<Invalid>({ maxCostUsd });
    expect([status, body.detail[0]?.loc]).toEqual([422, ["body", "maxCostUsd"]]);
  }
});

test("a judge's report comes a moment after the end, costs, and tells whether the agent has succeeded", async () => {
  const v = await v4({
    startDelayMs: MINUTE,
    onTask: (job) => {
      job.success = job.task === "good";
      return "done";
    },
  });
  const ids = await Promise.all(
    ["good", "bad", "plain"].map(async (task) => {
      const judge = task === "plain" ? null : {};
      return (await v.create({ task, judge })).body.id;
    }),
  );
  v.api.emulator.advance(2 * MINUTE);
  const ended = await Promise.all(ids.map((id) => v.reached(id)));
  expect(ended.map(({ judgement, totalCostUsd }) => [judgement, totalCostUsd])).toEqual([
    [null, "0.01"],
    [null, "0.01"],
    [null, "0.01"],
  ]);
  v.api.emulator.advance(MINUTE);

  const judged = await Promise.all(ids.map((id) => v.run(id)));
  expect(judged.map(({ judgement }) => judgement?.["verdict"])).toEqual([true, false, undefined]);
  expect(judged.map(({ totalCostUsd }) => totalCostUsd)).toEqual(["0.012", "0.012", "0.01"]);
  expect(judged.map(({ updatedAt }, i) => updatedAt > (ended[i]?.updatedAt ?? ""))).toEqual([true, true, false]);
});

test("the cost of runs is taken from the account", async () => {
  const v = await v4({ onTask: () => "done" });
  await v.ended();

  const { body } = await v.api.get<Schema<"V3AccountView">>("/v3/billing/account");
  expect(body.totalCreditsBalanceUsd).toBeCloseTo(99.99, 9);
});

test("a follow-up goes to the session of the run before, with its workspace, and sees its files", async () => {
  const v = await v4({
    onTask: async ({ task, files, write }) => {
      if (task === "one") await write("notes/a.txt", "from one");
      return [...files].map(([path, bytes]) => `${path}=${Buffer.from(bytes)}`).join();
    },
  });
  const { sessionId, workspaceId } = await v.ended({ task: "one" });
  const second = await v.ended({ task: "two", sessionId });

  expect(second).toMatchObject({ sessionId, workspaceId, result: "notes/a.txt=from one" });
  expect(await v.turns(sessionId)).toEqual(["one: completed", "two: completed"]);
});

test("a follow-up is 409 with a reason as long as a run is queued, dispatching or running there", async () => {
  const v = await v4({ startDelayMs: MINUTE, onTask: never });
  const { id, sessionId } = (await v.create()).body;
  const tried: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const { status, body } = await v.create<Refusal>({ sessionId });
    tried.push([(await v.run(id)).status, status, body.detail]);
    v.api.emulator.advance(MINUTE);
  }
  await v.cancel(id);

  const busy = [409, "The session already has an active run"];
  expect(tried).toEqual([
    ["queued", ...busy],
    ["dispatching", ...busy],
    ["running", ...busy],
  ]);
  expect((await v.create({ sessionId })).status).toBe(200);
});

test("what does not exist is 404, and leaves nothing behind", async () => {
  const v = await v4({ onTask: never });
  for (const body of [
    { sessionId: MISSING },
    { workspaceId: MISSING },
    { browserSettings: { profileId: MISSING } },
    { sessionId: await v.api.sessionV2() },
  ]) {
    expect([body, (await v.create(body)).status]).toEqual([body, 404]);
  }

  expect(v.api.emulator.sessions().map(({ kind }) => kind)).toEqual(["v2"]);
  const { body } = await v.api.get<{ items: unknown[] }>("/v3/workspaces");
  expect(body.items).toEqual([]);
  for (const path of ["", "/status", "/events", "/attachments"]) {
    expect((await v.api.get(`/v4/runs/${MISSING}${path}`)).status).toBe(404);
  }
});

test("a follow-up keeps its workspace: another one is 400", async () => {
  const v = await v4({ onTask: () => "done" });
  const workspaceId = await v.api.workspace();
  const { sessionId } = await v.ended({ workspaceId });

  expect((await v.create({ sessionId, workspaceId: await v.api.workspace() })).status).toBe(400);
  expect((await v.create({ sessionId, workspaceId: MISSING })).status).toBe(404);
  expect((await v.create({ sessionId, workspaceId })).body.workspaceId).toBe(workspaceId);
});

test("an agent that writes to a workspace that was deleted is told", async () => {
  const go = gate();
  const v = await v4({
    onTask: async ({ write }) => {
      await go.promise;
      await write("a", "1");
    },
  });
  const { id, workspaceId } = (await v.create()).body;
  await v.api.delete(`/v3/workspaces/${workspaceId}`);
  go.open();

  expect(await v.reached(id)).toMatchObject({ status: "failed", error: expect.stringContaining("was deleted") });
});

test.each([
  [{}, ["body", "task"]],
  [{ task: "" }, ["body", "task"]],
  [{ task: "t", keepAlive: true }, ["body", "keepAlive"]],
  [{ task: "t", browserSettings: { screen: 1 } }, ["body", "browserSettings", "screen"]],
  [{ task: "t", judge: { model: "x" } }, ["body", "judge", "model"]],
  [{ task: "t", attachedFileIds: Array(21).fill(MISSING) }, ["body", "attachedFileIds"]],
])("the request %j is 422", async (body, loc) => {
  const v = await v4();
  const answer = await v.api.post<Invalid>("/v4/runs", body);

  expect([answer.status, answer.body.detail[0]?.loc]).toEqual([422, loc]);
});

test("runs are listed newest first, page by page, also when others begin meanwhile", async () => {
  const v = await v4({ onTask: () => "done" });
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift((await v.create()).body.id);
  const page = async (query: string) => (await v.api.get<List>(`/v4/runs?${query}`)).body;
  const first = await page("limit=2");
  await v.create();
  const second = await page(`limit=2&cursor=${first.nextCursor}`);
  const third = await page(`limit=2&cursor=${second.nextCursor}`);

  const idsOf = ({ runs }: { runs: Run[] }) => runs.map(({ id }) => id);
  expect([first, second, third].flatMap(idsOf)).toEqual(ids);
  expect([first, second, third].map(({ hasMore }) => hasMore)).toEqual([true, true, false]);
  expect(third.nextCursor).toBeNull();
});

test("the runs of one session can be listed, and those of one that is not there are none", async () => {
  const v = await v4({ onTask: () => "done" });
  const { sessionId } = await v.ended({ task: "one" });
  await v.ended({ task: "other" });
  await v.ended({ task: "two", sessionId });

  expect(await v.turns(sessionId)).toEqual(["one: completed", "two: completed"]);
  expect(await v.turns(MISSING)).toEqual([]);
});

test("a page of runs has one at least and a hundred at most, whatever is asked for", async () => {
  const v = await v4({ startDelayMs: MINUTE, maxSessions: 1_000 });
  for (let i = 0; i < 101; i++) await v.create();
  const page = async (limit: number) => (await v.api.get<List>(`/v4/runs?limit=${limit}`)).body;

  expect((await page(0)).runs).toHaveLength(1);
  const full = await page(1_000);
  expect([full.runs.length, full.hasMore]).toEqual([100, true]);
});

test("a cursor that is none, or one of another list, is 400", async () => {
  const v = await v4({ startDelayMs: MINUTE });
  for (let i = 0; i < 2; i++) await v.create();
  const { nextCursor } = (await v.api.get<List>("/v4/runs?limit=1")).body;

  expect((await v.api.get(`/v4/sessions?cursor=${nextCursor}`)).status).toBe(400);
  for (const cursor of ["", "x", "2", MISSING]) {
    const { status, body } = await v.api.get<Refusal>(`/v4/runs?cursor=${cursor}`);
    expect([cursor, status, body.detail]).toEqual([cursor, 400, "Malformed pagination cursor"]);
  }
});

test("closing the emulator tells the agents of runs that are still at work", async () => {
  const jobs: TaskJob[] = [];
  const v = await v4({
    onTask: (job) => {
      jobs.push(job);
      return never();
    },
  });
  const { sessionId } = (await v.create()).body;
  await until(
    async () => jobs,
    ({ length }) => length === 1,
  );
  await v.send(sessionId, "next");
  await v.api.emulator.close();

  expect(jobs.map(({ signal }) => signal.aborted)).toEqual([true]);
});

test("runs of v4 send no webhooks", async () => {
  const types: string[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    types.push((JSON.parse(text) as { type: string }).type);
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const v = await v4({ onTask: () => "done", webhook: { url, secret: "s" } });
  await v.ended();
  await v.api.emulator.sendWebhook();

  expect(types).toEqual(["test"]);
});
