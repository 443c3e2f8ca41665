import { execFileSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { INVOICES, LOGIN_URL, shopAgent } from "../../examples/skyvern-agent.ts";
import { startSkyvernEmulator } from "../../src/emulator/index.ts";
import { RunFailedError, Skyvern } from "../../src/skyvern.ts";
import { rejection } from "../support/clients.ts";

async function shop() {
  const emulator = await startSkyvernEmulator({ port: 0, onTask: shopAgent });
  onTestFinished(() => emulator.close());
  return { emulator, skyvern: new Skyvern({ apiKey: emulator.apiKey, baseUrl: emulator.url }) };
}

test("the example reads the invoices behind a login, and leaves no session", () => {
  const { SKYVERN_API_KEY: _, SKYVERN_BASE_URL: __, SHOP_URL: ___, ...env } = process.env;
  const printed = execFileSync(process.execPath, ["--import", "tsx", "examples/skyvern.ts"], { encoding: "utf8", env });
  expect(printed).toContain(JSON.stringify({ invoices: INVOICES }));
  expect(printed).toContain("Done: invoices right, 0 sessions left.");
});

test("a login of the first task is there for the second, through runTask and by the session's id alone", async () => {
  const { emulator, skyvern } = await shop();
  const session = await skyvern.sessions.open({ timeout: 60 });
  const browser_session_id = session.id;
  const waiting = { waitForCompletion: true } as const;

  await skyvern.runTask(
    { prompt: "Log in with username demo@example.com", url: LOGIN_URL, browser_session_id },
    waiting,
  );
  const { output } = await skyvern.runTask(
    { prompt: "Go to the invoices page and extract all invoice numbers", engine: "skyvern-2.0", browser_session_id },
    waiting,
  );
  expect(output).toEqual({ invoices: INVOICES });

  const listed: string[] = [];
  for await (const view of skyvern.sessions.list()) listed.push(view.browser_session_id);
  expect(listed).toEqual([session.id]);
  expect(await session.refresh()).toMatchObject({ status: "running", timeout: 60, runnable_id: null });
  await session.stop();
  expect(emulator.sessions()).toMatchObject([{ id: session.id, status: "completed" }]);
});

test("with the default engine and no url, the second task leaves the page of the first, as the documents say", async () => {
  const { skyvern } = await shop();
  await skyvern.sessions.use({}, async (session) => {
    await session.run("Log in", { url: LOGIN_URL });
    const error = await rejection(session.run("Extract all invoice numbers"));
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error).toMatchObject({ result: { failure_reason: expect.stringContaining("no invoices at") } });
  });
});
