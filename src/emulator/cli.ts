#!/usr/bin/env node
import { parseArgs } from "node:util";
import { type Emulator, startEmulator } from "./emulator.ts";

const USAGE = `Usage: browser-use-client emulate [options]

Runs a local Browser Use Cloud on 127.0.0.1 until Ctrl-C. Nothing is kept when it stops.

Options:
  --port <number>          where to listen; without it, any free port
  --max-sessions <number>  how many sessions and browsers may be open at once (10)
  --api-key <key>          the one key that is accepted (bu_emulator_key)
  --help                   this text
`;

/** A command line that cannot be carried out. */
class UsageError extends Error {}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { message, usage } = explained(error);
  console.error(`browser-use-client: ${message}${usage ? `\n\n${USAGE}` : ""}`);
  process.exitCode = usage ? 2 : 1;
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      port: { type: "string" },
      "max-sessions": { type: "string" },
      "api-key": { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return console.log(USAGE);
  const [command, extra] = positionals;
  if (command === undefined) throw new UsageError("a command is missing");
  if (command !== "emulate") throw new UsageError(`unknown command "${command}"`);
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
  const emulator = await startEmulator({
    port: wholeNumber("port", values.port, 0, 65_535) ?? 0,
    ...given("maxSessions", wholeNumber("max-sessions", values["max-sessions"], 1, 1_000_000)),
    ...given("apiKey", values["api-key"]),
  });
  stopOnSignal(emulator);
  console.log(welcome(emulator));
}

function welcome({ url, apiKey }: Emulator): string {
  return `The Browser Use emulator listens on ${url}

Point a client at it:

  export BROWSER_USE_BASE_URL=${url}
  export BROWSER_USE_API_KEY=${apiKey}

Ctrl-C stops it.`;
}

function stopOnSignal(emulator: Emulator): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void emulator.close());
}

function wholeNumber(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}

function explained(error: unknown): { message: string; usage: boolean } {
  if (!(error instanceof Error)) return { message: String(error), usage: false };
  const code = "code" in error ? String(error.code) : "";
  if (code === "EADDRINUSE") return { message: "this port is taken; choose another --port", usage: false };
  return { message: error.message, usage: error instanceof UsageError || code.startsWith("ERR_PARSE_ARGS") };
}
