import { expect, test } from "vitest";
import type { TaskJob } from "../../../src/emulator/index.ts";
import { type Api, emulated, MISSING, type Refusal, until } from "../support.ts";
import { ApiV4, type Message, never } from "./support.ts";

/** A session whose run is at work until its task is let go by name. */
async function busy(options: Parameters<typeof emulated>[0] = {}): Promise<{
  v: ApiV4;
  api: Api;
  sessionId: string;
  id: string;
  finish: (task: string) => void;
}> {
  const open = new Map<string, (value: string) => void>();
  const onTask = ({ task }: TaskJob) => new Promise((resolve) => open.set(task, resolve));
  const api = await emulated({ startDelayMs: 1, onTask, ...options });
  const v = new ApiV4(api);
  const { id, sessionId } = (await v.create({ task: "first", model: "glm-5.2" })).body;
  await v.reached(id, "running");
  return { v, api, sessionId, id, finish: (task) => open.get(task)?.(task) };
}

async function turns(v: ApiV4, sessionId: string, ...wanted: string[]): Promise<void> {
  await until(
    () => v.turns(sessionId),
    (seen) => seen.join() === wanted.join(),
  );
}

test("a message to an idle session becomes a run at once, with the model of the one before", async () => {
  const { v, sessionId, finish } = await busy();
  finish("first");
  await turns(v, sessionId, "first: completed");
  const { status, body } = await v.send(sessionId, "second");

  expect(status).toBe(200);
  expect(body).toMatchObject({ sessionId, status: "consumed", text: "second", attachedFileIds: null });
  expect(await v.run(body.runId ?? "")).toMatchObject({ task: "second", sessionId, model: "glm-5.2" });
  expect(await v.queue(sessionId)).toEqual([]);
});

test("messages to a busy session wait, and run one after the other in the order they came", async () => {
  const { v, sessionId, finish } = await busy();
  const { body } = await v.send(sessionId, "second");
  await v.send(sessionId, "third");
  expect(body).toMatchObject({ status: "pending", runId: null });
  expect(await v.queue(sessionId)).toEqual(["second", "third"]);

  finish("first");
  await turns(v, sessionId, "first: completed", "second: running");
  expect(await v.queue(sessionId)).toEqual(["third"]);
  finish("second");
  await turns(v, sessionId, "first: completed", "second: completed", "third: running");
  expect(await v.queue(sessionId)).toEqual([]);
  expect(await v.browsers(sessionId)).toHaveLength(1);
});

test.each(["cancelled", "failed"])("the next message has its turn also after a run that was %s", async (how) => {
  const onTask = ({ task, signal }: TaskJob) =>
    task === "fail"
      ? Promise.reject(new Error("no"))
      : new Promise((resolve) => signal.addEventListener("abort", resolve));
  const { v, sessionId, id } = await busy({ onTask });
  if (how === "failed") await v.send(sessionId, "fail");
  await v.send(sessionId, "next");
  await v.cancel(id);

  const failed = how === "failed" ? ["fail: failed"] : [];
  await turns(v, sessionId, "first: cancelled", ...failed, "next: running");
});

test("a message that interrupts cancels the run at work, and comes before those that wait", async () => {
  const { v, sessionId } = await busy();
  await v.send(sessionId, "patient");
  const { body } = await v.send(sessionId, "now", { interrupt: true });

  expect(body).toMatchObject({ status: "consumed", text: "now" });
  await turns(v, sessionId, "first: cancelled", "now: running");
  expect((await v.session(sessionId)).latestRunId).toBe(body.runId);
  expect(await v.queue(sessionId)).toEqual(["patient"]);
});

test("interrupting an idle session is sending", async () => {
  const { v, sessionId, finish } = await busy();
  finish("first");
  await turns(v, sessionId, "first: completed");
  await v.send(sessionId, "second", { interrupt: true });

  await turns(v, sessionId, "first: completed", "second: running");
});

