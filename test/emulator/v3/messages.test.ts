import { expect, test } from "vitest";
import type { Schema } from "../../../src/emulator/operations.ts";
import { type Api, emulated, MISSING } from "../support.ts";

/** A session with 14 messages: the task, a hidden one, eleven steps and the result. */
async function talked(api: Api): Promise<{ id: string; all: Schema<"V3MessageResponse">[] }> {
  const { id } = (await api.post<{ id: string }>("/v3/sessions", { task: "Count", keepAlive: false })).body;
  await api.statusV3(id, "stopped");
  return { id, all: (await api.messagesV3(id)).messages };
}

const counting = {
  startDelayMs: 1,
  onTask: async ({ step }: { step(step: { summary: string }): Promise<void> }) => {
    for (let i = 1; i <= 11; i++) await step({ summary: `${i}` });
    return "eleven";
  },
};

test("messages are in the order of the conversation: the task, what is hidden, the steps, the result", async () => {
  const { id, all } = await talked(await emulated(counting));

  expect(all).toHaveLength(14);
  expect(all[0]).toMatchObject({ role: "human", data: "Count", hidden: false, sessionId: id });
  expect(all[1]).toMatchObject({ role: "system", hidden: true });
  expect(all.slice(2, -1).map(({ role, summary }) => [role, summary])).toEqual(
    Array.from({ length: 11 }, (_, i) => ["assistant", String(i + 1)]),
  );
  expect(all.at(-1)).toMatchObject({ role: "assistant", data: "eleven" });
});

test("a page has ten messages, and the pages after a cursor give all of them once", async () => {
  const api = await emulated(counting);
  const { id, all } = await talked(api);
  const first = await api.messagesV3(id, "");
  expect([first.messages.length, first.hasMore]).toEqual([10, true]);
  const second = await api.messagesV3(id, `after=${first.messages.at(-1)?.id}`);

  expect(second.hasMore).toBe(false);
  expect([...first.messages, ...second.messages]).toEqual(all);
});

test("before a cursor are the messages just before it", async () => {
  const api = await emulated(counting);
  const { id, all } = await talked(api);
  const { messages, hasMore } = await api.messagesV3(id, `before=${all[10]?.id}&limit=3`);

  expect([messages, hasMore]).toEqual([all.slice(7, 10), true]);
  expect(await api.messagesV3(id, `before=${all[2]?.id}`)).toEqual({ messages: all.slice(0, 2), hasMore: false });
  expect((await api.messagesV3(id, `after=${all[1]?.id}&before=${all[5]?.id}`)).messages).toEqual(all.slice(2, 5));
});

test("after the last message there is nothing, and a cursor that is not there is 404", async () => {
  const api = await emulated(counting);
  const { id, all } = await talked(api);

  expect(await api.messagesV3(id, `after=${all.at(-1)?.id}`)).toEqual({ messages: [], hasMore: false });
  expect((await api.get(`/v3/sessions/${id}/messages?after=${MISSING}`)).status).toBe(404);
  expect((await api.get(`/v3/sessions/${MISSING}/messages`)).status).toBe(404);
  expect((await api.get(`/v3/sessions/${id}/messages?limit=101`)).status).toBe(422);
});

test("the message of a dispatch is there before its run starts, and none of the agent's is", async () => {
  const api = await emulated({ startDelayMs: 60_000 });
  const { id } = (await api.post<{ id: string }>("/v3/sessions", { task: "Wait" })).body;

  expect((await api.messagesV3(id)).messages.map(({ role }) => role)).toEqual(["human", "system"]);
});
