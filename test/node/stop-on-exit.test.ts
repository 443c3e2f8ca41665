import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Emulator, startEmulator } from "../../src/emulator/index.ts";
import { type BrowserUse, InvalidInputError } from "../../src/index.ts";
import { stopOnExit } from "../../src/node.ts";

const PROGRAMS = join(import.meta.dirname, "leaver.ts");
const LOADER = import.meta.resolve("tsx");
const STOP = /\/stop$|^\/v[23]\/(sessions|browsers)\/[^/]+$/;
const IN_TIME = { timeout: 15_000, interval: 20 };

let emulator: Emulator;

beforeEach(async () => {
  const onTask = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  emulator = await startEmulator({ onTask });
  return () => emulator.close();
});

/** Starts a program; it is killed with the test. */
function start(name: string, before: readonly string[] = []) {
  const [command = "", ...args] = [...before, process.execPath, "--import", LOADER, PROGRAMS, name];
  const env = { ...process.env, BROWSER_USE_BASE_URL: emulator.url, BROWSER_USE_API_KEY: emulator.apiKey };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const messages: unknown[] = [];
  child.on("message", (message) => messages.push(message));
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (chunk) => {
      output[name] += chunk;
    });
  }
  return { child, messages, output, ended: endOf(child) };
}

/** A number for an exit code, a name for a signal, and what was still live when the parent heard of it. */
async function endOf(child: ChildProcess): Promise<{ readonly by: number | string | null; readonly live: string[] }> {
  const [code, signal] = await once(child, "exit");
  return { by: signal ?? code, live: live() };
}

function live(): string[] {
  const over = new Set(["stopped", "timed_out", "error"]);
  return emulator.sessions().flatMap(({ kind, status }) => (over.has(status) ? [] : [kind]));
}

/** Starts a program, and waits until it says that it may be ended and so many sessions are live. */
async function startUntilReady(name: string, sessions: number) {
  const started = start(name);
  await vi.waitFor(() => expect(started.messages).not.toEqual([]), IN_TIME);
  await vi.waitFor(() => expect(live()).toHaveLength(sessions), IN_TIME);
  return started;
}

describe("a signal", () => {
  test.each([
    ["SIGINT", "two sessions and a browser", 3],
    ["SIGTERM", "two sessions and a browser", 3],
    ["SIGHUP", "two sessions and a browser", 3],
    ["SIGINT", "a run in a session", 1],
    ["SIGTERM", "a one-shot run of v2", 1],
    ["SIGINT", "a one-shot run of v3", 1],
    ["SIGINT", "two clients", 2],
    ["SIGTERM", "a client given twice", 3],
    ["SIGTERM", "a pool", 2],
    ["SIGTERM", "a worker that goes on", 1],
  ] as const)("%s stops all, and ends the process as it would have: %s", async (signal, name, sessions) => {
    const { child, ended } = await startUntilReady(name, sessions);
    child.kill(signal);
    expect(await ended).toEqual({ by: signal, live: [] });
    expect(emulator.sessions()).toHaveLength(sessions);
  });

  test("is seen by a shell as 128 and its number", async () => {
    const shell = ["sh", "-c", '"$@"; echo "code $?"', "sh"];
    const { messages, output, ended } = start("two sessions and a browser", shell);
    await vi.waitFor(() => expect(messages).toEqual([expect.any(Number)]), IN_TIME);
    process.kill(Number(messages[0]), "SIGTERM");
    expect(await ended).toEqual({ by: 0, live: [] });
    await vi.waitFor(() => expect(output.stdout).toBe("code 143\n"), IN_TIME);
  });

  test("while something is being opened stops it when it arrives", async () => {
    const held = emulator.fail({ method: "POST", path: "/v3/sessions", delayMs: 600 });
    const { child, ended } = start("an opening");
    await vi.waitFor(() => expect(held.hits).toBe(1), IN_TIME);
    child.kill("SIGINT");
    expect(await ended).toEqual({ by: "SIGINT", live: [] });
    expect(emulator.sessions()).toHaveLength(1);
  });

  test("ends the process as it would have, also when an opening fails meanwhile", async () => {
    const held = emulator.fail({ method: "POST", path: "/v3/sessions", delayMs: 300, status: 402 });
    const { child, ended } = start("an opening");
    await vi.waitFor(() => expect(held.hits).toBe(1), IN_TIME);
    child.kill("SIGTERM");
    expect((await ended).by).toBe("SIGTERM");
  });

  test("lets nobody hear of a failed run before all are stopped", async () => {
    const { child, ended } = await startUntilReady("an own end of the failure", 3);
    emulator.fail({ method: "POST", path: STOP, delayMs: 800 });
    child.kill("SIGINT");
    expect(await ended).toEqual({ by: "SIGINT", live: [] });
  });

  test("ends the process as it would have, though a run fails before all are stopped and nobody catches that", async () => {
    const { child, ended } = await startUntilReady("a run beside a session", 2);
    emulator.fail({ method: "PATCH", path: STOP, delayMs: 2_000 });
    child.kill("SIGINT");
    expect(await ended).toEqual({ by: "SIGINT", live: [] });
  });

  test("is heard by listeners of the program's own, which then decide how it ends", async () => {
    const { child, messages, ended } = await startUntilReady("own listeners", 3);
    child.kill("SIGTERM");
    expect(await ended).toEqual({ by: 7, live: [] });
    expect(messages).toEqual([child.pid, "heard"]);
  });

  test("ends the process in time when a stop is not confirmed, and says what may be left", async () => {
    const { child, output, ended } = await startUntilReady("stops that last", 1);
    emulator.fail({ method: "POST", path: STOP, delayMs: 60_000, times: 100 });
    child.kill("SIGTERM");
    expect(await ended).toEqual({ by: "SIGTERM", live: ["v3"] });
    await vi.waitFor(() => expect(output.stderr).toContain(emulator.sessions()[0]?.id), IN_TIME);
    expect(output.stderr).toContain("SessionNotStoppedError");
  });
});

