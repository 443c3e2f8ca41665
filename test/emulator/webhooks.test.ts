import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createEmulator, type EmulatorOptions, RawNumber, type WebhookOptions } from "../../src/emulator/index.ts";
import { type Api, emulated } from "./support.ts";

const SECRET = "webhook-secret";

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly event: { type: string; timestamp: string; payload: Record<string, unknown> };
}

interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** What is answered, by the number of the request; 0 hangs, -1 resets the connection. */
  status: (request: number) => number;
}

/** A server that keeps every webhook it gets. */
async function receiver(status: (request: number) => number = () => 204): Promise<Receiver> {
  const received: Received[] = [];
  const self = { url: "", received, status };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    received.push({ headers: request.headers, text, event: JSON.parse(text) });
    const code = self.status(received.length - 1);
    if (code < 0) return request.socket.resetAndDestroy();
    if (code > 0) response.writeHead(code, code === 302 ? { Location: "/elsewhere" } : {}).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  self.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return self;
}

async function told(to: Receiver, options: EmulatorOptions = {}, webhook: Partial<WebhookOptions> = {}): Promise<Api> {
  return emulated({ startDelayMs: 1, ...options, webhook: { url: to.url, secret: SECRET, ...webhook } });
}

function first({ received }: Receiver): Received {
  const [webhook] = received;
  if (!webhook) throw new Error("no webhook came");
  return webhook;
}

const statuses = ({ received }: Receiver) => received.map(({ event }) => event.payload["status"]);
const sees = (to: Receiver, ...expected: unknown[]) =>
  expect.poll(() => statuses(to), { timeout: 5_000 }).toEqual(expected);

function signature(timestamp: unknown, canonical: string): string {
  return createHmac("sha256", SECRET).update(`${timestamp}.${canonical}`).digest("hex");
}

test("a v2 task tells when it starts and how it ends, with its ids and its metadata", async () => {
  const to = await receiver();
  const api = await told(to);
  const { id, sessionId } = await api.taskV2({ metadata: { order: "7" } });

  await sees(to, "started", "finished");
  for (const { event, headers } of to.received) {
    expect(event).toEqual({
      type: "agent.task.status_update",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      payload: { task_id: id, session_id: sessionId, status: expect.any(String), metadata: { order: "7" } },
    });
    expect(headers["content-type"]).toBe("application/json");
  }
});

test.each([
  ["fails", () => Promise.reject(new Error("no")), "failed"],
  ["is stopped", () => new Promise(() => undefined), "stopped"],
])("a v2 task that %s tells so", async (_, onTask, status) => {
  const to = await receiver();
  const api = await told(to, { onTask });
  const { id } = await api.taskV2({});
  await expect.poll(() => statuses(to)[0]).toBe("started");
  if (status === "stopped") await api.patch(`/v2/tasks/${id}`, { action: "stop" });

  await sees(to, "started", status);
});

test("a v2 task that is stopped before it starts tells only that", async () => {
  const to = await receiver();
  const api = await told(to, { startDelayMs: 60_000 });
  const { id } = await api.taskV2({});
  await api.patch(`/v2/tasks/${id}`, { action: "stop_task_and_session" });

  await sees(to, "stopped");
});

test("a v3 session tells when it is idle, when it runs and when it is over, whatever ends it; each run has an id", async () => {
  const to = await receiver();
  const api = await told(to);
  const id = await api.idleV3({ keepAlive: true });
  await sees(to, "idle");
  for (const task of ["one", "two"]) {
    await api.post("/v3/sessions", { sessionId: id, task, keepAlive: true });
    await expect.poll(() => statuses(to).length).toBe(task === "one" ? 3 : 5);
    await api.statusV3(id, "idle");
  }
  api.emulator.expireSession(id);

  await sees(to, "idle", "running", "idle", "running", "idle", "stopped");
  expect(to.received.every(({ event }) => event.payload["session_id"] === id)).toBe(true);
  const runs = to.received.map(({ event }) => event.payload["task_id"]);
  expect(runs[0]).toBeNull();
  expect(runs[1]).toBe(runs[2]);
  expect(new Set(runs.slice(1, 5)).size).toBe(2);
});

