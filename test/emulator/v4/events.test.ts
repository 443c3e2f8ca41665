import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { emulated } from "../support.ts";
import { ApiV4, never } from "./support.ts";

type Events = Schema<"V4RunEventsResponse">;

/** A run with so many steps, and a way to ask for its events. */
async function stepped(steps: number): Promise<{ id: string; ask: (query?: string) => Promise<Events> }> {
  const api = await emulated({
    startDelayMs: 1,
    onTask: async ({ step }) => {
      for (let i = 1; i <= steps; i++) await step({ summary: `${i}`, ...(i === 1 && { url: "https://a.test/" }) });
      return "done";
    },
  });
  const { id } = await new ApiV4(api).ended();
  return { id, ask: async (query = "") => (await api.get<Events>(`/v4/runs/${id}/events?${query}`)).body };
}

test("steps are events with ids from 1, in order, and the end is the last one", async () => {
  const { id, ask } = await stepped(2);
  const { events, hasMore } = await ask();

  expect(hasMore).toBe(false);
  expect(events.map(({ id, type, data }) => [id, type, data])).toEqual([
    [1, "step", { summary: "1", url: "https://a.test/" }],
    [2, "step", { summary: "2", url: null }],
    [3, "run.completed", { result: "done", error: null }],
  ]);
  for (const event of events) expect(event).toMatchObject({ runId: id, ts: expect.stringMatching(/Z$/) });
});

test("after an event come only those that follow it, and pages give all of them once", async () => {
  const { ask } = await stepped(4);
  const ids = ({ events }: Events) => events.map(({ id }) => id);
  const first = await ask("limit=2");
  const second = await ask(`limit=2&after=${first.nextAfter}`);
  const third = await ask(`limit=2&after=${second.nextAfter}`);

  expect([first, second, third].map(ids)).toEqual([[1, 2], [3, 4], [5]]);
  expect([first, second, third].map(({ hasMore }) => hasMore)).toEqual([true, true, false]);
  expect(ids(await ask("after=-1"))).toEqual([1, 2, 3, 4, 5]);
});

test("a page without events does not say where to go on", async () => {
  const { ask } = await stepped(1);

  expect(await ask("after=2")).toEqual({ events: [], nextAfter: null, hasMore: false });
  expect(await ask("after=99")).toEqual({ events: [], nextAfter: null, hasMore: false });
});

test("a page has 200 events when left out, one at least, and never more than 200", async () => {
  const { ask } = await stepped(200);

  for (const query of ["", "limit=1000"]) {
    const { events, nextAfter, hasMore } = await ask(query);
    expect([events.length, nextAfter, hasMore]).toEqual([200, 200, true]);
  }
  expect((await ask("limit=0")).events).toHaveLength(1);
});

test("ids begin at 1 in every run, also of one session", async () => {
  const api = await emulated({ startDelayMs: 1, onTask: ({ step }) => step({ summary: "s" }) });
  const v = new ApiV4(api);
  const { sessionId } = await v.ended();
  const { id } = await v.ended({ sessionId });

  expect((await api.get<Events>(`/v4/runs/${id}/events`)).body.events.map((event) => event.id)).toEqual([1, 2]);
});

test("how a run has ended shows in its last event", async () => {
  const api = await emulated({
    startDelayMs: 1,
    onTask: ({ task }) => (task === "fail" ? Promise.reject(new Error("no")) : never()),
  });
  const v = new ApiV4(api);
  const failed = await v.ended({ task: "fail" });
  const { id } = (await v.create()).body;
  await v.cancel(id);
  const last = async (run: string) => (await api.get<Events>(`/v4/runs/${run}/events`)).body.events.at(-1);

  expect(await last(failed.id)).toMatchObject({ type: "run.failed", data: { error: "no" } });
  expect(await last(id)).toMatchObject({ type: "run.cancelled", data: { result: null, error: null } });
});
