/** A process that leases a session of a pool, says its id, and holds it until it is killed. */
import { BrowserUse } from "browser-use-client";
import { SessionPool } from "browser-use-client/pool";
import { redisLeaseStore } from "browser-use-client/redis";
import { createClient } from "redis";

const redis = createClient({ url: process.env["REDIS_URL"] ?? "" });
redis.on("error", console.error);
await redis.connect();
const pool = new SessionPool(new BrowserUse().v3.sessions, { store: redisLeaseStore(redis), leaseMs: 1_000 });
const { PROFILE_ID: profileId } = process.env;
const lease = await pool.acquire({ key: "ticket:4711", ...(profileId && { profileId }) });
await lease.session.run("Log in");
process.send?.(lease.session.id);
