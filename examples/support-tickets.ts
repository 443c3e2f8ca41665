/**
 * A support service at work: one profile per customer, two tickets, two versions of the API.
 *
 *     npm run demo              on the built-in emulator; nothing leaves this machine
 *     npm run demo -- --live    on Browser Use Cloud, with the key in BROWSER_USE_API_KEY; this costs a little money
 */
import { parseArgs } from "node:util";
import { BrowserUse, type RunResult, type Step } from "browser-use-client";
import { startEmulator } from "browser-use-client/emulator";
import { z } from "zod";
import { receiptNumberOf, supportAgent } from "./support-agent.ts";

const { values: flags } = parseArgs({ options: { live: { type: "boolean", default: false } } });
const SITE = "https://the-internet.herokuapp.com";
const LOG_IN = `Log in at ${SITE}/login with username "tomsmith" and password "SuperSecretPassword!".`;
const Receipt = z.object({
  receiptNumber: z.string().describe("The number on the confirmation; the file's name if there is none"),
  fileName: z.string().describe("The file's name as the confirmation shows it"),
});

const invoice = {
  name: "invoice.pdf",
  data: new TextEncoder().encode(`%PDF-1.4\n% invoice of ${new Date().toISOString()}\n%%EOF\n`),
};

async function main(): Promise<void> {
  await using cloud = flags.live ? undefined : await startEmulator({ port: 0, onTask: supportAgent });
  say(
    cloud
      ? `Local cloud at ${cloud.url}; nothing leaves this machine.`
      : "Browser Use Cloud, for real. Sessions cost money.",
  );
  const browserUse = new BrowserUse({ ...(cloud && { baseUrl: cloud.url, apiKey: cloud.apiKey }), maxCostUsd: 0.5 });

  const profile = await browserUse.profiles.ensure({ name: "acme-support" });
  say(`Profile ${profile.name}: ${profile.created ? "created just now" : "found, and used again"}.`);

  say("\nTicket 1: hand in an invoice (v2)");
  const receipt = await browserUse.v2.sessions.use({ profileId: profile.id, startUrl: SITE }, async (session) => {
    say(`  session ${session.id} is open`);
    const [file] = await session.upload(invoice);
    say(`  uploaded ${file?.fileName}, ${file?.sizeBytes} bytes`);
    report(await session.run(LOG_IN, { maxSteps: 20, onStep: show }));
    const task = `Upload the file ${file?.fileName} at ${SITE}/upload and read the confirmation.`;
    return report(await session.run(task, { schema: Receipt, maxSteps: 20, onStep: show })).output;
  });
  say(`  receipt ${receipt.receiptNumber} for ${receipt.fileName}`);
  if (cloud) say(`  which ${matches(receipt.receiptNumber) ? "is" : "IS NOT"} what the uploaded bytes give`);
  const saved = await browserUse.profiles.get(profile.id);
  say(`  session stopped; the profile now knows ${saved.cookieDomains?.join(", ") || "no site"}`);

  say("\nTicket 2: the same customer, another session (v3)");
  const answer = await browserUse.v3.sessions.use({ profileId: profile.id }, async (session) => {
    say(`  session ${session.id} is open`);
    return report(await session.run(`Open ${SITE}/secure and say who is logged in.`, { onStep: show })).output;
  });
  say(`  answer: ${String(answer)}`);
  if (cloud) finish(matches(receipt.receiptNumber), /tomsmith/.test(String(answer)), live(cloud.sessions()));
}

function matches(receiptNumber: string): boolean {
  return receiptNumber === receiptNumberOf(invoice.data);
}

function live(sessions: readonly { readonly status: string }[]): number {
  return sessions.filter(({ status }) => !["stopped", "timed_out", "error"].includes(status)).length;
}

/** On the emulator we know what must come out. */
function finish(receiptIsRight: boolean, loginWasKept: boolean, sessionsLeft: number): void {
  const good = receiptIsRight && loginWasKept && sessionsLeft === 0;
  say(
    `\n${good ? "Done" : "FAILED"}: receipt ${receiptIsRight ? "right" : "wrong"}, login ${loginWasKept ? "kept" : "lost"}, ${sessionsLeft} sessions left.`,
  );
  if (!good) process.exitCode = 1;
}

function report<T extends RunResult>(result: T): T {
  say(`  ${result.success === false ? "✗" : "✓"} ${result.status}, $${result.costUsd ?? "?"}`);
  return result;
}

function show(step: Step): void {
  say(`    ${step.number}. ${step.summary}`);
}

function say(line: string): void {
  console.log(line);
}

await main();
