import { setTimeout as sleep } from "node:timers/promises";
import { type Bundle, WorkerProcess } from "./fleet.ts";
import { type Rule, tally, type Violation } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import type { MutantName } from "./mutants.ts";
import { type Mix, TIMES, type WorkerConfig } from "./protocol.ts";
import { Random } from "./random.ts";
import { Reaper } from "./reaper.ts";
import { RedisProcess } from "./redis-process.ts";
import { type Faults, startVendor, type Vendor } from "./vendor.ts";
import {
  CALM_VENDOR,
  CAP,
  DEATHS,
  EMPTY_VENDOR_MS,
  FAULTS,
  PROFILES,
  SETTLE_MS,
  SLACK_MS,
  STOP_MS,
} from "./weather.ts";

/** What blows. */
export interface StormOptions {
  readonly seed: number;
  readonly bundle: Bundle;
  readonly durationMs: number;
  /** About how often a process is killed, and replaced. Default: 1,500. */
  readonly killEveryMs?: number;
  /** About how often one is paused for longer than its lease. Default: 2,000. */
  readonly pauseEveryMs?: number;
  /** How many tickets do not let their process breathe for longer than the lease. Default: 0.04. */
  readonly blocks?: number;
  /** Default: `"all"`. */
  readonly mix?: Mix;
  /** What happens to Redis, about every 4 s. Default: nothing. */
  readonly redisFaults?: readonly RedisFault[];
  /** How often the vendor loses replies, fails and is late. Default: {@link FAULTS}. */
  readonly vendorFaults?: Faults;
  readonly zombies?: boolean;
  readonly mutant?: MutantName;
  /** `stop`: workers may end what they have begun. `kill`: all are killed at once. */
  readonly ending: "stop" | "kill";
  /** Ends early, once one of these is broken. */
  readonly until?: readonly Rule[];
}

/** `kill`: the server, as by a power cut. `clients`: all connections. `pause`: no answers for a while. `down`: the same for long. `flush`: all data is gone. */
export type RedisFault = "kill" | "clients" | "pause" | "down" | "flush";

/** What was seen. */
export interface StormReport {
  readonly violations: readonly Violation[];
  readonly excused: readonly Violation[];
  /** All of the above, to be read. */
  readonly text: string;
  readonly summary: string;
  /** Everything that was noted last. */
  readonly history: readonly string[];
}

const WORKERS = 8;
const LANES = 2;
const LOOK_MS = 100;
const REDIS_FAULT_EVERY_MS = 4_000;
/** With three profiles, 16 tickets and holds of several seconds. */
const LONGEST_WAIT_MS = 25_000;

/** Eight processes, a cap of six and three profiles, in bad weather. */
export async function storm(options: StormOptions): Promise<StormReport> {
  const redis = await RedisProcess.start();
  try {
    const faults = options.vendorFaults ?? FAULTS;
    const vendor = await startVendor({ ...CALM_VENDOR, seed: options.seed, faults, deaths: DEATHS });
    try {
      return await new Storm(options, vendor, redis).run();
    } finally {
      await vendor.close();
    }
  } finally {
    await redis.close();
  }
}

class Storm {
  readonly #options: StormOptions;
  readonly #vendor: Vendor;
  readonly #redis: RedisProcess;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #workers: WorkerProcess[] = [];
  /** Ended ones that were not killed are looked at as well. */
  readonly #all = new Set<WorkerProcess>();
  readonly #startedAt = performance.now();
  #number = 0;
  #kills = 0;
  #pauses = 0;
  #isOver = false;
  #redisFaults: string[] = [];
  /** How many sessions lived, at each look. */
  readonly #live: number[] = [];
  #emptied = "";

  constructor(options: StormOptions, vendor: Vendor, redis: RedisProcess) {
    this.#options = options;
    this.#vendor = vendor;
    this.#redis = redis;
    this.#ledger = new Ledger(vendor.cloud);
    this.#random = new Random(options.seed);
  }

