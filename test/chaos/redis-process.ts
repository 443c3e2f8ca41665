import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";

const START_LIMIT_MS = 10_000;
const LOOK_MS = 20;

/** A redis-server of its own that can be paused, killed and started again with what it had written. */
export class RedisProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), "browser-use-chaos-redis-"));
  readonly #port: number;
  #child: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(): Promise<RedisProcess> {
    const redis = new RedisProcess(await freePort());
    await redis.start().catch(async (error: unknown) => {
      await redis.close();
      throw error;
    });
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const lasting = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--dir", this.#folder];
    const here = ["--port", String(this.#port), "--bind", "127.0.0.1", "--loglevel", "warning"];
    this.#child = spawn("redis-server", [...here, ...lasting], { stdio: "ignore" });
    this.#child.on("error", () => {});
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await answers(this.#port))) {
      if (performance.now() > deadline || this.#child.exitCode !== null)
        throw new Error("redis-server does not start.");
      await sleep(LOOK_MS);
    }
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** As by a power cut: what was acknowledged is on disk. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async restart(downMs: number): Promise<void> {
    await this.kill();
    await sleep(downMs);
    await this.start();
  }

  /** Sends one command on a connection of its own. */
  async command(...args: string[]): Promise<unknown> {
    const client = createClient({ url: this.url });
    client.on("error", () => {});
    await client.connect();
    try {
      return await client.sendCommand(args);
    } finally {
      client.destroy();
    }
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}

/** Whether it takes commands: while it loads what it had, it does not. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const settle = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.on("data", (data) => settle(String(data).startsWith("+PONG")));
    socket.on("error", () => settle(false));
    socket.setTimeout(500, () => settle(false));
  });
}
