import { afterAll, beforeAll, expect, test } from "vitest";
import { redisIsThere } from "../support/redis-server.ts";
import { type Bundle, bundleWorker } from "./fleet.ts";
import { type Rule, tally } from "./judge.ts";
import { type MutantName, mutants } from "./mutants.ts";
import { seedOf } from "./random.ts";
import { type StormOptions, storm } from "./storm.ts";

// Tests of the tests: each mistake that a plausible store makes is planted, and must be seen at the vendor.

const LONGEST_MS = 60_000;
const END_MS = 60_000;
const isRedisThere = redisIsThere();
let bundle: Bundle;

beforeAll(async () => {
  bundle = await bundleWorker();
});
afterAll(() => bundle.remove());

interface Case {
  readonly mutant: MutantName;
  readonly rule: Rule;
  readonly weather?: Partial<StormOptions>;
}

/** Leases are over all the time, and somebody waits for just that session, or that profile. */
const STALLS = { pauseEveryMs: 500, killEveryMs: 10_000, blocks: 0.2, vendorFaults: {} };
const cases: readonly Case[] = [
  { mutant: "countsLate", rule: "I3" },
  { mutant: "freesEarly", rule: "I3", weather: { vendorFaults: { stop502: 0.2, stopSlow: 0.7 } } },
  {
    mutant: "lockExpires",
    rule: "I2",
    weather: { ...STALLS, mix: "profiles", vendorFaults: { stop502: 0.5, stopSlow: 0.3 } },
  },
  {
    mutant: "unknownIsNothing",
    rule: "I2",
    weather: { mix: "profiles", vendorFaults: { createLost: 0.2, create502: 0.2 } },
  },
  // The former holder stops what it takes for its own, or its calls come after those of the next.
  { mutant: "lendsExpired", rule: "robbed", weather: { ...STALLS, mix: "group" } },
  { mutant: "lendsExpired", rule: "I5", weather: { ...STALLS, mix: "group", zombies: true } },
];

/** Holders that stall past their lease and then go on must hide no mistake. */
const withZombies = cases
  .filter(({ mutant }) => mutant !== "lendsExpired")
  .map((given): Case => ({ ...given, weather: { ...STALLS, ...given.weather, zombies: true } }));

for (const { mutant, rule, weather } of [...cases, ...withZombies]) {
  const load = weather?.zombies ? ", under zombie load" : "";
  const title = `a store that ${mutants[mutant].title} is caught by rule ${rule}${load}`;
  test.skipIf(!isRedisThere)(title, { timeout: LONGEST_MS + END_MS }, async () => {
    const usual = { durationMs: LONGEST_MS, ending: "kill", zombies: false } as const;

    const report = await storm({ ...usual, ...weather, seed: seedOf(), bundle, mutant, until: [rule] });

    console.log(report.summary);
    expect(tally(report.violations)).toHaveProperty(rule);
  });
}
