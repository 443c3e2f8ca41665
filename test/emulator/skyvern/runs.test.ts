import { expect, test } from "vitest";
import type { SkyvernTask } from "../../../src/emulator/index.ts";
import type { Schema } from "../../../src/emulator/skyvern/operations.ts";
import { gate, until } from "../support.ts";
import { type Api, emulated } from "./support.ts";

const untilAborted = ({ signal }: SkyvernTask) => new Promise((resolve) => signal.addEventListener("abort", resolve));

const list = async (api: Api, query = "") =>
  (await api.get<Schema<"V1RunListItem">[]>(`/v1/runs${query}`)).body.map(({ run_id: id }) => id);

test("cancelling is 200 with null, ends the run as canceled, and frees its session", async () => {
  const api = await emulated({ onTask: untilAborted });
  const { browser_session_id: session } = await api.session();
  const { run_id: id } = await api.task({ browser_session_id: session });
  await api.runAs(id, "running");

  expect(await api.post(`/v1/runs/${id}/cancel`)).toMatchObject({ status: 200, body: null });
  expect(await api.run(id)).toMatchObject({ status: "canceled", finished_at: expect.any(String) });
  expect((await api.readSession(session)).runnable_id).toBeNull();
});

test("cancelling a run that has ended changes nothing, and one that never was is 404", async () => {
  const api = await emulated();
  const run = await api.ended();

  expect(await api.post(`/v1/runs/${run.run_id}/cancel`)).toMatchObject({ status: 200, body: null });
  expect(await api.run(run.run_id)).toMatchObject({ status: "completed", finished_at: run.finished_at });
  expect((await api.post("/v1/runs/tsk_1/cancel")).status).toBe(404);
});

test.each(["created", "queued"])("a run that is cancelled while it is %s never gets an agent", async (status) => {
  let called = 0;
  const api = await emulated({ onTask: () => void called++, queueMs: 60_000 });
  const { run_id: id } = await api.task();
  if (status === "queued") api.emulator.advance(60_000);
  expect((await api.run(id)).status).toBe(status);
  await api.post(`/v1/runs/${id}/cancel`);
  api.emulator.advance(120_000);

  expect([(await api.run(id)).status, called]).toEqual(["canceled", 0]);
});

test.each([
  ["skyvern-1.0", false, "canceled"],
  ["skyvern-1.0", true, "completed"],
  ["skyvern-2.0", true, "canceled"],
])(
  "of %s, an agent that answers after the cancel leaves the run canceled, unless asked otherwise: %s",
  async (engine, completesAfterCancel, status) => {
    const { promise, open } = gate<string>();
    const answered = gate();
    const onTask = async () => {
      const answer = await promise;
      setImmediate(answered.open);
      return answer;
    };
    const api = await emulated({ completesAfterCancel, onTask });
    const { run_id: id } = await api.task({ engine });
    await api.runAs(id, "running");
    await api.post(`/v1/runs/${id}/cancel`);
    open("late");
    await answered.promise;

    expect(await api.run(id)).toMatchObject({ status, output: status === "completed" ? "late" : null });
  },
);

test("cancelling several tells which were, and which had ended or never were", async () => {
  const api = await emulated({ onTask: (task) => (task.prompt === "end" ? "" : untilAborted(task)) });
  const ended = await api.ended({ prompt: "end" });
  const [one, two] = [await api.task(), await api.task()];
  const { body } = await api.post("/v1/runs/cancel", { run_ids: [one.run_id, ended.run_id, "tsk_1", two.run_id] });

  expect(body).toEqual({ cancelled: [one.run_id, two.run_id], failed: [ended.run_id, "tsk_1"] });
  expect((await api.run(two.run_id)).status).toBe("canceled");
  expect((await api.post("/v1/runs/cancel", {})).status).toBe(422);
});

test("a run can pause for ever, and go on", async () => {
  const { promise, open } = gate();
  const api = await emulated({
    onTask: async (task) => {
      task.pause();
      await promise;
      task.resume();
      return "done";
    },
  });
  const [one, two] = [await api.task(), await api.task()];
  await Promise.all([one, two].map(({ run_id: id }) => api.runAs(id, "paused")));
  api.emulator.advance(24 * 60 * 60_000);

  expect((await api.run(one.run_id)).status).toBe("paused");
  await api.post(`/v1/runs/${two.run_id}/cancel`);
  open();
  expect((await api.runAs(one.run_id, "completed")).output).toBe("done");
  expect((await api.run(two.run_id)).status).toBe("canceled");
});

test("the timeline is there for skyvern-2.0 only", async () => {
  const api = await emulated({ onTask: ({ step }) => step({ summary: "looked", url: "https://shop.test/" }) });
  const [one, two] = [await api.ended(), await api.ended({ engine: "skyvern-2.0" })];
  const read = (id: string) => api.get(`/v1/runs/${id}/timeline`);

  expect(await read(one.run_id)).toMatchObject({ status: 400, body: { detail: expect.stringContaining("task_v1") } });
  expect(await read(two.run_id)).toMatchObject({
    status: 200,
    body: [{ type: "thought", thought: { thought: "looked", url: "https://shop.test/" }, block: null, children: [] }],
  });
  expect((await read("tsk_1")).status).toBe(404);
});

test("runs are listed in short, newest first, in pages, and only those that are asked for", async () => {
  const api = await emulated({
    onTask: ({ prompt }) => (prompt === "wait for it" ? new Promise(() => undefined) : ""),
  });
  const one = await api.ended({ prompt: "buy Milk" });
  const two = await api.ended({ title: "the milk", engine: "skyvern-2.0" });
  const three = await api.task({ prompt: "wait for it" });
  await api.runAs(three.run_id, "running");
  const [a, b, c] = [one, two, three].map(({ run_id: id }) => id);

  expect(await list(api)).toEqual([c, b, a]);
  expect(await list(api, "?page=2&page_size=2")).toEqual([a]);
  expect(await list(api, "?status=running&status=queued")).toEqual([c]);
  expect(await list(api, "?status=running&status=completed&run_type=task_v1")).toEqual([c, a]);
  expect(await list(api, "?search_key=milk")).toEqual([b, a]);
  expect(await list(api, `?search_key=${a}`)).toEqual([a]);
  expect(await list(api, "?tags=x")).toEqual([]);
  const [item] = (await api.get<object[]>("/v1/runs?page_size=1")).body;
  expect(item).not.toHaveProperty("output");
});

test.each(["page=0", "page=101", "page_size=101", "search_key=ab", "status=done"])(
  "a list with %s is 422",
  async (query) => {
    const api = await emulated();
    expect((await api.get(`/v1/runs?${query}`)).status).toBe(422);
  },
);

test("a step that nobody waits for, after the end, does not bring the process down", async () => {
  const later = gate<SkyvernTask>();
  const api = await emulated({ onTask: (task) => void later.open(task) });
  const run = await api.ended();
  const task = await later.promise;
  void task.step({ summary: "late" });
  task.pause();

  await expect(task.step({ summary: "late" })).rejects.toMatchObject({ name: "AbortError" });
  const read = await until(
    () => api.run(run.run_id),
    () => true,
  );
  expect(read).toMatchObject({ status: "completed", step_count: 0 });
});
