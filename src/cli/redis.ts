import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { RedisClient } from "../facade/pool/redis-client.ts";
import { UsageError } from "./command-line.ts";

const CONNECT_TIMEOUT_MS = 5_000;

/** A connection to the Redis of the pools. */
export interface Connection {
  readonly client: RedisClient;
  readonly close: () => void;
}

/** What is used of `redis` (node-redis). */
interface NodeRedis {
  createClient(options: object): RedisClient & {
    on(event: "error", listener: (error: Error) => void): unknown;
    connect(): Promise<unknown>;
    destroy(): void;
  };
}

/** What is used of `ioredis`. */
interface Ioredis {
  readonly Redis: new (
    url: string,
    options: object,
  ) => RedisClient & {
    on(event: "error", listener: (error: Error) => void): unknown;
    connect(): Promise<unknown>;
    disconnect(): void;
  };
}

/**
 * Connects with the project's own Redis library, whichever of the two it has.
 *
 * @throws Error when there is none, or Redis does not answer. It names the host, never the password.
 */
export async function connect(url: string): Promise<Connection> {
  const { host } = checkUrl(url);
  const nodeRedis = await load("redis", "createClient");
  // The two modules are known by what they export; the rest is theirs to keep.
  if (nodeRedis) return connectNodeRedis(nodeRedis as unknown as NodeRedis, url, host);
  const ioredis = await load("ioredis", "Redis");
  if (ioredis) return connectIoredis(ioredis as unknown as Ioredis, url, host);
  throw new Error("neither redis nor ioredis is installed in this project: npm install redis");
}

function checkUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "redis:" || parsed?.protocol === "rediss:") return parsed;
  throw new UsageError("the Redis URL must look like redis://host:6379 or rediss://host:6379");
}

async function connectNodeRedis({ createClient }: NodeRedis, url: string, host: string): Promise<Connection> {
  const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: CONNECT_TIMEOUT_MS } });
  const last = lastError(client);
  await client.connect().catch((error) => {
    throw unreachable(host, last() ?? error);
  });
  return { client, close: () => client.destroy() };
}

async function connectIoredis({ Redis }: Ioredis, url: string, host: string): Promise<Connection> {
  const options = { lazyConnect: true, retryStrategy: null, connectTimeout: CONNECT_TIMEOUT_MS };
  const client = new Redis(url, options);
  const last = lastError(client);
  await client.connect().catch((error) => {
    client.disconnect();
    throw unreachable(host, last() ?? error);
  });
  return { client, close: () => client.disconnect() };
}

/** Connections tell of what is wrong by events; unheard, they would end the process. */
function lastError(client: { on(event: "error", listener: (error: Error) => void): unknown }): () => Error | undefined {
  let last: Error | undefined;
  client.on("error", (error) => {
    last = error;
  });
  return () => last;
}

function unreachable(host: string, cause: unknown): Error {
  const why = cause instanceof Error && cause.message ? cause.message : "no answer";
  return new Error(`Redis at ${host} cannot be used: ${why}`, { cause });
}

/** A module of the project in which the command is run, else one beside this package; undefined when there is none. */
async function load(name: string, exported: string): Promise<object | undefined> {
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    const path = resolved(name, from);
    const module: object | undefined = path === undefined ? undefined : await import(pathToFileURL(path).href);
    const found = [module, module && "default" in module ? module.default : undefined].find((candidate) =>
      has(candidate, exported),
    );
    if (found) return found as object;
  }
  return undefined;
}

function resolved(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
}

function has(candidate: unknown, exported: string): boolean {
  return (
    (typeof candidate === "object" || typeof candidate === "function") && candidate !== null && exported in candidate
  );
}
