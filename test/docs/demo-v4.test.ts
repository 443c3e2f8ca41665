import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("the conversation on v4 keeps its login from run to run, and leaves no browser", () => {
  const { BROWSER_USE_API_KEY: _, BROWSER_USE_BASE_URL: __, ...env } = process.env;
  const printed = execFileSync(process.execPath, ["--import", "tsx", "examples/v4-runs.ts"], { encoding: "utf8", env });
  expect(printed).toMatch(/Answer: .*tomsmith/);
  expect(printed).toContain("Done: nothing is left open.");
});