  async run(): Promise<StormReport> {
    try {
      for (let place = 0; place < WORKERS; place++) this.#workers[place] = this.#spawn();
      const weather = [this.#kill(), this.#pause(), this.#troubleRedis()];
      await this.#watch();
      this.#isOver = true;
      await Promise.all(weather);
      if (!this.#isDecided()) await this.#end();
      return this.#report();
    } finally {
      this.#isOver = true;
      await Promise.all([...this.#all].map((worker) => worker.kill()));
    }
  }

  #spawn(): WorkerProcess {
    const number = ++this.#number;
    const config: WorkerConfig = {
      name: `w${number}`,
      seed: this.#random.between(0, 2 ** 31),
      baseUrl: this.#vendor.baseUrl,
      redisUrl: this.#redis.url,
      client: number % 2 === 0 ? "redis" : "ioredis",
      times: TIMES,
      ownership: "exclusive",
      saveProfile: number % 3 === 0 ? "on-release" : "on-idle",
      cap: CAP,
      mode: "storm",
      profiles: PROFILES,
      lanes: LANES,
      mix: this.#options.mix ?? "all",
      blocks: this.#options.blocks ?? 0.04,
      zombies: this.#options.zombies ?? true,
      mutant: this.#options.mutant,
    };
    const worker: WorkerProcess = new WorkerProcess(this.#options.bundle, config, (report) => {
      this.#ledger.take(worker, report);
    });
    this.#all.add(worker);
    return worker;
  }

  async #watch(): Promise<void> {
    while (performance.now() < this.#startedAt + this.#options.durationMs && !this.#isDecided()) {
      await sleep(LOOK_MS);
      this.#look();
    }
  }

  #look(): void {
    this.#live.push(this.#vendor.cloud.liveOwn().length);
    this.#ledger.checkWaits(LONGEST_WAIT_MS);
    this.#ledger.checkConfirmed();
    for (const worker of this.#all) {
      if (!worker.hasEnded) continue;
      this.#all.delete(worker);
      const why = worker.failure;
      if (why !== undefined) this.#vendor.judge.blame("crash", `${worker.name} ended by itself: ${why}`);
    }
  }

