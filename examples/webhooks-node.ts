/**
 * Webhooks with `node:http`: a server takes them, checks them and hands them over, so that waits need not ask again and again.
 *
 *     npx tsx examples/webhooks-node.ts     on the built-in emulator; nothing leaves this machine
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { BrowserUse, type Run } from "browser-use-client";
import { startEmulator, type TaskJob } from "browser-use-client/emulator";
import { verifyWebhook, type WebhookEvent, WebhookVerificationError } from "browser-use-client/webhooks";

const LARGEST_BODY_BYTES = 256 * 1024;

/** Takes webhooks: 204 for genuine ones, which are handed on, 400 for all others. Copy it, with `readBody`. */
function webhookListener(secret: string | readonly string[], onEvent: (event: WebhookEvent) => void): RequestListener {
  return async (request, response) => {
    try {
      onEvent(await verifyWebhook({ body: await readBody(request), headers: request.headers, secret }));
      response.statusCode = 204;
    } catch (error) {
      const refused = error instanceof WebhookVerificationError;
      if (!refused) console.error("A webhook could not be taken:", error);
      response.statusCode = refused ? 400 : 500;
    }
    response.end();
  };
}

/** The body as it came. Of one that is too large, the rest is not read: the connection is cut, and the part is refused. */
async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > LARGEST_BODY_BYTES) break;
  }
  return Buffer.concat(chunks);
}

/** Runs a few tasks, and says how each was found. */
async function main(): Promise<void> {
  const secret = randomBytes(16).toString("hex"); // on the live service: the dashboard's, from your secret store
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${portOf(server.address())}/webhooks`;
  await using cloud = await startEmulator({ onTask: playAgent, webhook: { url, secret } });
  const browserUse = new BrowserUse({ baseUrl: cloud.url, apiKey: cloud.apiKey });

  const statuses = new Map<string, string>(); // what the last webhook about a task or a session has said
  const listener = webhookListener(secret, (event) => {
    browserUse.notify(event); // whoever waits for this run looks at once
    if (event.type !== "agent.task.status_update" || !event.status) return;
    for (const id of [event.taskId, event.sessionId]) if (id) statuses.set(id, event.status);
  });
  server.on("request", (request, response) => {
    if (request.method === "POST" && request.url === "/webhooks") return listener(request, response);
    return response.writeHead(404).end();
  });

  const answer = async (run: Run): Promise<void> => {
    const { output } = await run.result();
    const status = statuses.get(run.id) ?? "";
    const how = ["finished", "idle"].includes(status) ? `a webhook said "${status}"` : "polling was faster";
    console.log(`${run.apiVersion}: ${String(output)} (${how})`);
  };
  await using v2 = await browserUse.v2.sessions.open();
  await using v3 = await browserUse.v3.sessions.open();
  await Promise.all([v2.start("Count the sheep").then(answer), v3.start("Count the cows").then(answer)]);
  await v2.start("Count them again").then(answer);

  const forged = await fetch(url, { method: "POST", body: '{"type":"test"}' });
  console.log(`A forged webhook is answered with ${forged.status}.`);
  const good = forged.status === 400 && statuses.size > 0;
  console.log(
    good ? "Done: 3 runs, and webhooks told of them." : "FAILED: no webhook came, or a forged one was taken.",
  );
  process.exitCode = good ? 0 : 1;
  server.close();
}

/** Takes its time, long enough for polling to become slow. */
async function playAgent({ task, signal }: TaskJob): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  signal.throwIfAborted();
  return `${task}: there are 7.`;
}

function portOf(address: ReturnType<ReturnType<typeof createServer>["address"]>): number {
  return typeof address === "object" && address ? address.port : 0;
}

await main();
