import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const TRIES = 5;
const START_MS = 10_000;

/** A `redis-server` of the tests' own, which keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends the process at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Whether there is a `redis-server` on the path. With `CI=true` there must be: a skipped test would say nothing there. */
export function redisIsThere(): boolean {
  const { status } = spawnSync("redis-server", ["--version"]);
  if (status === 0) return true;
  if (process.env["CI"] === "true") throw new Error("CI=true needs redis-server on the PATH.");
  console.warn("redis-server is not on the PATH: tests of the Redis store are skipped.");
  return false;
}

/** Starts a server on a free port of the loopback address. */
export async function startRedis(...extra: readonly string[]): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "browser-use-redis-"));
  const { port, child } = await startOnFreePort(folder, extra);
  let running = child;
  const kill = () => end(running);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    restart: async () => {
      await kill();
      running = await start(port, folder, extra);
    },
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Somebody else may take the port between the look and the start. */
async function startOnFreePort(
  folder: string,
  extra: readonly string[],
): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  let last: unknown;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = await freePort();
    try {
      return { port, child: await start(port, folder, extra) };
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`redis-server did not start in ${TRIES} tries.`, { cause: last });
}

async function start(port: number, folder: string, extra: readonly string[]): Promise<ChildProcess> {
  const where = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
  const child = spawn("redis-server", [...where, "--save", "", "--appendonly", "no", ...extra], { stdio: "ignore" });
  const deadline = performance.now() + START_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}.`);
    if (performance.now() > deadline) {
      await end(child);
      throw new Error("redis-server is not ready.");
    }
    await sleep(20);
  }
  // It may be somebody else's server that answers there.
  if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}.`);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No port is free.");
  return address.port;
}

/** Whether a server answers a ping there. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.setTimeout(500, () => socket.destroy());
    // One that is loading or wants a password answers as well.
    socket.on("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
  });
}
