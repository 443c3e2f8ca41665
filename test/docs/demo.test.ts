import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("the demo answers both tickets on the emulator, and leaves no session", () => {
  const { BROWSER_USE_API_KEY: _, BROWSER_USE_BASE_URL: __, ...env } = process.env;
  const args = ["node_modules/tsx/dist/cli.mjs", "examples/support-tickets.ts"];
  const printed = execFileSync(process.execPath, args, { encoding: "utf8", env });
  expect(printed).toContain("Done: receipt right, login kept, 0 sessions left.");
});