test.each([
  ["ends with its task", () => "done", ["idle", "running", "stopped"]],
  ["fails", () => Promise.reject(new Error("no")), ["idle", "running", "stopped"]],
])("a v3 session that %s is told to be stopped, once", async (_, onTask, expected) => {
  const to = await receiver();
  const api = await told(to, { onTask });
  const { id } = (await api.post<{ id: string }>("/v3/sessions", { task: "t" })).body;
  await api.statusV3(id, "stopped", "error");
  await api.post(`/v3/sessions/${id}/stop`, {});

  await sees(to, ...expected);
  expect((await api.emulator.sendWebhook()).delivered).toBe(true);
  expect(statuses(to)).toHaveLength(expected.length + 1);
});

test("a browser, a v2 session and a failed dispatch tell nothing", async () => {
  const to = await receiver();
  const api = await told(to);
  const { id } = (await api.post<{ id: string }>("/v2/browsers", {})).body;
  await api.patch(`/v2/browsers/${id}`, { action: "stop" });
  const session = await api.sessionV2();
  await api.patch(`/v2/sessions/${session}`, { action: "stop" });
  expect((await api.post("/v2/tasks", { task: "t", sessionId: session })).status).toBe(400);
  await api.emulator.sendWebhook();

  expect(to.received.map(({ event }) => event.type)).toEqual(["test"]);
});

// The texts that are signed are written out: what the emulator computes is not asked.
test("as Python the wire has spaces and escapes, and what is signed is sorted and has neither spaces nor other numbers", async () => {
  const to = await receiver();
  const api = await told(to, { now: () => Date.UTC(2026, 0, 1) });
  await api.emulator.sendWebhook({ type: "t", payload: { b: "ä", a: new RawNumber("1.0") } });

  const { headers, text } = first(to);
  expect(text).toBe('{"type": "t", "timestamp": "2026-01-01T00:00:00.000Z", "payload": {"b": "\\u00e4", "a": 1.0}}');
  const canonical = '{"payload":{"a":1.0,"b":"\\u00e4"},"timestamp":"2026-01-01T00:00:00.000Z","type":"t"}';
  expect(headers["x-browser-use-timestamp"]).toBe("1767225600");
  expect(headers["x-browser-use-signature"]).toBe(signature("1767225600", canonical));
});

test("as JavaScript the wire is what JSON.stringify gives, and what is signed is that with sorted keys", async () => {
  const to = await receiver();
  const api = await told(to, { now: () => Date.UTC(2026, 0, 1) }, { form: "javascript" });
  await api.emulator.sendWebhook({ type: "t", payload: { b: "ä", a: new RawNumber("1.0") } });

  const { headers, text } = first(to);
  expect(text).toBe('{"type":"t","timestamp":"2026-01-01T00:00:00.000Z","payload":{"b":"ä","a":1}}');
  const canonical = '{"payload":{"a":1,"b":"ä"},"timestamp":"2026-01-01T00:00:00.000Z","type":"t"}';
  expect(headers["x-browser-use-signature"]).toBe(signature("1767225600", canonical));
});

test.each([[500], [404], [302], [-1]])(
  "an event that is answered with %d is sent again until it is taken, before the next one",
  async (code) => {
    const to = await receiver((request) => (request < 2 ? code : 200));
    const api = await told(to);
    await api.taskV2({});

    await sees(to, "started", "started", "started", "finished");
    expect(new Set(to.received.slice(0, 3).map(({ text }) => text)).size).toBe(1);
  },
);

test("an event that nobody takes is given up after five times, and the next one is sent", async () => {
  const to = await receiver((request) => (request < 5 ? 503 : 200));
  const api = await told(to);
  await api.taskV2({});

  await expect
    .poll(
      () => {
        api.emulator.advance(10_000); // the pauses are up to 6.4 seconds
        return statuses(to);
      },
      { timeout: 5_000 },
    )
    .toEqual(["started", "started", "started", "started", "started", "finished"]);
  to.status = () => 503;
  const sent = api.emulator.sendWebhook();
  await expect
    .poll(
      () => {
        api.emulator.advance(10_000);
        return to.received.length;
      },
      { timeout: 5_000 },
    )
    .toBe(11);
  expect(await sent).toEqual({ delivered: false, attempts: 5 });
});

test("what a test sends tells how it went", async () => {
  const to = await receiver((request) => (request === 0 ? 500 : 200));
  const api = await told(to);

  expect(await api.emulator.sendWebhook()).toEqual({ delivered: true, attempts: 2 });
  expect(to.received[0]?.event).toMatchObject({ type: "test", payload: { test: "ok" } });
});

