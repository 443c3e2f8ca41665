import { spawn } from "node:child_process";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const CLI = join(import.meta.dirname, "../../src/cli/cli.ts");
const LOADER = import.meta.resolve("tsx");

/** What a command has printed, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command line; it is ended with the test. */
export function start(
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
) {
  const child = spawn(process.execPath, ["--import", LOADER, CLI, ...args], options);
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

/** Runs the command line to its end. */
export async function run(
  args: readonly string[],
  options?: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<Ended> {
  const { output, exited } = start(args, options);
  return { code: await exited, ...output };
}
