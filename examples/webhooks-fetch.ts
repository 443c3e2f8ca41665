/**
 * Webhooks where servers speak fetch: Cloudflare Workers, Deno, Bun, Hono. The handler takes a `Request` and gives a `Response`; no
 * `node:` module is in it.
 *
 *     npx tsx examples/webhooks-fetch.ts     without any server; nothing leaves this machine
 */
import { BrowserUse } from "browser-use-client";
import { createEmulator } from "browser-use-client/emulator";
import { verifyWebhook, type WebhookEvent, WebhookVerificationError } from "browser-use-client/webhooks";

/**
 * A handler of webhooks: 204 for genuine ones, which are handed on, 400 for all others. Copy it:
 *
 *     export default { fetch: webhookHandler(secret, onEvent) };                       // Bun, Deno (`deno serve`), Workers
 *     app.post("/webhooks", (context) => webhookHandler(secret, onEvent)(context.req.raw));   // Hono
 */
function webhookHandler(secret: string | readonly string[], onEvent: (event: WebhookEvent) => void) {
  return async (request: Request): Promise<Response> => {
    if (request.method !== "POST") return new Response(null, { status: 405 });
    try {
      onEvent(await verifyWebhook({ body: await request.text(), headers: request.headers, secret }));
      return new Response(null, { status: 204 });
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      return new Response(null, { status: 400 });
    }
  };
}

const SECRET = "the-new-secret";
await using cloud = createEmulator({ onTask: ({ task }) => `${task}: done.` });
const browserUse = new BrowserUse({ baseUrl: cloud.url, apiKey: cloud.apiKey, fetch: cloud.fetch });
const seen: string[] = [];
const handle = webhookHandler([SECRET, "the-old-secret"], (event) => {
  browserUse.notify(event); // whoever waits for this run looks at once
  seen.push(event.type === "agent.task.status_update" ? `${event.type} ${event.status}` : event.type);
});

await using session = await browserUse.v3.sessions.open();
const run = await session.start("Count the sheep");
const answer = run.result();
const update = JSON.stringify({
  type: "agent.task.status_update",
  timestamp: new Date().toISOString(),
  payload: { task_id: null, session_id: session.id, status: "idle", metadata: {} },
});
const now = Math.floor(Date.now() / 1000);
const requests: readonly (readonly [string, Promise<Request>, number])[] = [
  ["genuine", webhook(update, SECRET), 204],
  ["the same again", webhook(update, SECRET), 204],
  ["signed with the old secret", webhook(update, "the-old-secret"), 204],
  ["a test from the dashboard", webhook('{"type":"test","payload":{"test":"ok"}}', SECRET), 204],
  ["of a type that is yet to come", webhook('{"type":"agent.session.sleeps"}', SECRET), 204],
  ["signed by somebody else", webhook(update, "another-secret"), 400],
  ["ten minutes old", webhook(update, SECRET, now - 600), 400],
];
let good = true;
for (const [what, request, expected] of requests) {
  const { status } = await handle(await request);
  good &&= status === expected;
  console.log(`${status}  ${what}`);
}
console.log(`Events: ${seen.join(", ")}`);
console.log(`Answer: ${String((await answer).output)}`);
console.log(good ? "Done." : "FAILED: a webhook was answered wrongly.");
if (!good) throw new Error("A webhook was answered wrongly.");

/** A request as the service sends it. This body is in canonical form as it is. */
async function webhook(body: string, secret: string, timestamp = now): Promise<Request> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes(secret), hmac, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(`${timestamp}.${body}`)));
  const headers = {
    "X-Browser-Use-Signature": Array.from(signature, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    "X-Browser-Use-Timestamp": String(timestamp),
  };
  return new Request("https://service.test/webhooks", { method: "POST", headers, body });
}
