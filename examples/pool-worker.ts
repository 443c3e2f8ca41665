/** One of the four processes of the demo: takes tickets from its parent, and answers them with a pool on the Redis that all four share. */
import { BrowserUse } from "browser-use-client";
import { SessionPool } from "browser-use-client/pool";
import { redisLeaseStore } from "browser-use-client/redis";
import { createClient } from "redis";
import { answer, type News, type Order, POOL_OPTIONS } from "./pool-clerk.ts";

const { REDIS_URL = "", DEMO_PREFIX } = process.env;
const tell = (news: News): void => void process.send?.(news);

// Ctrl-C reaches the whole group: the parent decides what comes of it. Without a parent there is nothing to do.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit());

const redis = createClient({ url: REDIS_URL });
redis.on("error", (error) => console.error(String(error)));
await redis.connect();

const pool = new SessionPool(new BrowserUse().v3.sessions, {
  ...POOL_OPTIONS,
  store: redisLeaseStore(redis, { prefix: DEMO_PREFIX }),
  onEvent: (event) => {
    if (event.type === "stopped") tell({ type: "stopped", sessionId: event.sessionId, why: event.why });
  },
});

process.on("message", (order: Order) => {
  if (order.type === "answer") void answer(pool, order.ticket, tell);
  else void leave();
});
tell({ type: "ready" });

async function leave(): Promise<void> {
  await pool.close();
  redis.destroy();
  tell({ type: "closed" });
  process.disconnect();
}
