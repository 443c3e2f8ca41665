/**
 * Two tasks in one browser session of Skyvern: the first logs in, the second finds the page still open and reads it.
 *
 *     npx tsx examples/skyvern.ts            on the built-in emulator; nothing leaves this machine
 *     npx tsx examples/skyvern.ts --live     on Skyvern, with the key in SKYVERN_API_KEY; this costs a little money. The site is yours:
 *                                            SHOP_URL (of its login page), SHOP_USER, SHOP_PASSWORD
 */
import { parseArgs } from "node:util";
import { startSkyvernEmulator } from "browser-use-client/emulator";
import { stopOnExit } from "browser-use-client/node";
import { Skyvern, type TaskRunView } from "browser-use-client/skyvern";
import { INVOICES, LOGIN_URL, shopAgent } from "./skyvern-agent.ts";

const { values: flags } = parseArgs({ options: { live: { type: "boolean", default: false } } });
const { SHOP_URL = LOGIN_URL, SHOP_USER = "demo@example.com", SHOP_PASSWORD = "not a secret" } = process.env;

const LIST_OF_NUMBERS = {
  type: "object",
  properties: { invoices: { type: "array", items: { type: "string" } } },
  required: ["invoices"],
};

async function main(): Promise<void> {
  if (flags.live && !process.env["SHOP_URL"]) throw new Error("Set SHOP_URL, SHOP_USER and SHOP_PASSWORD.");
  await using cloud = flags.live ? undefined : await startSkyvernEmulator({ onTask: shopAgent });
  say(
    cloud ? `Local Skyvern at ${cloud.url}; nothing leaves this machine.` : "Skyvern, for real. Sessions cost money.",
  );
  const skyvern = new Skyvern({ ...(cloud && { baseUrl: cloud.url, apiKey: cloud.apiKey }) });
  using _exit = stopOnExit(skyvern);

  const output = await skyvern.sessions.use({ timeout: 15 }, async (session) => {
    say(`Session ${session.id} is open, for ${session.view?.timeout} minutes at most.`);
    if (session.warning) say(`  ${session.warning}`);

    // The first task says where to begin.
    const logIn = `Log in with username ${SHOP_USER} and password ${SHOP_PASSWORD}.`;
    report("Log in", await session.run(logIn, { url: SHOP_URL, max_steps: 20 }));

    // The second goes on from the page that is open: the default engine would leave it, as it has no url.
    const read = "Go to the invoices page and extract all invoice numbers.";
    const fields = { engine: "skyvern-2.0", data_extraction_schema: LIST_OF_NUMBERS, max_steps: 20 } as const;
    return report("Read the invoices", await session.run(read, fields)).output;
  });
  say(`Invoices: ${JSON.stringify(output)}`);

  if (cloud) finish(output, cloud.sessions().filter(({ status }) => status !== "completed").length);
}

function report(what: string, run: TaskRunView): TaskRunView {
  say(`  ✓ ${what}: ${run.run_id} is ${run.status}`);
  return run;
}

/** On the emulator we know what must come out. */
function finish(output: unknown, sessionsLeft: number): void {
  const isRight = JSON.stringify(output) === JSON.stringify({ invoices: INVOICES });
  const good = isRight && sessionsLeft === 0;
  say(`\n${good ? "Done" : "FAILED"}: invoices ${isRight ? "right" : "wrong"}, ${sessionsLeft} sessions left.`);
  if (!good) process.exitCode = 1;
}

function say(line: string): void {
  console.log(line);
}

await main();
