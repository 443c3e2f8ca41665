/** How many warm leases one Redis gives and takes back, and how long each takes, from 1, 8 and 32 processes on this machine. */
import { type BenchOptions, main, type Row, say, table } from "./support/bench.ts";
import { Crew } from "./support/crew.ts";
import type { LoopOrder, LoopResult, LoopTask } from "./support/lease-loop.ts";
import { median, ms, quantile, ratio, short, sum } from "./support/numbers.ts";
import { between, connectStore, type Library, type MeasuredRedis, ownRedis, workOf } from "./support/redis.ts";
import { fillIdle, look } from "./support/wants.ts";

const GOAL_P99_MS = 10;

/** One way to have processes. */
interface Setting {
  readonly name: string;
  readonly processes: number;
  readonly library?: Library;
  readonly level?: LoopOrder["level"];
}

/** What they do. */
interface Pace {
  readonly name: string;
  /** Between two turns of a process. */
  readonly pauseMs: number;
  readonly isPing?: boolean;
}

interface Windows {
  readonly warmUpMs: number;
  readonly count: number;
  readonly forMs: number;
}

interface Seen {
  readonly setting: Setting;
  readonly pace: Pace;
  readonly measured: Measured;
}

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  readonly usPerScript: number;
  readonly redisShare: number;
}

const ONE: Setting = { name: "1 process, node-redis", processes: 1 };
const ONE_IO: Setting = { name: "1 process, ioredis", processes: 1, library: "ioredis" };
const EIGHT: Setting = { name: "8 processes", processes: 8 };
const POOLS: Setting = { name: "8 processes, through SessionPool", processes: 8, level: "pool" };
const MANY: Setting = { name: "32 processes", processes: 32 };
const FULL: Pace = { name: "as fast as they can", pauseMs: 0 };
const PACED: Pace = { name: "20 a second each", pauseMs: 50 };
const PING: Pace = { name: "two PINGs instead, as fast as they can", pauseMs: 0, isPing: true };

async function bench({ quick }: BenchOptions): Promise<Row[]> {
  const settings = quick
    ? [ONE, ONE_IO, { ...POOLS, name: "2 processes, through SessionPool", processes: 2 }]
    : [ONE, ONE_IO, EIGHT, POOLS, MANY];
  const windows = quick ? { warmUpMs: 100, count: 1, forMs: 300 } : { warmUpMs: 1_000, count: 5, forMs: 1_000 };
  await using redis = await ownRedis();
  const seen: Seen[] = [];
  for (const setting of settings) seen.push(...(await measure(redis, setting, windows)));
  say(tableOf(seen));
  return [...rowsOf(seen)];
}

function tableOf(seen: readonly Seen[]): string {
  const head = [
    "a warm acquire and its release",
    "",
    "a second",
    "p50 ms",
    "p99 ms",
    "max ms",
    "µs a script",
    "CPU of Redis",
  ];
  const rows = seen.map(({ setting, pace, measured: { perSecond, p50, p99, longest, usPerScript, redisShare } }) => {
    const numbers = [short(p50), short(p99), short(longest), short(usPerScript), `${(100 * redisShare).toFixed(0)} %`];
    return [setting.name, pace.name, perSecond.toFixed(0), ...numbers];
  });
  return table(head, rows);
}

function* rowsOf(seen: readonly Seen[]): Generator<Row> {
  for (const { setting, pace, measured } of seen.filter(({ pace }) => pace !== PING)) {
    const { perSecond, p50, p99 } = measured;
    const what = `lease acquire + release on Redis: ${setting.name}, ${pace.name}`;
    const row = { what, measured: `${perSecond.toFixed(0)}/s, p50 ${ms(p50)}, p99 ${ms(p99)}` };
    const isJudged = setting === EIGHT && pace === FULL;
    yield isJudged ? { ...row, goal: `p99 ≤ ${GOAL_P99_MS} ms`, met: p99 <= GOAL_P99_MS } : row;
  }
  const at = (wanted: Setting, pace: Pace) =>
    seen.find(({ setting, pace: own }) => setting === wanted && own === pace)?.measured;
  const [one, eight, pings] = [at(ONE, FULL), at(EIGHT, FULL), at(EIGHT, PING)];
  if (!one || !eight || !pings) return;
  yield { what: "throughput of 8 processes / of 1", measured: ratio(eight.perSecond / one.perSecond) };
  const [p50, p99] = [eight.p50 / pings.p50, eight.p99 / pings.p99];
  yield { what: "8 processes: acquire + release / two PINGs, p50, p99", measured: `${ratio(p50)}, ${ratio(p99)}` };
}

/** All paces in turns, in several windows, of which the medians count: what else runs on the machine comes and goes. */
async function measure(redis: MeasuredRedis, setting: Setting, windows: Windows): Promise<Seen[]> {
  const { processes, library = "node-redis", level = "store" } = setting;
  const { url } = redis;
  const prefix = setting.name;
  await prepare(url, prefix, processes);
  await using crew = await Crew.start<LoopOrder, LoopTask, LoopResult>(
    new URL("support/lease-loop.ts", import.meta.url),
    Array.from({ length: processes }, () => ({ url, prefix, library, level })),
  );
  await crew.run({ forMs: windows.warmUpMs, pauseMs: 0, isPing: false });
  const paces = level === "store" ? [FULL, PING] : [FULL];
  if (processes > 1) paces.push(PACED);
  const all = new Map<Pace, Measured[]>(paces.map((pace) => [pace, []]));
  for (let i = 0; i < windows.count; i++) {
    for (const [pace, measured] of all) {
      const { pauseMs, isPing = false } = pace;
      const before = await workOf(redis);
      const results = await crew.run({ forMs: windows.forMs, pauseMs, isPing });
      measured.push(measuredOf(results, between(before, await workOf(redis))));
    }
  }
  return [...all].map(([pace, measured]) => ({ setting, pace, measured: medians(measured) }));
}

function measuredOf(results: readonly LoopResult[], done: ReturnType<typeof between>): Measured {
  const turns = results.flatMap((result) => result.turns);
  return {
    perSecond: sum(results.map(({ turns, tookMs }) => (1000 * turns.length) / tookMs)),
    p50: quantile(turns, 0.5),
    p99: quantile(turns, 0.99),
    longest: quantile(turns, 1),
    usPerScript: done.scriptUs / done.scripts,
    redisShare: done.cpuS / done.seconds,
  };
}

function medians(all: readonly Measured[]): Measured {
  const of = (pick: (one: Measured) => number) => median(all.map(pick));
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    longest: Math.max(...all.map(({ longest }) => longest)),
    usPerScript: of(({ usPerScript }) => usPerScript),
    redisShare: of(({ redisShare }) => redisShare),
  };
}

/** Twice as many idle sessions as there are processes: nobody waits. */
async function prepare(url: string, prefix: string, processes: number): Promise<void> {
  const { store, end } = await connectStore(url, prefix);
  const leases = store.project("bench");
  await look(leases);
  await fillIdle(leases, 2 * processes);
  end();
}

await main(bench);
