import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("the example of structured output gives the same invoice by three libraries, and shows a refusal", () => {
  const { BROWSER_USE_API_KEY: _, BROWSER_USE_BASE_URL: __, ...env } = process.env;
  const args = ["node_modules/tsx/dist/cli.mjs", "examples/structured-output.ts"];
  const printed = execFileSync(process.execPath, args, { encoding: "utf8", env });
  expect(printed.split("\n")).toEqual([
    "zod:     12345678901234567891 comes after 12345678901234567890; due in 2026; 40 EUR",
    "valibot: 12345678901234567890, due in 2026, in EUR",
    "arktype: 12345678901234567890, due in 2026, in EUR",
    "refused: Invalid input: expected object, received string. It said: About 38 EUR.",
    "",
  ]);
});
