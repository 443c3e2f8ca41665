import { expect, test } from "vitest";
import { run } from "./command.ts";

test.each([[["--help"]], [["-h"]]])("%j names the commands", async (args) => {
  const { code, stdout } = await run(args);

  expect(stdout).toMatch(/^Usage: browser-use-client <command>.+ emulate .+ reap /s);
  expect(code).toBe(0);
});

test.each(["emulate", "reap"])("%s --help tells how it is used", async (command) => {
  const { code, stdout } = await run([command, "--help"]);

  expect(stdout).toMatch(new RegExp(`^Usage: browser-use-client ${command} `));
  expect(code).toBe(0);
});

test.each([
  [[], "a command is missing"],
  [["emulat"], 'unknown command "emulat"'],
])("the command line %j is refused with a reason and the usage", async (args, reason) => {
  const { code, stdout, stderr } = await run(args);

  expect(stderr).toContain(reason);
  expect(stderr).toContain("Usage:");
  expect(stdout).toBe("");
  expect(code).toBe(2);
});
