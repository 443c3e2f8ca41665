/** A process that leases a session of a pool, says its id, and holds it until it is killed. */
import { BrowserUse } from "browser-use-client";
import { SessionPool } from "browser-use-client/pool";
import { redisLeaseStore } from "browser-use-client/redis";
import { Skyvern } from "browser-use-client/skyvern";
import { createClient } from "redis";

const redis = createClient({ url: process.env["REDIS_URL"] ?? "" });
redis.on("error", console.error);
await redis.connect();
const options = { store: redisLeaseStore(redis), leaseMs: 1_000 };
process.send?.(process.env["VENDOR"] === "skyvern" ? await leaseOfSkyvern() : await leaseOfBrowserUse());

async function leaseOfBrowserUse(): Promise<string> {
  const pool = new SessionPool(new BrowserUse().v3.sessions, options);
  const { PROFILE_ID: profileId } = process.env;
  const { session } = await pool.acquire({ key: "ticket:4711", ...(profileId && { profileId }) });
  await session.run("Log in");
  return session.id;
}

async function leaseOfSkyvern(): Promise<string> {
  const pool = new SessionPool(new Skyvern().sessions, { ...options, project: "acme", maxSessions: 3 });
  const { session } = await pool.acquire({ key: "ticket:4711" });
  return session.id;
}
