import fc from "fast-check";
import { createClient } from "redis";
import { expect, it, onTestFinished } from "vitest";
import type { LeaseStore } from "../../../src/facade/pool/lease-store.ts";
import { memoryLeaseStore } from "../../../src/facade/pool/memory.ts";
import { redisLeaseStore } from "../../../src/redis.ts";
import { redisIsThere, startRedis } from "../../support/redis-server.ts";
import { operations, tell } from "./same-decisions.ts";
import { toyLeaseStore } from "./toy-store.ts";

const SEED = 4_711;

/** Compares the stores after each of many random histories; a failure names the seed and the path to it. */
async function compare(numRuns: number, ...stores: LeaseStore[]): Promise<void> {
  const property = fc.asyncProperty(operations, async (todo) => {
    const [first, ...others] = await tell(stores, todo);
    for (const other of others) expect(other).toEqual(first);
  });
  await fc.assert(property, { seed: SEED, numRuns });
}

it("A store in memory and one that works everything out from facts decide alike in random histories", async () => {
  await compare(200, memoryLeaseStore(), toyLeaseStore());
});

it.skipIf(!redisIsThere())("A store in memory and one in Redis decide alike in random histories", async () => {
  const server = await startRedis();
  const client = createClient({ url: server.url });
  await client.connect();
  onTestFinished(async () => {
    client.destroy();
    await server.stop();
  });
  await compare(150, memoryLeaseStore(), redisLeaseStore(client));
});
