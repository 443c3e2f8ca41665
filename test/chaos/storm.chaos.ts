import { afterAll, beforeAll, expect, test } from "vitest";
import { redisIsThere } from "../support/redis-server.ts";
import { type Bundle, bundleWorker } from "./fleet.ts";
import { seedOf } from "./random.ts";
import { type StormOptions, storm } from "./storm.ts";

// `CHAOS_SEED=…` repeats what was drawn; what the machine does meanwhile it cannot repeat. `CHAOS_MINUTES=60` takes an hour.

const SHORT_MS = 75_000;
const totalMs = process.env["CHAOS_MINUTES"] ? Number(process.env["CHAOS_MINUTES"]) * 60_000 : SHORT_MS;
const END_MS = 120_000;
const isRedisThere = redisIsThere();
let bundle: Bundle;

beforeAll(async () => {
  bundle = await bundleWorker();
});
afterAll(() => bundle.remove());

/** `share`: of the whole time. */
function stormTest(title: string, share: number, weather: Omit<StormOptions, "seed" | "bundle" | "durationMs">): void {
  const durationMs = totalMs * share;
  test.skipIf(!isRedisThere)(title, { timeout: durationMs + END_MS }, async () => {
    const report = await storm({ ...weather, seed: seedOf(), bundle, durationMs });

    console.log(report.summary);
    expect(report.violations, report.text).toEqual([]);
  });
}

stormTest(
  "no invariant breaks while processes are killed and paused and the vendor fails, and nothing is left when all are killed",
  0.4,
  { ending: "kill" },
);

stormTest(
  "no invariant breaks while Redis fails as well, and nothing is left when all processes have closed their pools",
  0.4,
  { ending: "stop", redisFaults: ["kill", "clients", "pause", "down", "flush"] },
);

stormTest("no invariant breaks while leases are over all the time and their holders go on", 0.2, {
  ending: "stop",
  pauseEveryMs: 500,
  killEveryMs: 10_000,
  blocks: 0.2,
  mix: "group",
});
