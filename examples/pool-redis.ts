import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LeaseStore } from "browser-use-client/pool";
import { redisLeaseStore } from "browser-use-client/redis";
import { createClient } from "redis";

const START_MS = 10_000;

/** The Redis that the processes of the demo share. */
export interface DemoRedis {
  readonly url: string;
  /** How people are told of it. */
  readonly where: string;
  /** What the names of the demo's keys begin with. */
  readonly prefix: string;
  readonly store: LeaseStore;
  /** Removes what the demo has kept there, and ends a server that was started for it. */
  readonly close: () => Promise<void>;
}

/** The Redis at REDIS_URL, else one of the demo's own from the PATH, else none. */
export async function demoRedis(): Promise<DemoRedis | undefined> {
  const given = process.env["REDIS_URL"];
  if (given) return connected(given, "the Redis at REDIS_URL", () => {});
  if (spawnSync("redis-server", ["--version"]).status !== 0) return undefined;
  const { port, end } = await startRedis();
  return connected(`redis://127.0.0.1:${port}`, `a Redis on port ${port}`, end);
}

async function connected(url: string, where: string, end: () => void): Promise<DemoRedis> {
  const prefix = `demo-${randomUUID()}`;
  const client = createClient({ url }).on("error", () => {});
  await client.connect();
  const close = async (): Promise<void> => {
    for await (const keys of client.scanIterator({ MATCH: `{${prefix}:*`, COUNT: 1000 })) {
      if (keys.length > 0) await client.del(keys);
    }
    client.destroy();
    end();
  };
  return { url, where, prefix, store: redisLeaseStore(client, { prefix }), close };
}

/** Ended with this process at the latest. */
async function startRedis(): Promise<{ readonly port: number; readonly end: () => void }> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "browser-use-demo-"));
  const options = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", "", "--appendonly", "no"];
  const child = spawn("redis-server", options, { stdio: "ignore" });
  const end = (): void => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", end);
  await untilReady(child, port);
  return { port, end };
}

async function untilReady(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error("redis-server did not start.");
    await sleep(20);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.destroy());
    socket.on("error", () => resolve(false));
    socket.on("connect", () => resolve(true));
  });
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
