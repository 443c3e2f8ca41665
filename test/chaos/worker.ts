import { redisLeases } from "../../src/facade/pool/redis.ts";
import { scripts } from "../../src/facade/pool/redis-scripts.ts";
import { BrowserUse, type V2Session } from "../../src/index.ts";
import { type Lease, type LeaseStore, SessionPool } from "../../src/pool.ts";
import type { RedisClient } from "../../src/redis.ts";
import { plant } from "./mutants.ts";
import { textOf } from "./origin.ts";
import { type Order, type Report, STORE_TIMEOUT_MS, type Step, type WorkerConfig } from "./protocol.ts";
import { Random } from "./random.ts";
import { describe, Lane, nameOf, type Pool } from "./tickets.ts";

// A process of a fleet: it runs tickets of its own accord, or does what it is told. It ends with the one that has started it.

const config: WorkerConfig = JSON.parse(process.env["CHAOS_WORKER"] ?? "{}");
const tell = (report: Report): void => {
  if (process.connected) process.send?.(report, undefined, undefined, () => {});
};

const leave = (): void => process.exit(1);
process.on("disconnect", leave);
process.on("unhandledRejection", (error) => tell({ type: "fault", what: `unhandled: ${describe(error)}` }));

const { store, quit } = await openStore();
const client = new BrowserUse({
  apiKey: "bu_chaos",
  baseUrl: config.baseUrl,
  headers: { "X-Chaos-Worker": config.name },
  onSessionNotStopped: () => {},
});
const pool: Pool = new SessionPool(client.v2.sessions, {
  ...config.times,
  maxSessions: config.cap,
  project: "chaos",
  store,
  ownership: config.ownership,
  saveProfile: config.saveProfile,
  onEvent: (event) => tell({ type: "event", name: event.type, event: JSON.stringify(event) }),
});
const leases = new Map<string, Lease<V2Session>>();
const random = new Random(config.seed);
let isOver = false;

process.on("message", (order: Order) => {
  if (order.type === "stop") isOver = true;
  if (order.type === "stop" && config.mode === "told") void end();
  if (order.type === "step") void answer(order.id, order.step);
});
tell({ type: "ready" });
if (config.mode === "storm") {
  const lanes = Array.from({ length: config.lanes }, (_, number) => {
    return new Lane(config, `l${number}`, { client, pool, random: random.fork(), tell });
  });
  await Promise.all(lanes.map((lane) => lane.run(() => isOver)));
  await end();
}

async function openStore() {
  if (config.client === "ioredis") {
    const { Redis } = await import("ioredis");
    const redis = new Redis(config.redisUrl);
    redis.on("error", () => {});
    return { store: storeOn(redis), quit: async () => redis.disconnect() };
  }
  const { createClient } = await import("redis");
  const redis = createClient({ url: config.redisUrl });
  redis.on("error", () => {});
  await redis.connect();
  return { store: storeOn(redis), quit: async () => redis.destroy() };
}

function storeOn(redis: RedisClient): LeaseStore {
  const planted = config.mutant ? plant(scripts, config.mutant) : scripts;
  return redisLeases(redis, { timeoutMs: STORE_TIMEOUT_MS }, planted);
}

async function end(): Promise<void> {
  await pool.close().catch((error: unknown) => tell({ type: "fault", what: `close: ${describe(error)}` }));
  tell({ type: "closed" });
  await quit();
  // What keeps the process alive now would keep a user's process alive.
  process.off("disconnect", leave);
  process.disconnect();
}

async function answer(id: number, step: Step): Promise<void> {
  try {
    tell({ type: "answer", id, value: await perform(step) });
  } catch (error) {
    tell({ type: "answer", id, error: { name: nameOf(error), message: describe(error) } });
  }
}

async function perform(step: Step): Promise<unknown> {
  if (step.do === "acquire") {
    const lease = await pool.acquire(step.request, { waitTimeoutMs: step.waitTimeoutMs });
    leases.set(step.lease, lease);
    return { session: lease.session.id, fence: lease.fence, restarted: lease.restarted };
  }
  const lease = leases.get(step.lease);
  if (!lease) throw new Error(`${config.name} has no lease ${step.lease}.`);
  if (step.do === "release") return lease.release();
  const zombie = step.do === "zombie";
  const text = textOf({ fence: lease.fence, worker: config.name, lease: step.lease, mark: step.mark, zombie });
  if (step.do === "run") return (await lease.session.run(text)).status;
  await client.v2.sessions.attach(lease.session.id).start(text, { maxRetries: 0 });
  return "taken";
}
