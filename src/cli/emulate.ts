import { startEmulator } from "../emulator/emulator.ts";
import { startSkyvernEmulator } from "../emulator/skyvern/emulator.ts";
import { type Command, optionsOf, UsageError, wholeNumber } from "./command-line.ts";

const USAGE = `Usage: browser-use-client emulate [options]

Runs a local Browser Use Cloud, or a local Skyvern, on 127.0.0.1 until Ctrl-C. Nothing is kept when it stops.

Options:
  --vendor <name>          browser-use, or skyvern (browser-use)
  --port <number>          where to listen; without it, any free port
  --max-sessions <number>  how many sessions and browsers may be open at once (10)
  --api-key <key>          the one key that is accepted; without it, one that is printed
  --help                   this text
`;

/** What can be emulated, and the environment variables that its clients read. */
const VENDORS = {
  "browser-use": { title: "Browser Use", variables: "BROWSER_USE", start: startEmulator },
  skyvern: { title: "Skyvern", variables: "SKYVERN", start: startSkyvernEmulator },
} as const;

/** Runs the emulator for programs in any language. */
export const emulate: Command = {
  usage: USAGE,
  run: async (args) => {
    const options = optionsOf(args, {
      vendor: { type: "string", default: "browser-use" },
      port: { type: "string" },
      "max-sessions": { type: "string" },
      "api-key": { type: "string" },
    });
    const vendor = vendorOf(options.vendor);
    const maxSessions = wholeNumber("max-sessions", options["max-sessions"], 1, 1_000_000);
    const apiKey = options["api-key"];
    const emulator = await vendor.start({
      port: wholeNumber("port", options.port, 0, 65_535) ?? 0,
      ...(maxSessions !== undefined && { maxSessions }),
      ...(apiKey !== undefined && { apiKey }),
    });
    stopOnSignal(emulator);
    console.log(welcome(vendor, emulator));
    return 0;
  },
};

function vendorOf(name: string): (typeof VENDORS)[keyof typeof VENDORS] {
  if (name === "browser-use" || name === "skyvern") return VENDORS[name];
  throw new UsageError(`--vendor takes ${Object.keys(VENDORS).join(" or ")}, not "${name}"`);
}

/** What both emulators have. */
interface Running {
  readonly url: string;
  readonly apiKey: string;
  close(): Promise<void>;
}

function welcome({ title, variables }: (typeof VENDORS)[keyof typeof VENDORS], { url, apiKey }: Running): string {
  return `The ${title} emulator listens on ${url}

Point a client at it:

  export ${variables}_BASE_URL=${url}
  export ${variables}_API_KEY=${apiKey}

Ctrl-C stops it.`;
}

function stopOnSignal(emulator: Running): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void emulator.close());
}