  #isDecided(): boolean {
    return this.#options.until?.some((rule) => this.#vendor.judge.has(rule)) ?? false;
  }

  /** Until it is over, about every so many milliseconds. */
  async #every(ms: number, act: () => Promise<void>): Promise<void> {
    let next = performance.now() + this.#random.between(ms / 2, ms * 1.5);
    while (!this.#isOver) {
      await sleep(LOOK_MS / 2);
      if (performance.now() < next) continue;
      next = performance.now() + this.#random.between(ms / 2, ms * 1.5);
      await act();
    }
  }

  #kill(): Promise<void> {
    return this.#every(this.#options.killEveryMs ?? 1_500, async () => {
      const place = this.#random.between(0, WORKERS - 1);
      const worker = this.#workers[place];
      this.#workers[place] = this.#spawn();
      this.#kills += 1;
      this.#vendor.judge.note(`${worker?.name} is killed`);
      await worker?.kill();
    });
  }

  #pause(): Promise<void> {
    return this.#every(this.#options.pauseEveryMs ?? 2_000, async () => {
      const worker = this.#workers[this.#random.between(0, WORKERS - 1)];
      if (!worker || worker.hasEnded) return;
      this.#pauses += 1;
      this.#vendor.judge.note(`${worker.name} is paused`);
      worker.pause();
      await sleep(TIMES.leaseMs * (1.1 + this.#random.next()));
      worker.resume();
      this.#vendor.judge.note(`${worker.name} goes on`);
    });
  }

  async #troubleRedis(): Promise<void> {
    const [first, ...others] = this.#options.redisFaults ?? [];
    if (first === undefined) return;
    await this.#every(REDIS_FAULT_EVERY_MS, async () => {
      const fault = this.#random.pick([first, ...others]);
      this.#redisFaults.push(fault);
      this.#vendor.judge.note(`redis: ${fault}`);
      const startedAt = performance.now();
      await this.#trouble(fault);
      this.#ledger.unfair(performance.now() - startedAt);
    });
  }

  async #trouble(fault: RedisFault): Promise<void> {
    const { judge } = this.#vendor;
    if (fault === "kill") return this.#redis.restart(this.#random.between(50, 400));
    if (fault === "clients") {
      await this.#redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    } else if (fault === "pause") {
      const ms = this.#random.between(100, 1_500);
      await this.#redis.command("CLIENT", "PAUSE", String(ms), "ALL");
      await sleep(ms);
    } else if (fault === "flush") {
      // The record of who writes which profile is gone, and the vendor's list does not tell.
      const forMs = TIMES.createTimeoutMs + 2 * TIMES.graceMs + STOP_MS + SLACK_MS;
      judge.excuse(["I2", "I3", "lost", "refused"], forMs, "after a FLUSHALL");
      await this.#redis.command("FLUSHALL");
    } else {
      judge.storeDown(SETTLE_MS);
      this.#redis.pause();
      await sleep(SETTLE_MS + this.#random.between(500, 1_500));
      judge.storeUp();
      this.#redis.resume();
    }
  }

  async #end(): Promise<void> {
    const { judge } = this.#vendor;
    // Failures that were drawn before go on to be played.
    for (const name of Object.keys(this.#vendor.faults)) Object.assign(this.#vendor.faults, { [name]: 0 });
    judge.note("the weather is fair again");
    if (this.#options.ending === "stop") await this.#stopAll();
    judge.note("all processes are killed");
    await Promise.all([...this.#all].map((worker) => worker.kill()));
    await this.#expectNothingLeft();
    this.#ledger.checkConfirmed();
  }

  async #stopAll(): Promise<void> {
    const limit = LONGEST_WAIT_MS + EMPTY_VENDOR_MS;
    const stopped = Promise.all(this.#workers.map((worker) => worker.stop()));
    const isStopped = await Promise.race([stopped.then(() => true), sleep(limit, false, { ref: false })]);
    this.#look();
    if (isStopped) return;
    const left = this.#workers.filter(({ hasEnded }) => !hasEnded).map(({ name }) => name);
    const what = `${left.join(" ")} did not end within ${limit} ms of being told to, with ${this.#ledger.waiting} tickets waiting`;
    this.#vendor.judge.blame("I6", what);
  }

  async #expectNothingLeft(): Promise<void> {
    const reaper = new Reaper(this.#vendor, this.#redis);
    try {
      this.#emptied = await reaper.expectNothingLeft();
    } finally {
      await reaper.close();
    }
  }

  #report(): StormReport {
    const { judge, cloud } = this.#vendor;
    const { seed, mutant } = this.#options;
    const wait = (share: number) => this.#ledger.waitQuantile(share);
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
    const used = this.#live.reduce((sum, live) => sum + live, 0) / Math.max(1, this.#live.length);
    const summary = [
      `seed ${seed}${mutant ? ` with ${mutant}` : ""}: ${((performance.now() - this.#startedAt) / 1000).toFixed(1)} s`,
      `${this.#kills} kills, ${this.#pauses} pauses, redis: ${this.#redisFaults.join(" ") || "calm"}`,
      `vendor: ${JSON.stringify(cloud.counts)}`,
      `waits of ${this.#ledger.waits.length}: p50 ${wait(0.5)}, p99 ${wait(0.99)}, longest ${wait(1)} ms`,
      `sessions live on average: ${used.toFixed(1)} of ${CAP}; ${this.#emptied}`,
      `not served: ${list(this.#ledger.unserved)}`,
      `events: ${list(this.#ledger.events)}`,
      `violations: ${JSON.stringify(tally(judge.violations))}, excused: ${JSON.stringify(tally(judge.excused))}`,
    ].join("\n  ");
    return {
      violations: judge.violations,
      excused: judge.excused,
      text: judge.report(),
      summary,
      history: judge.history(),
    };
  }
}
