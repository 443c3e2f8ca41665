#!/usr/bin/env node
import { type Command, UsageError, withoutCredentials } from "./command-line.ts";
import { emulate } from "./emulate.ts";
import { reap } from "./reap.ts";

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["emulate", emulate],
  ["reap", reap],
]);
const USAGE = `Usage: browser-use-client <command> [options]

Commands:
  emulate  runs a local Browser Use Cloud, or Skyvern, until Ctrl-C
  reap     stops the sessions that processes which are gone have left in a pool

browser-use-client <command> --help says more.
`;

const [name, ...args] = process.argv.slice(2);
const command = COMMANDS.get(name ?? "");
try {
  process.exitCode = await main();
} catch (error) {
  const { message, isUsage } = explained(error);
  console.error(`browser-use-client: ${withoutCredentials(message)}${isUsage ? `\n\n${command?.usage ?? USAGE}` : ""}`);
  process.exitCode = isUsage ? 2 : 1;
}

async function main(): Promise<number> {
  const isHelp = [name, ...args].some((arg) => arg === "--help" || arg === "-h");
  if (isHelp) {
    console.log(command?.usage ?? USAGE);
    return 0;
  }
  if (name === undefined) throw new UsageError("a command is missing");
  if (!command) throw new UsageError(`unknown command "${name}"`);
  return command.run(args);
}

function explained(error: unknown): { message: string; isUsage: boolean } {
  if (!(error instanceof Error)) return { message: String(error), isUsage: false };
  const code = "code" in error ? String(error.code) : "";
  if (code === "EADDRINUSE") return { message: "this port is taken; choose another --port", isUsage: false };
  return { message: error.message, isUsage: error instanceof UsageError || code.startsWith("ERR_PARSE_ARGS") };
}
