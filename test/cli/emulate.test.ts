import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Skyvern } from "../../src/skyvern.ts";
import { run, start } from "./command.ts";

test("emulate prints what a client needs, serves it, and stops cleanly on Ctrl-C", async () => {
  const { child, output, exited } = start(["emulate", "--max-sessions", "2", "--api-key", "bu_mine"]);
  await expect.poll(() => output.stdout, { timeout: 10_000 }).toContain("Ctrl-C");
  const url = /BROWSER_USE_BASE_URL=(\S+)/.exec(output.stdout)?.[1] ?? "";
  expect(output.stdout).toContain("BROWSER_USE_API_KEY=bu_mine");

  const response = await fetch(`${url}/v2/billing/account`, { headers: { "X-Browser-Use-API-Key": "bu_mine" } });
  expect(await response.json()).toMatchObject({ rateLimit: 2 });
  child.kill("SIGINT");
  expect(await exited).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});

test("emulate --vendor skyvern serves Skyvern, for a client that reads the environment", async () => {
  const { child, output, exited } = start(["emulate", "--vendor", "skyvern"]);
  await expect.poll(() => output.stdout, { timeout: 10_000 }).toContain("Ctrl-C");
  const [baseUrl = "", apiKey = ""] = ["BASE_URL", "API_KEY"].map(
    (name) => new RegExp(`SKYVERN_${name}=(\\S+)`).exec(output.stdout)?.[1],
  );

  const session = await new Skyvern({ baseUrl, apiKey }).sessions.open();
  expect(session.id).toMatch(/^pbs_/);
  child.kill("SIGTERM");
  expect(await exited).toBe(0);
});

test.each([
  [["emulate", "--vendor", "other"], '--vendor takes browser-use or skyvern, not "other"'],
  [["emulate", "now"], 'unexpected argument "now"'],
  [["emulate", "--prot", "1"], "--prot"],
  [["emulate", "--port", "70000"], '--port takes a whole number from 0 to 65535, not "70000"'],
  [["emulate", "--max-sessions", "many"], '--max-sessions takes a whole number from 1 to 1000000, not "many"'],
])("the command line %j is refused with a reason and the usage", async (args, reason) => {
  const { code, stdout, stderr } = await run(args);

  expect(stderr).toContain(reason);
  expect(stderr).toContain("Usage: browser-use-client emulate");
  expect(stdout).toBe("");
  expect(code).toBe(2);
});

test("a port that is taken is told in one line", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { code, stderr } = await run(["emulate", "--port", String((server.address() as AddressInfo).port)]);

  expect(code).toBe(1);
  expect(stderr).toBe("browser-use-client: this port is taken; choose another --port\n");
});