describe("while the stops are under way", () => {
  async function stopping(signal: NodeJS.Signals, delayMs: number) {
    const started = await startUntilReady("two sessions and a browser", 3);
    const held = emulator.fail({ path: STOP, delayMs, times: 3 });
    started.child.kill(signal);
    await vi.waitFor(() => expect(held.hits).toBe(3), IN_TIME);
    await sleep(300);
    return started;
  }

  test.each(["SIGINT", "SIGTERM"] as const)("a Ctrl-C kills at once, after %s", async (signal) => {
    const { child, ended } = await stopping(signal, 60_000);
    child.kill("SIGINT");
    expect(await ended).toEqual({ by: "SIGINT", live: ["v2", "v3", "browser"] });
  });

  test.each(["SIGTERM", "SIGHUP"] as const)("another %s changes nothing", async (signal) => {
    const { child, ended } = await stopping("SIGINT", 1_500);
    child.kill(signal);
    expect(await ended).toEqual({ by: "SIGINT", live: [] });
  });

  test("a Ctrl-C that a runner passes on as well is one", async () => {
    const { child, ended } = await startUntilReady("two sessions and a browser", 3);
    const held = emulator.fail({ path: STOP, delayMs: 500, times: 3 });
    child.kill("SIGINT");
    child.kill("SIGINT");
    expect(await ended).toEqual({ by: "SIGINT", live: [] });
    expect(held.hits).toBe(3);
  });
});

describe("without a signal", () => {
  test("the process ends when its work is done, and nothing is stopped: another process may go on with it", async () => {
    expect(await start("its natural end").ended).toEqual({ by: 0, live: ["v3"] });
  });

  test("what was taken out leaves no listener, and no signal is held up", async () => {
    const { child, messages, ended } = await startUntilReady("a change of mind", 1);
    expect(messages).toEqual([0]);
    child.kill("SIGTERM");
    expect(await ended).toEqual({ by: "SIGTERM", live: ["v3"] });
  });
});

describe("in one process", () => {
  const client = { close: async () => {} };
  const count = () => process.listenerCount("SIGINT");

  test("what comes with the first Ctrl-C, or up to 100 ms after the process has had to do with it, is no second one", () => {
    vi.useFakeTimers({ toFake: ["performance", "setImmediate", "setTimeout"] });
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    onTestFinished(() => void vi.useRealTimers());
    onTestFinished(() => kill.mockRestore());
    stopOnExit({ close: () => new Promise(() => {}) });
    const press = () => process.emit("SIGINT", "SIGINT");
    press();
    vi.setSystemTime(Date.now() + 5_000);
    press();
    vi.advanceTimersByTime(50);
    press();
    vi.advanceTimersByTime(40);
    press();
    expect(kill).not.toHaveBeenCalled();
    vi.advanceTimersByTime(20);
    press();
    expect(kill.mock.calls).toEqual([[process.pid, "SIGINT"]]);
    expect(count()).toBe(0);
  });

  test("there is one listener for all clients, and none when the last has left", () => {
    const before = count();
    const leave = Array.from({ length: 100 }, () => stopOnExit({ ...client }));
    expect(count()).toBe(before + 1);
    for (const one of leave) {
      one();
      one();
    }
    expect(count()).toBe(before);
  });

  test.each([
    [undefined, {}],
    [{}, {}],
    [client, { timeoutMs: 0 }],
    [client, { timeoutMs: Number.NaN }],
    [client, { timeout: 5 }],
  ])("what cannot be meant is refused, and leaves no listener: %j %j", (owner, options) => {
    const before = count();
    expect(() => stopOnExit(owner as unknown as BrowserUse, options as object)).toThrow(InvalidInputError);
    expect(count()).toBe(before);
  });
});
