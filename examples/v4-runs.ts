/**
 * One conversation on v4: three runs in one session, the second with a file, and the browser stopped after the last.
 *
 *     npm run demo:v4              on the built-in emulator; nothing leaves this machine
 *     npm run demo:v4 -- --live    on Browser Use Cloud, with the key in BROWSER_USE_API_KEY; this costs a little money
 */
import { parseArgs } from "node:util";
import { BrowserUse, type RunResult } from "browser-use-client";
import { startEmulator } from "browser-use-client/emulator";
import { stopOnExit } from "browser-use-client/node";
import { supportAgent } from "./support-agent.ts";

const { values: flags } = parseArgs({ options: { live: { type: "boolean", default: false } } });
const SITE = "https://the-internet.herokuapp.com";

const invoice = { name: "invoice.pdf", data: new TextEncoder().encode("%PDF-1.4\n% an invoice\n%%EOF\n") };

async function main(): Promise<void> {
  await using cloud = flags.live ? undefined : await startEmulator({ onTask: supportAgent });
  say(
    cloud
      ? `Local cloud at ${cloud.url}; nothing leaves this machine.`
      : "Browser Use Cloud, for real. It costs money.",
  );
  const browserUse = new BrowserUse({ ...(cloud && { baseUrl: cloud.url, apiKey: cloud.apiKey }), maxCostUsd: 0.5 });
  using _exit = stopOnExit(browserUse);

  // The id of a run is known before anybody waits. What it opens is its session's, and stays for what follows.
  const login = `Log in at ${SITE}/login with username "tomsmith" and password "SuperSecretPassword!".`;
  const run = await browserUse.v4.runs.start(login);
  const { sessionId } = run;
  say(`Run ${run.id} is at work in session ${sessionId}.`);
  try {
    report(await run.result({ onStep: (step) => say(`  ${step.number}. ${step.summary}`) }));

    // A file is stored first, and given to the run. It goes on in the same browser, so that the login is there.
    const handIn = `Upload the file uploads/${invoice.name} at ${SITE}/upload and read the confirmation.`;
    report(await browserUse.v4.runs.run(handIn, { sessionId, files: invoice }));

    const answer = report(await browserUse.v4.runs.run(`Open ${SITE}/secure and say who is logged in.`, { sessionId }));
    say(`Answer: ${answer.output}`);
    if (cloud) process.exitCode = /tomsmith/.test(String(answer.output)) ? 0 : 1;
  } finally {
    await browserUse.v4.sessions.stop(sessionId); // or keepAlive: false with the last run
  }
  const left = cloud?.sessions().filter(({ open }) => open).length ?? 0;
  say(left === 0 ? "Done: nothing is left open." : `FAILED: ${left} sessions left.`);
  if (left > 0) process.exitCode = 1;
}

function report<T extends RunResult>(result: T): T {
  say(`✓ ${result.status}, $${result.costUsd ?? "?"}`);
  return result;
}

function say(line: string): void {
  console.log(line);
}

await main();
