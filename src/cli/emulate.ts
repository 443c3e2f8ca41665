import { type Emulator, startEmulator } from "../emulator/emulator.ts";
import { type Command, optionsOf, wholeNumber } from "./command-line.ts";

const USAGE = `Usage: browser-use-client emulate [options]

Runs a local Browser Use Cloud on 127.0.0.1 until Ctrl-C. Nothing is kept when it stops.

Options:
  --port <number>          where to listen; without it, any free port
  --max-sessions <number>  how many sessions and browsers may be open at once (10)
  --api-key <key>          the one key that is accepted (bu_emulator_key)
  --help                   this text
`;

/** Runs the emulator for programs in any language. */
export const emulate: Command = {
  usage: USAGE,
  run: async (args) => {
    const options = optionsOf(args, {
      port: { type: "string" },
      "max-sessions": { type: "string" },
      "api-key": { type: "string" },
    });
    const maxSessions = wholeNumber("max-sessions", options["max-sessions"], 1, 1_000_000);
    const apiKey = options["api-key"];
    const emulator = await startEmulator({
      port: wholeNumber("port", options.port, 0, 65_535) ?? 0,
      ...(maxSessions !== undefined && { maxSessions }),
      ...(apiKey !== undefined && { apiKey }),
    });
    stopOnSignal(emulator);
    console.log(welcome(emulator));
    return 0;
  },
};

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