test("sessions do not wait for each other", async () => {
  const to = await receiver((request) => (request === 0 ? 0 : 200));
  const api = await told(to);
  const one = await api.taskV2({});
  await expect.poll(() => to.received.length).toBe(1);
  const two = await api.taskV2({});

  await expect.poll(() => to.received.length).toBe(3);
  expect(to.received.map(({ event }) => event.payload["task_id"])).toEqual([one.id, two.id, two.id]);
});

test("events can come late and more than once", async () => {
  const to = await receiver();
  const api = await told(to, {}, { delayMs: 60_000, copies: 2 });
  const { id } = await api.taskV2({});
  await api.endedTask(id);
  expect(to.received).toEqual([]);
  api.emulator.advance(60_000);
  await expect.poll(() => to.received.length).toBe(2);
  await expect
    .poll(() => {
      api.emulator.advance(60_000);
      return statuses(to);
    })
    .toEqual(["started", "started", "finished", "finished"]);

  expect(await api.emulator.sendWebhook({}, { delayMs: 0, copies: 3 })).toEqual({ delivered: true, attempts: 3 });
});

test("the time that is signed is the receiver's: it does not move when the clock is advanced", async () => {
  const to = await receiver();
  const api = await told(to);
  api.emulator.advance(3_600_000);
  await api.emulator.sendWebhook();

  const signedAt = Number(to.received[0]?.headers["x-browser-use-timestamp"]);
  expect(Math.abs(signedAt - Date.now() / 1000)).toBeLessThan(60);
});

test.each([
  ["an answer", 0],
  ["the next attempt", 500],
])("closing ends what waits for %s, and nothing is sent after it", async (_, code) => {
  const to = await receiver(() => code);
  const api = await told(to);
  await api.taskV2({});
  await expect.poll(() => to.received.length).toBeGreaterThanOrEqual(1);
  const sent = api.emulator.sendWebhook();
  await expect.poll(() => to.received.length).toBeGreaterThanOrEqual(2);
  const closedAt = performance.now();
  await api.emulator.close();
  expect(performance.now() - closedAt).toBeLessThan(6_000); // an attempt of its own takes 10 seconds at most

  expect((await sent).delivered).toBe(false);
  await expect(api.emulator.sendWebhook()).rejects.toThrow("the emulator is closed");
  await new Promise((resolve) => setTimeout(resolve, 100)); // one that was on its way may still arrive
  const { length } = to.received;
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(to.received).toHaveLength(length);
});

test("an event that is held back is dropped when the emulator is closed", async () => {
  const to = await receiver();
  const api = await told(to, {}, { delayMs: 60_000 });
  const sent = api.emulator.sendWebhook();
  await api.emulator.close();

  expect(await sent).toEqual({ delivered: false, attempts: 0 });
  expect(to.received).toEqual([]);
});

test("without a webhook nothing is sent, and sending one says what is missing", async () => {
  const api = await emulated({ startDelayMs: 1 });
  await api.endedTask((await api.taskV2({})).id);

  await expect(api.emulator.sendWebhook()).rejects.toThrow("webhook: { url, secret }");
});

test("a webhook that cannot be meant is refused at once", async () => {
  const good = { url: "http://127.0.0.1:1/", secret: "s" };
  const bad = [
    { ...good, url: "nowhere" },
    { ...good, url: "file:///etc/passwd" },
    { ...good, secret: "" },
    { ...good, form: "perl" as "python" },
    { ...good, delayMs: -1 },
    { ...good, copies: 0 },
    { ...good, copies: 1.5 },
  ];
  for (const webhook of bad) expect(() => createEmulator({ webhook })).toThrow(/webhook|URL/);
  await using emulator = createEmulator({ webhook: good });
  await expect(emulator.sendWebhook({}, { copies: 0 })).rejects.toThrow(RangeError);
  await expect(emulator.sendWebhook({ payload: Number.NaN })).rejects.toThrow(TypeError);
});

test("the secret is nowhere to be seen", async () => {
  const to = await receiver();
  const api = await told(to);
  await api.endedTask((await api.taskV2({})).id);
  await sees(to, "started", "finished");

  expect(JSON.stringify([api.emulator, to.received])).not.toContain(SECRET);
});