test("a message that waits can be taken back, once; then it is 409, and so is one that has become a run", async () => {
  const { v, api, sessionId, finish } = await busy();
  const [second, third] = [(await v.send(sessionId, "second")).body, (await v.send(sessionId, "third")).body];
  const take = (id: number, session = sessionId) =>
    api.delete<Message & Refusal>(`/v4/sessions/${session}/queue/${id}`);

  expect(await take(second.id)).toMatchObject({ status: 200, body: { ...second, status: "cancelled" } });
  expect(await take(second.id)).toMatchObject({ status: 409, body: { detail: "The message is no longer pending" } });
  finish("first");
  await turns(v, sessionId, "first: completed", "third: running");
  expect((await take(third.id)).status).toBe(409);
});

test("what is not there is 404: a session, a message, a message of another session", async () => {
  const { v, api, sessionId } = await busy();
  const other = (await v.create()).body.sessionId;
  const { id } = (await v.send(sessionId, "waits")).body;

  expect((await v.send(MISSING, "t")).status).toBe(404);
  expect((await api.get(`/v4/sessions/${MISSING}/queue`)).status).toBe(404);
  expect((await api.delete(`/v4/sessions/${MISSING}/queue/${id}`)).status).toBe(404);
  expect((await api.delete(`/v4/sessions/${other}/queue/${id}`)).status).toBe(404);
  expect((await api.delete(`/v4/sessions/${sessionId}/queue/${id + 1}`)).status).toBe(404);
  expect((await api.delete(`/v4/sessions/${sessionId}/queue/x`)).status).toBe(422);
  expect(await v.queue(sessionId)).toEqual(["waits"]);
});

test("twenty messages may wait; the next one is 429, until one has gone", async () => {
  const { v, api, sessionId } = await busy();
  const { id } = (await v.send(sessionId, "1")).body;
  for (let i = 2; i <= 20; i++) expect((await v.send(sessionId, `${i}`)).status).toBe(200);

  for (const interrupt of [false, true]) {
    const { status, body } = await v.send<Refusal>(sessionId, "21", { interrupt });
    expect([status, body.detail]).toEqual([429, "The message queue of the session is full"]);
  }
  await api.delete(`/v4/sessions/${sessionId}/queue/${id}`);
  expect((await v.send(sessionId, "21")).status).toBe(200);
  expect((await v.session(sessionId)).status).toBe("running");
});

test("the next message gets a browser in place of one that has ended under the run before", async () => {
  const { v, api, sessionId, id } = await busy({ maxSessions: 1, onTask: never });
  await v.send(sessionId, "second");
  await v.stop((await v.browsers(sessionId))[0]?.id);
  expect((await v.run(id)).status).toBe("failed");
  await turns(v, sessionId, "first: failed", "second: running");

  await v.send(sessionId, "third");
  api.emulator.expireSession(sessionId);
  await turns(v, sessionId, "first: failed", "second: failed", "third: running");
  expect((await v.browsers(sessionId)).map(({ status }) => status)).toEqual(["active", "stopped", "stopped"]);
});

test("messages fail, one after the other, when there can be no browser for them: their profile was deleted", async () => {
  const { v, api, sessionId } = await busy({ onTask: never });
  const profileId = await api.profile();
  const { id, sessionId: other } = (await v.create({ task: "first", browserSettings: { profileId } })).body;
  await v.reached(id, "running");
  const messages = [(await v.send(other, "second")).body, (await v.send(other, "third")).body];
  await api.delete(`/v4/profiles/${profileId}`);
  await v.stop((await v.browsers(other))[0]?.id);

  expect(await v.turns(other)).toEqual(["first: failed"]);
  expect(await v.queue(other)).toEqual([]);
  for (const message of messages) {
    expect((await api.delete(`/v4/sessions/${other}/queue/${message.id}`)).status).toBe(409);
  }
  expect(await v.turns(sessionId)).toEqual(["first: running"]);
});

test("a message is 429 when the session is idle, its browser gone, and no slot free", async () => {
  const { v, sessionId, finish } = await busy({ maxSessions: 1 });
  finish("first");
  await turns(v, sessionId, "first: completed");
  await v.stop((await v.browsers(sessionId))[0]?.id);
  await v.create();

  expect((await v.send(sessionId, "second")).status).toBe(429);
  expect(await v.queue(sessionId)).toEqual([]);
});

test.each([{ text: "" }, {}, { text: "t", task: "t" }])("the message %j is 422", async (message) => {
  const { api, sessionId } = await busy();

  expect((await api.post(`/v4/sessions/${sessionId}/queue`, message)).status).toBe(422);
});
