import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { matching, newestFirst, page } from "../../../src/emulator/server/paging.ts";
import { type Api, emulated, gate } from "../support.ts";

type TaskList = Schema<"V2TaskListResponse">;
type SessionList = Schema<"V3SessionListResponse">;

const START = Date.UTC(2026, 0, 1);

/** An emulator whose agent ends a task when it is told to; `now` moves by a second with every task. */
async function working(): Promise<{ api: Api; end: Map<string, () => void>; create(): Promise<string> }> {
  const end = new Map<string, () => void>();
  const clock = { now: START };
  const onTask = async ({ task }: { task: string }) => {
    const ended = gate();
    end.set(task, () => ended.open());
    await ended.promise;
  };
  const api = await emulated({ startDelayMs: 0, maxSessions: 1_000, onTask, now: () => clock.now });
  let count = 0;
  const create = async () => {
    clock.now += 1_000;
    return (await api.taskV2({ task: String(count++) })).id;
  };
  return { api, end, create };
}

async function tasks(api: Api, query: string): Promise<{ names: string; total: number }> {
  const { items, totalItems } = (await api.get<TaskList>(`/v2/tasks?${query}`)).body;
  return { names: items.map(({ task }) => task).join(" "), total: totalItems };
}

test("pages are cut from the newest to the oldest row, and what is beyond the last one is empty", () => {
  const all = [1, 2, 3, 4, 5];
  const rows = (number: number, size: number) => newestFirst(all, number, size).rows;

  expect([1, 2, 3, 4, 1_000].map((number) => rows(number, 2))).toEqual([[5, 4], [3, 2], [1], [], []]);
  expect(rows(1, 5)).toEqual([5, 4, 3, 2, 1]);
  expect(rows(1, 100)).toEqual([5, 4, 3, 2, 1]);
  expect(newestFirst([], 1, 10)).toEqual({ rows: [], total: 0 });
  expect(page(all, { pageNumber: 2, pageSize: 3 }, String)).toEqual({
    items: ["2", "1"],
    totalItems: 5,
    pageNumber: 2,
    pageSize: 3,
  });
  expect(all).toEqual([1, 2, 3, 4, 5]);
  expect(matching(new Set(all), (one) => one % 2 === 1)).toEqual([1, 3, 5]);
});

test("tasks stay in the order of their creation while they move from status to status", async () => {
  const { api, end, create } = await working();
  for (let i = 0; i < 6; i++) await create();
  await expect.poll(() => end.size).toBe(6);
  expect(await tasks(api, "filterBy=started&pageSize=4")).toEqual({ names: "5 4 3 2", total: 6 });
  for (const name of ["1", "4"]) end.get(name)?.();
  await expect.poll(async () => (await tasks(api, "filterBy=finished")).total).toBe(2);

  expect(await tasks(api, "filterBy=started&pageSize=2")).toEqual({ names: "5 3", total: 4 });
  expect(await tasks(api, "filterBy=started&pageSize=2&pageNumber=2")).toEqual({ names: "2 0", total: 4 });
  expect(await tasks(api, "filterBy=started&pageSize=2&pageNumber=3")).toEqual({ names: "", total: 4 });
  expect(await tasks(api, "filterBy=finished")).toEqual({ names: "4 1", total: 2 });
  expect(await tasks(api, "")).toEqual({ names: "5 4 3 2 1 0", total: 6 });
  expect(await tasks(api, "filterBy=stopped")).toEqual({ names: "", total: 0 });
});

test("between two pages a new task moves all rows by one, and one that leaves the filter moves them back", async () => {
  const { api, end, create } = await working();
  for (let i = 0; i < 4; i++) await create();
  await expect.poll(() => end.size).toBe(4);
  const second = "filterBy=started&pageSize=2&pageNumber=2";
  expect((await tasks(api, second)).names).toBe("1 0");
  await create();
  await expect.poll(() => end.size).toBe(5);
  expect((await tasks(api, second)).names).toBe("2 1");
  end.get("4")?.();

  await expect.poll(async () => (await tasks(api, second)).names).toBe("1 0");
});

