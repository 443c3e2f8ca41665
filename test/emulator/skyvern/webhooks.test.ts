import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { SkyvernTask } from "../../../src/emulator/index.ts";
import { until } from "../support.ts";
import { emulated, type RunView } from "./support.ts";

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Receiver {
  readonly url: string;
  readonly received: Received[];
}

interface Replay {
  readonly target_webhook_url: string;
  readonly payload: RunView;
  readonly status_code: number | null;
  readonly error: string | null;
}

/** A server that takes POSTs, and answers them all with one status. */
async function receiver(status = 200): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ headers: request.headers, body: Buffer.concat(chunks) });
    response.writeHead(status, { Location: "/elsewhere" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

function first({ received }: Receiver): Promise<Received> {
  return until(
    async () => received[0],
    (one) => one !== undefined,
  ) as Promise<Received>;
}

const signed = (key: string, body: Buffer) => createHmac("sha256", key).update(body).digest("hex");
const untilAborted = ({ signal }: SkyvernTask) => new Promise((resolve) => signal.addEventListener("abort", resolve));

test.each(["javascript", "python"] as const)(
  "the end of a run is told once, signed with the API key over the very bytes, in the form of %s",
  async (webhookForm) => {
    const hook = await receiver();
    const api = await emulated({ apiKey: "key", webhookForm, onTask: () => ({ name: "Müller 😀" }) });
    const run = await api.ended({ webhook_url: hook.url });
    const { headers, body } = await first(hook);

    expect(headers["x-skyvern-signature"]).toBe(signed("key", body));
    expect(headers["content-type"]).toBe("application/json");
    expect(Math.abs(Number(headers["x-skyvern-timestamp"]) - Date.now() / 1000)).toBeLessThan(30);
    expect(JSON.parse(body.toString("utf8"))).toEqual(run);
    expect(body.includes("Müller 😀")).toBe(webhookForm === "javascript");
  },
);

test("each end is told, also of a run that was cancelled or failed, and no other status is", async () => {
  const hook = await receiver();
  const api = await emulated({
    onTask: async (task) => {
      task.pause();
      if (task.prompt === "fail") throw new Error("no");
      await untilAborted(task);
    },
  });
  const { run_id: cancelled } = await api.task({ webhook_url: hook.url });
  await api.runAs(cancelled, "paused");
  expect(hook.received).toEqual([]);
  await api.post(`/v1/runs/${cancelled}/cancel`);
  await first(hook);
  await api.ended({ prompt: "fail", webhook_url: hook.url });
  await expect.poll(() => hook.received.length).toBe(2);

  const told = hook.received.map(({ body }) => JSON.parse(body.toString()) as RunView);
  expect(told.map(({ status }) => status)).toEqual(["canceled", "failed"]);
});

test("what is not taken is not sent again, and a redirect is not followed", async () => {
  const [broken, moved] = [await receiver(500), await receiver(307)];
  const api = await emulated();
  for (const { url } of [broken, moved]) await api.ended({ webhook_url: url });
  await Promise.all([first(broken), first(moved)]);
  api.emulator.advance(60 * 60_000);
  await api.ended();

  expect([broken.received.length, moved.received.length]).toEqual([1, 1]);
});

test("a run without an address tells nobody, and one with a dead address ends all the same", async () => {
  const api = await emulated();

  expect((await api.ended({ webhook_url: "http://127.0.0.1:1/" })).status).toBe("completed");
  expect((await api.ended({ webhook_url: "no url" })).status).toBe("completed");
});

test("a webhook can be sent again, to its own address or to another, and what became of it is told", async () => {
  const [own, other] = [await receiver(), await receiver(503)];
  const api = await emulated({ apiKey: "key", onTask: () => "done" });
  const run = await api.ended({ webhook_url: own.url });
  await first(own);
  const replay = (body?: object) => api.post<Replay>(`/v1/runs/${run.run_id}/retry_webhook`, body);

  expect((await replay()).body).toMatchObject({ target_webhook_url: own.url, status_code: 200, error: null });
  expect((await replay({ webhook_url: other.url })).body).toMatchObject({
    target_webhook_url: other.url,
    status_code: 503,
    error: "answered with 503",
  });
  expect((await replay({ webhook_url: "http://127.0.0.1:1/" })).body.status_code).toBeNull();
  expect([own.received.length, other.received.length]).toEqual([2, 1]);
  const { headers, body } = other.received[0] ?? { headers: {}, body: Buffer.alloc(0) };
  expect(headers["x-skyvern-signature"]).toBe(signed("key", body));
  expect(JSON.parse(body.toString())).toEqual(run);
});

test("there is nothing to send again for a run that has no address, has not ended, or never was", async () => {
  const hook = await receiver();
  const api = await emulated({ onTask: (task) => (task.prompt === "wait" ? untilAborted(task) : "") });
  const ended = await api.ended();
  const running = await api.task({ prompt: "wait", webhook_url: hook.url });
  const replay = async (id: string) => (await api.post(`/v1/runs/${id}/retry_webhook`)).status;

  expect(await replay(ended.run_id)).toBe(422);
  expect(await replay(running.run_id)).toBe(422);
  expect(await replay("tsk_1")).toBe(404);
  expect(hook.received).toEqual([]);
});

test("a closed emulator tells nobody about the runs it ends", async () => {
  const hook = await receiver();
  const api = await emulated({ onTask: untilAborted });
  const { run_id: id } = await api.task({ webhook_url: hook.url });
  await api.runAs(id, "running");
  await api.emulator.close();
  await new Promise((resolve) => setTimeout(resolve, 30));

  expect(hook.received).toEqual([]);
});
