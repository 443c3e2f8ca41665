import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";

/** Starts the command line; it is ended with the test. */
function cli(...args: string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", "src/emulator/cli.ts", ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, output, exited };
}

test("emulate prints what a client needs, serves it, and stops cleanly on Ctrl-C", async () => {
  const { child, output, exited } = cli("emulate", "--max-sessions", "2", "--api-key", "bu_mine");
  await expect.poll(() => output.stdout, { timeout: 10_000 }).toContain("Ctrl-C");
  const url = /BROWSER_USE_BASE_URL=(\S+)/.exec(output.stdout)?.[1] ?? "";
  expect(output.stdout).toContain("BROWSER_USE_API_KEY=bu_mine");

  const response = await fetch(`${url}/v2/billing/account`, { headers: { "X-Browser-Use-API-Key": "bu_mine" } });
  expect(await response.json()).toMatchObject({ rateLimit: 2 });
  child.kill("SIGINT");
  expect(await exited).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});

test("--help tells how it is used", async () => {
  const { output, exited } = cli("--help");

  expect(await exited).toBe(0);
  expect(output.stdout).toMatch(/^Usage: browser-use-client emulate/);
});

test.each([
  [[], "a command is missing"],
  [["emulat"], 'unknown command "emulat"'],
  [["emulate", "now"], 'unexpected argument "now"'],
  [["emulate", "--prot", "1"], "--prot"],
  [["emulate", "--port", "70000"], '--port takes a whole number from 0 to 65535, not "70000"'],
  [["emulate", "--max-sessions", "many"], '--max-sessions takes a whole number from 1 to 1000000, not "many"'],
])("the command line %j is refused with a reason and the usage", async (args, reason) => {
  const { output, exited } = cli(...args);

  expect(await exited).toBe(2);
  expect(output.stderr).toContain(reason);
  expect(output.stderr).toContain("Usage:");
  expect(output.stdout).toBe("");
});

test("a port that is taken is told in one line", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { output, exited } = cli("emulate", "--port", String((server.address() as AddressInfo).port));

  expect(await exited).toBe(1);
  expect(output.stderr).toBe("browser-use-client: this port is taken; choose another --port\n");
});
