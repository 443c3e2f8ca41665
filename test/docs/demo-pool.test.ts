import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { redisIsThere } from "../support/redis-server.ts";

interface Shown {
  readonly code: number | null;
  readonly lines: string[];
  /** Whether a process of the demo is still there. */
  readonly isThere: () => boolean;
}

/** Runs the demo in a process group of its own, which is ended with the test: its workers and its Redis are in it. */
async function demo(changes: NodeJS.ProcessEnv): Promise<Shown> {
  const { BROWSER_USE_API_KEY: _, BROWSER_USE_BASE_URL: __, REDIS_URL: ___, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", "examples/pool.ts"], {
    env: { ...env, ...changes },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("The demo did not start.");
  onTestFinished(() => void signalGroup(pid, "SIGKILL"));
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  const [code] = await once(child, "close");
  return { code, lines: printed.trimEnd().split("\n"), isThere: () => signalGroup(pid, 0) };
}

/** Whether there was somebody in the process group to hear it. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

const DONE = "Done: 40 tickets answered, each once; 0 sessions left; 8 profiles saved.";

test.skipIf(!redisIsThere())(
  "four processes answer each ticket once, although one is killed",
  { timeout: 120_000 },
  async () => {
    const { code, lines, isThere } = await demo({});

    expect(lines.at(-1)).toBe(DONE);
    expect(lines.join("\n")).toMatch(/worker [A-D] is killed/);
    expect(lines.join("\n")).toContain("a lease is over");
    expect(code).toBe(0);
    await expect.poll(isThere, { timeout: 5_000 }).toBe(false);
  },
);

test("without a Redis, one process answers them, and says so", { timeout: 120_000 }, async () => {
  const { code, lines, isThere } = await demo({ PATH: "" });

  expect(lines.at(-1)).toBe(DONE);
  expect(lines[0]).toContain("no Redis here");
  expect(code).toBe(0);
  await expect.poll(isThere, { timeout: 5_000 }).toBe(false);
});
