import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { BrowserUse } from "../../src/index.ts";
import { SessionPool } from "../../src/pool.ts";
import { redisLeaseStore } from "../../src/redis.ts";
import { STORE_TIMEOUT_MS, TIMES } from "./protocol.ts";
import type { RedisProcess } from "./redis-process.ts";
import type { Pool } from "./tickets.ts";
import { type Vendor, WORKER_HEADER } from "./vendor.ts";
import { CAP, EMPTY_STORE_MS, EMPTY_VENDOR_MS } from "./weather.ts";

const LOOK_MS = 100;

/** A pool that lends nothing: it cleans up after those that are gone. */
export class Reaper {
  readonly #vendor: Vendor;
  readonly #redis: Redis;
  readonly #pool: Pool;

  constructor(vendor: Vendor, redis: RedisProcess, ownership: "exclusive" | "shared" = "exclusive") {
    this.#vendor = vendor;
    this.#redis = new Redis(redis.url);
    this.#redis.on("error", () => {});
    this.#pool = poolOn(vendor, this.#redis, "reaper", ownership);
  }

  /** I4: within their times, nothing lives at the vendor, and nothing is on the record. */
  async expectNothingLeft(): Promise<string> {
    const { cloud, judge } = this.#vendor;
    const startedAt = performance.now();
    const tookMs = () => Math.round(performance.now() - startedAt);
    const isVendorEmpty = await this.#reapUntil(startedAt + EMPTY_VENDOR_MS, async () => cloud.liveOwn().length === 0);
    const vendorMs = tookMs();
    for (const { id, profile } of isVendorEmpty ? [] : cloud.liveOwn()) {
      judge.blame("I4", `lives still after ${vendorMs} ms`, { session: id, profile });
    }
    const isStoreEmpty = await this.#reapUntil(startedAt + EMPTY_VENDOR_MS + EMPTY_STORE_MS, () =>
      this.#isStoreEmpty(),
    );
    const storeMs = tookMs();
    if (!isStoreEmpty) judge.blame("I4", `still on record: ${JSON.stringify(await this.#pool.stats())}`);
    return `vendor empty after ${vendorMs} ms (at most ${EMPTY_VENDOR_MS}), record after ${storeMs} ms`;
  }

  async #reapUntil(deadline: number, isDone: () => Promise<boolean>): Promise<boolean> {
    while (performance.now() < deadline) {
      await this.#pool.reap();
      if (await isDone()) return true;
      await sleep(LOOK_MS);
    }
    return false;
  }

  async #isStoreEmpty(): Promise<boolean> {
    const { creating, leased, idle, stopping, unknown } = await this.#pool.stats();
    return creating + leased + idle + stopping + unknown === 0;
  }

  async close(): Promise<void> {
    await this.#pool.close().catch(() => {});
    this.#redis.disconnect();
  }
}

/** A pool in this process. */
export function poolOn(
  vendor: Vendor,
  redis: Redis,
  name: string,
  ownership: "exclusive" | "shared" = "exclusive",
): Pool {
  const client = new BrowserUse({
    apiKey: "bu_chaos",
    baseUrl: vendor.baseUrl,
    headers: { [WORKER_HEADER]: name },
    onSessionNotStopped: () => {},
  });
  return new SessionPool(client.v2.sessions, {
    ...TIMES,
    maxSessions: CAP,
    project: "chaos",
    store: redisLeaseStore(redis, { timeoutMs: STORE_TIMEOUT_MS }),
    ownership,
    onEvent: (event) => vendor.judge.note(`${name} tells ${JSON.stringify(event)}`),
  });
}