test("a window of time takes tasks by their creation, and goes with the other filters", async () => {
  const { api, end, create } = await working();
  for (let i = 0; i < 5; i++) await create();
  await expect.poll(() => end.size).toBe(5);
  end.get("2")?.();
  await expect.poll(async () => (await tasks(api, "filterBy=finished")).total).toBe(1);
  const at = (seconds: number) => encodeURIComponent(new Date(START + seconds * 1_000).toISOString());

  expect(await tasks(api, `after=${at(3)}`)).toEqual({ names: "4 3 2", total: 3 });
  expect(await tasks(api, `before=${at(3)}`)).toEqual({ names: "2 1 0", total: 3 });
  expect(await tasks(api, `after=${at(2)}&before=${at(4)}&pageSize=2`)).toEqual({ names: "3 2", total: 3 });
  expect(await tasks(api, `after=${at(2)}&before=${at(4)}&filterBy=started`)).toEqual({ names: "3 1", total: 2 });
  expect(await tasks(api, `after=${at(4)}&before=${at(2)}`)).toEqual({ names: "", total: 0 });
  expect(await tasks(api, `after=${encodeURIComponent("2026-01-01T01:00:03+01:00")}`)).toMatchObject({ total: 3 });
});

test("the tasks of a session are its own, newest first, and none of a session of another kind", async () => {
  const api = await emulated({ startDelayMs: 0 });
  const [one, two] = [await api.sessionV2(), await api.sessionV2()];
  for (const [task, sessionId] of [
    ["a", one],
    ["b", two],
    ["c", one],
  ] as const) {
    await api.endedTask((await api.taskV2({ task, sessionId })).id);
  }

  expect(await tasks(api, `sessionId=${one}`)).toEqual({ names: "c a", total: 2 });
  expect(await tasks(api, `sessionId=${one}&filterBy=finished&pageSize=1&pageNumber=2`)).toEqual({
    names: "a",
    total: 2,
  });
  expect(await tasks(api, `sessionId=${await api.idleV3()}`)).toEqual({ names: "", total: 0 });
  await api.delete(`/v2/sessions/${one}`);
  expect(await tasks(api, `sessionId=${one}`)).toEqual({ names: "", total: 0 });
  expect(await tasks(api, "")).toEqual({ names: "b", total: 1 });
});

test("v3 sessions are listed newest first whatever becomes of them, without those deleted and those of other kinds", async () => {
  const api = await emulated({ startDelayMs: 0, maxSessions: 100 });
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    ids.push(await api.idleV3({ keepAlive: true }));
    await api.sessionV2();
    await api.post("/v3/browsers", {});
  }
  const list = async (query: string) => {
    const { sessions, total } = (await api.get<SessionList>(`/v3/sessions?${query}`)).body;
    return [sessions.map(({ id, status }) => `${ids.indexOf(id)} ${status}`).join(), total];
  };
  await api.post(`/v3/sessions/${ids[3]}/stop`, {});
  await api.post("/v3/sessions", { sessionId: ids[0], task: "t", keepAlive: true });
  await api.delete(`/v3/sessions/${ids[1]}`);
  await api.statusV3(ids[0] ?? "", "idle");

  expect(await list("page_size=2")).toEqual(["4 idle,3 stopped", 4]);
  expect(await list("page_size=2&page=2")).toEqual(["2 idle,0 idle", 4]);
  expect(await list("page_size=2&page=3")).toEqual(["", 4]);
});

test("a list of thousands counts all of them and shows one page", async () => {
  const api = await emulated({ startDelayMs: 0, maxSessions: 100_000, onTask: () => "done" });
  const post = () => {
    const headers = { "X-Browser-Use-API-Key": api.emulator.apiKey, "Content-Type": "application/json" };
    return api.emulator.fetch(`${api.emulator.url}/v2/tasks`, { method: "POST", headers, body: '{"task":"t"}' });
  };
  for (let i = 0; i < 5; i++) {
    await Promise.all(Array.from({ length: 1_000 }, post));
    await expect
      .poll(async () => (await tasks(api, "filterBy=finished&pageSize=1")).total, { timeout: 10_000 })
      .toBe((i + 1) * 1_000);
  }

  const { items, totalItems } = (await api.get<TaskList>("/v2/tasks?pageSize=100&pageNumber=50")).body;
  expect([items.length, totalItems]).toEqual([100, 5_000]);
});
