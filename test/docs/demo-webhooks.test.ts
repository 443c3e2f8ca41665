import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

function printedBy(example: string): string {
  const { BROWSER_USE_API_KEY: _, BROWSER_USE_BASE_URL: __, ...env } = process.env;
  const args = ["node_modules/tsx/dist/cli.mjs", `examples/${example}.ts`];
  return execFileSync(process.execPath, args, { encoding: "utf8", env });
}

test("the server of node:http takes the emulator's webhooks, hands them over, and refuses a forged one", () => {
  const printed = printedBy("webhooks-node");
  expect(printed).toContain("A forged webhook is answered with 400.");
  expect(printed).toContain("Done: 3 runs, and webhooks told of them.");
});

test("the fetch-style handler takes what is genuine, and refuses what is forged or old", () => {
  const printed = printedBy("webhooks-fetch");
  expect(printed).toContain("204  signed with the old secret\n");
  expect(printed).toContain("400  signed by somebody else\n400  ten minutes old\n");
  expect(printed).toContain("Done.");
});
