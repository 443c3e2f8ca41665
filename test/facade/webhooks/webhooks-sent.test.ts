import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { RawNumber, startEmulator, type WebhookForm } from "../../../src/emulator/index.ts";
import { BrowserUse } from "../../../src/index.ts";
import { verifyWebhook, type WebhookEvent } from "../../../src/webhooks.ts";

const SECRET = "whsec_over_sockets";

/** A server that keeps what is genuine, and an emulator that sends to it. */
async function receiver(form: WebhookForm) {
  const events: WebhookEvent[] = [];
  const take = async (request: IncomingMessage): Promise<number> => {
    const { headers } = request;
    events.push(await verifyWebhook({ body: await buffer(request), headers, secret: SECRET }));
    return 204;
  };
  const server = createServer((request, response) => {
    take(request)
      .catch(() => 400)
      .then((status) => response.writeHead(status).end());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const emulator = await startEmulator({ webhook: { url, secret: SECRET, form } });
  onTestFinished(() => emulator.close());
  return { emulator, events };
}

const FORMS: readonly WebhookForm[] = ["python", "javascript"];

test.each(FORMS)("over a socket, what a sender in %s signs is genuine, whatever is in it", async (form) => {
  const { emulator, events } = await receiver(form);
  const odd = {
    café: "naïve 😀\u2028\x7f/",
    "\uffee": new RawNumber("1.0"),
    "😀": [1e21, 1e-7, new RawNumber("12345678901234567890")],
  };
  const payload = { task_id: "t-1", session_id: "s-1", status: "finished", metadata: odd };
  const sent = await emulator.sendWebhook({ type: "agent.task.status_update", payload });
  expect(sent).toEqual({ delivered: true, attempts: 1 });
  expect(events).toMatchObject([
    { sessionId: "s-1", taskId: "t-1", status: "finished", metadata: { café: odd.café, "\uffee": 1 } },
  ]);
});

test.each(FORMS)("over a socket, the test of an address in %s is told apart", async (form) => {
  const { emulator, events } = await receiver(form);
  expect(await emulator.sendWebhook()).toMatchObject({ delivered: true });
  expect(events).toMatchObject([{ type: "test" }]);
});

test("what runs report on their way carries the ids by which they are waited for", async () => {
  const { emulator, events } = await receiver("python");
  const browserUse = new BrowserUse({ baseUrl: emulator.url, apiKey: emulator.apiKey });
  await using v2 = await browserUse.v2.sessions.open();
  await using v3 = await browserUse.v3.sessions.open();
  const [task, run] = await Promise.all([v2.start("Count the sheep"), v3.start("Count the cows")]);
  await Promise.all([task.result(), run.result()]);
  await expect
    .poll(() => events, { timeout: 10_000 })
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({ taskId: task.id, sessionId: v2.id, status: "finished" }),
        expect.objectContaining({ sessionId: run.id, status: "idle" }),
      ]),
    );
});
