import { Redis } from "ioredis";
import { createClient } from "redis";
import { type RedisClient, redisLeaseStore } from "../../src/redis.ts";
import { type RedisServer, startRedis } from "../../test/support/redis-server.ts";

/** A Redis of our own, and a connection to look at it. */
export interface MeasuredRedis extends AsyncDisposable {
  readonly url: string;
  readonly command: (...args: [string, ...string[]]) => Promise<unknown>;
  /** What it says of itself, all sections. */
  readonly info: () => Promise<ReadonlyMap<string, string>>;
}

/** A client of one of the two libraries. */
export interface Connected {
  readonly client: RedisClient;
  readonly ping: () => Promise<unknown>;
  readonly end: () => void;
}

export type Library = "node-redis" | "ioredis";

/** Starts a `redis-server` from PATH on a free port, with a folder of its own; it writes nothing to disk. */
export async function ownRedis(): Promise<MeasuredRedis> {
  const server: RedisServer = await startRedis();
  const client = createClient({ url: server.url });
  client.on("error", () => {});
  await client.connect();
  const command = (...args: [string, ...string[]]) => client.sendCommand(args);
  return {
    url: server.url,
    command,
    info: async () => fieldsOf(String(await command("INFO", "everything"))),
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await server.stop();
    },
  };
}

export async function connect(url: string, library: Library = "node-redis"): Promise<Connected> {
  if (library === "ioredis") {
    const client = new Redis(url, { maxRetriesPerRequest: null });
    client.on("error", () => {});
    return { client, ping: () => client.call("PING"), end: () => client.disconnect() };
  }
  const client = createClient({ url });
  client.on("error", () => {});
  await client.connect();
  return { client, ping: () => client.sendCommand(["PING"]), end: () => client.destroy() };
}

/** The store over a connection of its own. */
export async function connectStore(url: string, prefix: string, library?: Library) {
  const { client, ...connected } = await connect(url, library);
  return { store: redisLeaseStore(client, { prefix }), ...connected };
}

function fieldsOf(info: string): ReadonlyMap<string, string> {
  const lines = info.split(/\r?\n/).filter((line) => line.includes(":"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

/** What a Redis has done so far. */
export interface Work {
  readonly at: number;
  /** Of all its threads, in seconds. */
  readonly cpuS: number;
  readonly scripts: number;
  /** Inside of scripts, in microseconds. */
  readonly scriptUs: number;
  readonly published: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly memory: number;
}

export async function workOf({ info }: MeasuredRedis): Promise<Work> {
  const fields = await info();
  const stat = (command: string, name: string) =>
    Number(new RegExp(`${name}=([\\d.]+)`).exec(fields.get(`cmdstat_${command}`) ?? "")?.[1] ?? 0);
  const number = (name: string) => Number(fields.get(name) ?? 0);
  return {
    at: performance.now(),
    cpuS: number("used_cpu_user") + number("used_cpu_sys"),
    scripts: stat("evalsha", "calls") - stat("evalsha", "failed_calls") + stat("eval", "calls"),
    scriptUs: stat("evalsha", "usec") + stat("eval", "usec"),
    published: stat("publish", "calls"),
    bytesIn: number("total_net_input_bytes"),
    bytesOut: number("total_net_output_bytes"),
    memory: number("used_memory"),
  };
}

/** What it did in between. The look itself costs a little. */
export function between(before: Work, after: Work): Work & { readonly seconds: number } {
  const entries = Object.entries(after).map(([name, value]) => [name, value - before[name as keyof Work]]);
  const difference = Object.fromEntries(entries) as unknown as Work;
  return { ...difference, memory: after.memory, seconds: difference.at / 1000 };
}
